/* SPDX-License-Identifier: ISC */
/*
 * KIND:PLACE: see table_place.h.
 */
#include <conf/table_place.h>

#include <string.h>

static const char *const kinds[] = {
	[XO_TABLE_CSV] = "csv:",
	[XO_TABLE_JSONL] = "jsonl:",
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == XO_TABLE_KIND_COUNT,
    "a kind of table without a word");

const char *
xo_table_place_parse(const char *text, struct xo_conf_table *table)
{
	*table = (struct xo_conf_table){.text = text};
	for (size_t i = 0; i < XO_TABLE_KIND_COUNT; i++) {
		size_t n = strlen(kinds[i]);

		if (strncmp(text, kinds[i], n) != 0)
			continue;
		table->kind = (enum xo_table_kind)i;
		table->path = text + n;
		return text[n] != '\0' ? NULL :
		    "the name of a file behind csv: or jsonl:";
	}
	return "csv:FILE or jsonl:FILE";
}

const char *
xo_table_place_word(enum xo_table_kind kind)
{
	return kinds[kind];
}
