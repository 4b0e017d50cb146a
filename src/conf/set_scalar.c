/* SPDX-License-Identifier: ISC */
/*
 * Booleans, numbers, text and words.
 */
#include <conf/setters.h>

bool
xo_set_bool(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	(void)setter;
	(void)other;
	*(bool *)field = xo_span_is_equal_nocase(node->text, XO_LIT("true"));
	return true;
}

/* As libconfig has it: decimal or 0x, with or without the L of 1.5. */
static bool
parse_number(struct xo_span text, uint64_t *n_r)
{
	bool is_hex;
	size_t i;

	while (text.len > 0 && xo_ascii_lower(text.p[text.len - 1]) == 'l')
		text.len--;
	if (text.len > 1 && text.p[0] == '+')
		text = xo_span_from(text, 1);
	is_hex = xo_span_has_prefix_nocase(text, XO_LIT("0x"));
	if (!is_hex)
		return xo_span_to_u64(text, n_r) == XO_OK;
	if (text.len > 2 + 16)
		return false;
	*n_r = 0;
	for (i = 2; i < text.len; i++) {
		int digit = xo_ascii_hex_value(text.p[i]);

		if (digit < 0)
			return false;
		*n_r = *n_r << 4 | (unsigned int)digit;
	}
	return text.len > 2;
}

static bool
read_number(const struct xo_setter *setter, const struct xo_node *node,
    uint64_t *n_r)
{
	const struct xo_setting *row = setter->row;
	char expected[96];

	if (parse_number(node->text, n_r) && *n_r >= row->min &&
	    *n_r <= row->max)
		return true;
	(void)snprintf(expected, sizeof(expected),
	    "a whole number from %llu to %llu%s", (unsigned long long)row->min,
	    (unsigned long long)row->max,
	    row->type == XO_SETTING_SECONDS ? " (seconds)" : "");
	return xo_value_fail(setter, node, expected);
}

bool
xo_set_size(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	(void)other;
	return read_number(setter, node, field);
}

bool
xo_set_number(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	uint64_t n;

	(void)other;
	if (!read_number(setter, node, &n))
		return false;
	*(uint32_t *)field = (uint32_t)n;
	return true;
}

bool
xo_set_seconds(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	uint64_t n;

	(void)other;
	if (!read_number(setter, node, &n))
		return false;
	/* analyser: it was read, or we are gone */
	*(uint32_t *)field = (uint32_t)n * 1000U;
	return true;
}

void
xo_value_set_where(const struct xo_node *node, void *where)
{
	if (where != NULL)
		*(struct xo_conf_where *)where = node->where;
}

bool
xo_set_text(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	xo_value_set_where(node, other);
	*(const char **)field = NULL;
	return node->text.len == 0 || xo_value_copy(setter, node->text, field);
}

int
xo_value_find_word(const char *const *words, struct xo_span text)
{
	int i;

	for (i = 0; words[i] != NULL; i++) {
		if (xo_span_is_equal(text, xo_span_from_cstr(words[i])))
			return i;
	}
	return -1;
}

static bool
fail_word(const struct xo_setter *setter, const struct xo_node *node)
{
	const char *const *words = setter->row->words;
	char expected[160] = "one of";
	size_t n = strlen(expected);
	int i;

	for (i = 0; words[i] != NULL && n < sizeof(expected); i++)
		n += (size_t)snprintf(expected + n, sizeof(expected) - n,
		    "%s %s", i == 0 ? "" : ",",
		    words[i][0] != '\0' ? words[i] : "\"\"");
	return xo_value_fail(setter, node, expected);
}

bool
xo_set_word(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	int i = xo_value_find_word(setter->row->words, node->text);
	unsigned int value = (unsigned int)i;

	(void)other;
	if (i < 0)
		return fail_word(setter, node);
	/* An enumeration without negative values has this type. */
	memcpy(field, &value, sizeof(value));
	return true;
}

bool
xo_set_words(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	int i = xo_value_find_word(setter->row->words, node->text);

	(void)other;
	if (i < 0)
		return fail_word(setter, node);
	*(uint32_t *)field |= (uint32_t)1 << i;
	return true;
}
