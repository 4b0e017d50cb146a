/* SPDX-License-Identifier: ISC */
/*
 * Rows of several gateways, made one.
 */
#include <cmd/orgs/orgs.h>
#include <cmd/common/tool.h>

#include <stdlib.h>
#include <string.h>

static json_t *
lower(const char *name)
{
	size_t len = strlen(name);
	char *copy = xo_tool_require(malloc(len + 1));
	json_t *json;

	for (size_t i = 0; i <= len; i++)
		copy[i] = (char)xo_ascii_lower((uint8_t)name[i]);
	json = xo_tool_require(json_string(copy));
	free(copy);
	return json;
}

static const char *
text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text != NULL ? text : "";
}

static void
add_counts(json_t *to, const json_t *from)
{
	const char *key;
	json_t *n;

	json_object_foreach((json_t *)(uintptr_t)from, key, n) {
		json_int_t sum = json_integer_value(n) +
		    json_integer_value(json_object_get(to, key));

		(void)json_object_set_new(to, key, json_integer(sum));
	}
}

/* Times are of one form, so that text compares as time. */
static void
merge_row(json_t *into, const json_t *row)
{
	static const char *const newest[] = {"last", "tenant", "verdict",
	    "action", "enforced"};

	add_counts(json_object_get(into, "messages"),
	    json_object_get(row, "messages"));
	if (strcmp(text_of(row, "first"), text_of(into, "first")) < 0)
		(void)json_object_set(into, "first",
		    json_object_get(row, "first"));
	if (strcmp(text_of(row, "last"), text_of(into, "last")) <= 0)
		return;
	for (size_t i = 0; i < sizeof(newest) / sizeof(newest[0]); i++)
		(void)json_object_set(into, newest[i],
		    json_object_get(row, newest[i]));
}

static bool
is_row(const json_t *row)
{
	return json_is_string(json_object_get(row, "originator_org")) &&
	    json_is_object(json_object_get(row, "messages")) &&
	    json_is_string(json_object_get(row, "first")) &&
	    json_is_string(json_object_get(row, "last"));
}

bool
xo_orgs_merge(json_t *all, const json_t *said)
{
	const json_t *rows = json_object_get(said, "orgs");
	json_t *row;
	size_t i;

	if (!json_is_array(rows))
		return false;
	json_array_foreach(rows, i, row) {
		json_t *name, *known;

		if (!is_row(row))
			return false;
		name = lower(text_of(row, "originator_org"));
		known = json_object_get(all, json_string_value(name));
		if (known != NULL)
			merge_row(known, row);
		else
			(void)json_object_set_new(all, json_string_value(name),
			    xo_tool_require(json_deep_copy(row)));
		json_decref(name);
	}
	return true;
}

static json_int_t
sum(const json_t *row)
{
	json_int_t n = 0;
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(row, "messages"), key, value)
		n += json_integer_value(value);
	return n;
}

static int
compare(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;

	if (sum(x) != sum(y))
		return sum(x) < sum(y) ? 1 : -1;
	return strcmp(text_of(x, "originator_org"),
	    text_of(y, "originator_org"));
}

json_t *
xo_orgs_sorted(const json_t *all, bool is_unknown_only)
{
	json_t **rows = xo_tool_require(calloc(json_object_size(all) + 1,
	    sizeof(json_t *)));
	json_t *sorted = xo_tool_require(json_array()), *row;
	const char *name;
	size_t n = 0;

	json_object_foreach((json_t *)(uintptr_t)all, name, row)
		if (!is_unknown_only ||
		    json_is_null(json_object_get(row, "tenant")))
			rows[n++] = row;
	qsort(rows, n, sizeof(*rows), compare);
	for (size_t i = 0; i < n; i++)
		(void)json_array_append(sorted, rows[i]);
	free(rows);
	return sorted;
}

/* What came from outside steers no terminal. */
static void
put(const char *text, int width, FILE *out)
{
	int n = 0;

	for (; *text != '\0'; text++, n++)
		fputc(*text > ' ' && *text < 0x7f ? *text : '?', out);
	fprintf(out, "%*s", n < width ? width - n : 1, "");
}

void
xo_orgs_print(const json_t *sorted, FILE *out)
{
	json_t *row;
	size_t i;

	if (json_array_size(sorted) == 0) {
		fputs("No organisation was seen.\n", out);
		return;
	}
	fprintf(out, "%8s  %-32s%-16s%-16s%-10s%s\n", "messages",
	    "organisation", "tenant", "verdict", "enforced", "last");
	json_array_foreach(sorted, i, row) {
		const char *tenant = text_of(row, "tenant");

		fprintf(out, "%8lld  ", (long long)sum(row));
		put(text_of(row, "originator_org"), 32, out);
		put(*tenant != '\0' ? tenant : "-", 16, out);
		put(text_of(row, "verdict"), 16, out);
		put(text_of(row, "enforced"), 10, out);
		put(text_of(row, "last"), 0, out);
		fputc('\n', out);
	}
}
