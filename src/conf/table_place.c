/* SPDX-License-Identifier: ISC */
/*
 * KIND:PLACE: see table_place.h.
 */
#include <conf/table_place.h>

#include <string.h>

#include <conf/cdb.h>

struct kind {
	const char *word;
	bool is_file;
	bool (*is_built)(void);		/* NULL: in every build */
	const char *missing;
};

static const struct kind kinds[] = {
	[XO_TABLE_CSV] = {"csv:", true, NULL, NULL},
	[XO_TABLE_JSONL] = {"jsonl:", true, NULL, NULL},
	[XO_TABLE_CDB] = {"cdb:", true, xo_cdb_is_built,
	    "another kind of table, since this xoorg was built without cdb"},
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == XO_TABLE_KIND_COUNT,
    "a kind of table without a word");

const char *
xo_table_place_parse(const char *text, struct xo_conf_arena *arena,
    struct xo_conf_table *table)
{
	(void)arena;
	*table = (struct xo_conf_table){.text = text};
	for (size_t i = 0; i < XO_TABLE_KIND_COUNT; i++) {
		const struct kind *kind = &kinds[i];
		size_t n = strlen(kind->word);

		if (strncmp(text, kind->word, n) != 0)
			continue;
		if (kind->is_built != NULL && !kind->is_built())
			return kind->missing;
		table->kind = (enum xo_table_kind)i;
		table->path = text + n;
		return text[n] != '\0' ? NULL :
		    "the name of a file behind csv:, jsonl: or cdb:";
	}
	return "csv:FILE, jsonl:FILE or cdb:FILE";
}

const char *
xo_table_place_word(enum xo_table_kind kind)
{
	return kinds[kind].word;
}

bool
xo_table_place_is_file(enum xo_table_kind kind)
{
	return kinds[kind].is_file;
}

bool
xo_tables_have_source(const struct xo_conf *conf)
{
	for (size_t i = 0; i < conf->n_tables; i++)
		if (xo_table_is_source(&conf->tables[i]))
			return true;
	return false;
}
