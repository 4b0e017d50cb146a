/* SPDX-License-Identifier: ISC */
/*
 * A configuration as a file again: the table of settings walked once more, with
 * one function a type. What is printed loads, and prints the same.
 */
#include <conf/load.h>

#include <conf/address.h>

struct printer {
	const struct xo_conf *conf;
	struct xo_buf *out;
	bool is_changed;
	const struct xo_setting *row;
	bool is_cell;			/* of a table: no quotes, no brackets */
	bool is_json;
};

struct type {
	size_t size;			/* of an element; 0: no list */
	void (*print)(const struct printer *printer, const void *field,
	    const void *other);
};

/* `escape`: of a control character, before its two digits. */
static void
print_quoted(struct xo_buf *out, struct xo_span text, const char *escape)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	xo_buf_add_byte(out, '"');
	for (i = 0; i < text.len; i++) {
		uint8_t c = text.p[i];

		if (c == '"' || c == '\\')
			xo_buf_add_byte(out, '\\');
		if (c >= ' ' && c != 0x7f) {
			xo_buf_add_byte(out, c);
			continue;
		}
		xo_buf_add_cstr(out, escape);
		xo_buf_add_byte(out, (uint8_t)digits[c >> 4]);
		xo_buf_add_byte(out, (uint8_t)digits[c & 0xf]);
	}
	xo_buf_add_byte(out, '"');
}

static void
print_string(const struct printer *printer, struct xo_span text)
{
	if (printer->is_cell)
		xo_buf_add(printer->out, text);
	else
		print_quoted(printer->out, text, printer->is_json ?
		    "\\u00" : "\\x");
}

static void
print_cstr(const struct printer *printer, const char *text)
{
	print_string(printer, xo_span_from_cstr(text));
}

static void
print_bool(const struct printer *printer, const void *field,
    const void *other)
{
	(void)other;
	xo_buf_add_cstr(printer->out,
	    *(const bool *)field ? "true" : "false");
}

static void
print_number(const struct printer *printer, const void *field,
    const void *other)
{
	(void)other;
	xo_buf_add_u64(printer->out, *(const uint32_t *)field);
}

/* libconfig 1.5 cuts what has more than 31 bits; we read the digits. */
static void
print_size(const struct printer *printer, const void *field,
    const void *other)
{
	(void)other;
	xo_buf_add_u64(printer->out, *(const uint64_t *)field);
}

static void
print_seconds(const struct printer *printer, const void *field,
    const void *other)
{
	(void)other;
	xo_buf_add_u64(printer->out, *(const uint32_t *)field / 1000U);
}

static void
print_text(const struct printer *printer, const void *field,
    const void *other)
{
	(void)other;
	print_cstr(printer, *(const char *const *)field);
}

static void
print_word(const struct printer *printer, const void *field,
    const void *other)
{
	unsigned int value;

	(void)other;
	memcpy(&value, field, sizeof(value));
	print_cstr(printer, printer->row->words[value]);
}

static void
print_words(const struct printer *printer, const void *field,
    const void *other)
{
	const char *const *words = printer->row->words;
	uint32_t bits = *(const uint32_t *)field;
	bool is_first = true;
	int i;

	(void)other;
	xo_buf_add_byte(printer->out, '[');
	for (i = 0; words[i] != NULL; i++) {
		if ((bits >> i & 1) == 0)
			continue;
		xo_buf_add_cstr(printer->out, is_first ? "" : ", ");
		print_cstr(printer, words[i]);
		is_first = false;
	}
	xo_buf_add_byte(printer->out, ']');
}

static void
print_span(const struct printer *printer, const void *field,
    const void *other)
{
	(void)other;
	print_string(printer, *(const struct xo_span *)field);
}

static void
print_network(const struct printer *printer, const void *field,
    const void *other)
{
	(void)other;
	xo_buf_add_byte(printer->out, '"');
	xo_conf_network_write(printer->out, field);
	xo_buf_add_byte(printer->out, '"');
}

static void
print_host(const struct printer *printer, const void *field,
    const void *other)
{
	(void)other;
	xo_buf_add_byte(printer->out, '"');
	xo_conf_host_write(printer->out, field);
	xo_buf_add_byte(printer->out, '"');
}

static void
print_address(const struct printer *printer, const void *field,
    const void *other)
{
	if (*(const bool *)other)
		print_host(printer, field, NULL);
	else
		print_cstr(printer, "");
}

static void
print_file(const struct printer *printer, const void *field,
    const void *other)
{
	const struct xo_conf_path *path = field;

	(void)other;
	print_cstr(printer, path->path);
}

static void
print_table(const struct printer *printer, const void *field,
    const void *other)
{
	const struct xo_conf_table *table = field;

	(void)other;
	print_cstr(printer, table->text);
}

static void
print_certificate(const struct printer *printer, const void *field,
    const void *other)
{
	if (*(const bool *)other)
		print_cstr(printer, printer->row->words[0]);
	else
		print_file(printer, field, NULL);
}

static void
print_xoorg(const struct printer *printer, const void *field,
    const void *other)
{
	if (*(const enum xo_xoorg_source *)field == XO_XOORG_DOMAIN)
		print_span(printer, other, NULL);
	else
		print_word(printer, field, NULL);
}

static void
print_reference(const struct printer *printer, const void *field,
    const void *other)
{
	int i = *(const int *)field;

	(void)other;
	if (i == XO_NOBODY)
		print_cstr(printer, "");
	else
		print_string(printer, xo_record_name(printer->conf,
		    printer->row->target, (size_t)i));
}

static const struct type types[] = {
	[XO_SETTING_BOOL] = {0, print_bool},
	[XO_SETTING_NUMBER] = {0, print_number},
	[XO_SETTING_SIZE] = {0, print_size},
	[XO_SETTING_SECONDS] = {0, print_seconds},
	[XO_SETTING_TEXT] = {0, print_text},
	[XO_SETTING_WORD] = {0, print_word},
	[XO_SETTING_WORDS] = {0, print_words},
	[XO_SETTING_HOSTNAME] = {0, print_span},
	[XO_SETTING_DOMAIN] = {0, print_text},
	[XO_SETTING_EXTENSIONS] = {sizeof(struct xo_span), print_span},
	[XO_SETTING_DOMAINS] = {sizeof(struct xo_span), print_span},
	[XO_SETTING_NETWORKS] = {sizeof(struct xo_network), print_network},
	[XO_SETTING_ADDRESS] = {0, print_address},
	[XO_SETTING_ADDRESSES] = {sizeof(struct xo_conf_host), print_host},
	[XO_SETTING_HOSTS] = {sizeof(struct xo_conf_host), print_host},
	[XO_SETTING_FILE] = {0, print_file},
	[XO_SETTING_NEW_FILE] = {0, print_file},
	[XO_SETTING_FOLDER] = {0, print_file},
	[XO_SETTING_WORD_OR_FILE] = {0, print_text},
	[XO_SETTING_WORD_OR_NEW_FILE] = {0, print_text},
	[XO_SETTING_CERTIFICATE] = {0, print_certificate},
	[XO_SETTING_XOORG] = {0, print_xoorg},
	[XO_SETTING_TABLES] = {sizeof(struct xo_conf_table), print_table},
	[XO_SETTING_REFERENCE] = {0, print_reference},
	[XO_SETTING_REFERENCES] = {sizeof(int), print_reference},
};
_Static_assert(sizeof(types) / sizeof(types[0]) == XO_SETTING_TYPE_COUNT,
    "a type without a function");

static void
print_list(const struct printer *printer, const void *field, size_t n)
{
	const struct type *type = &types[printer->row->type];
	bool has_brackets = !printer->is_cell || n == 0;
	const unsigned char *elements;
	size_t i;

	memcpy(&elements, field, sizeof(elements));
	xo_buf_add_cstr(printer->out, has_brackets ? "[" : "");
	for (i = 0; i < n; i++) {
		xo_buf_add_cstr(printer->out, i == 0 ? "" :
		    printer->is_cell ? " " : ", ");
		type->print(printer, elements + i * type->size, NULL);
	}
	xo_buf_add_cstr(printer->out, has_brackets ? "]" : "");
}

static bool
goes_to_its_orgs(const struct xo_tenant *tenant)
{
	if (tenant->n_recipient_domains != tenant->n_originator_orgs)
		return false;
	for (size_t i = 0; i < tenant->n_recipient_domains; i++)
		if (!xo_span_is_equal_nocase(tenant->recipient_domains[i],
		    tenant->originator_orgs[i]))
			return false;
	return true;
}

/* Absent is not empty. */
static bool
is_recipients(const struct xo_setting *row)
{
	return row->section == XO_SECTION_TENANTS && row->offset ==
	    offsetof(struct xo_tenant_record, policy.recipient_domains);
}

/* The printed value says what the table does: of lists and texts without their
 * brackets and quotes. */
static bool
is_default(const struct xo_setting *row, const void *record,
    struct xo_span value)
{
	const struct xo_tenant_record *tenant = record;
	struct xo_span text;

	if (is_recipients(row))
		return goes_to_its_orgs(&tenant->policy);
	if (row->default_text == NULL)
		return false;
	text = xo_span_from_cstr(row->default_text);
	if (value.len >= 2 && (value.p[0] == '"' || value.p[0] == '['))
		value = xo_span(value.p + 1, value.len - 2);
	return xo_span_is_equal(value, text);
}

static void
print_value(const struct printer *printer, const void *record)
{
	const struct xo_setting *row = printer->row;
	const struct type *type = &types[row->type];
	const unsigned char *octets = record;
	const void *field = octets + row->offset;
	const void *other = row->other != 0 ? octets + row->other : NULL;

	if (type->size != 0)
		/* analyser: a list has its count */
		print_list(printer, field, *(const size_t *)other);
	else
		type->print(printer, field, other);
}

static void
print_settings(struct printer *printer, enum xo_section section,
    const void *record, const char *indent)
{
	size_t i, n;
	const struct xo_setting *rows = xo_settings(&n);

	for (i = 0; i < n; i++) {
		size_t start = printer->out->len;
		size_t value;

		if (rows[i].section != section)
			continue;
		printer->row = &rows[i];
		xo_buf_add_all(printer->out, indent, rows[i].name, " = ",
		    (char *)NULL);
		value = printer->out->len;
		print_value(printer, record);
		if (printer->is_changed && is_default(&rows[i], record,
		    xo_span_from(xo_buf_span(printer->out), value)))
			printer->out->len = start;
		else
			xo_buf_add_byte(printer->out, '\n');
	}
}

static void
print_group(struct printer *printer, enum xo_section section, size_t i)
{
	union xo_record space;

	xo_buf_add_byte(printer->out, '\t');
	xo_buf_add(printer->out, xo_record_name(printer->conf, section, i));
	xo_buf_add_cstr(printer->out, " = {\n");
	print_settings(printer, section, xo_record_get(printer->conf, section,
	    i, &space), "\t\t");
	xo_buf_add_cstr(printer->out, "\t}\n");
}

static void
print_section(struct printer *printer, enum xo_section section)
{
	size_t n = xo_record_count(printer->conf, section);
	size_t i;

	xo_buf_add_all(printer->out, xo_section_name(section), " = {\n",
	    (char *)NULL);
	if (section == XO_SECTION_LIMITS)
		print_settings(printer, section, printer->conf, "\t");
	for (i = 0; section != XO_SECTION_LIMITS && i < n; i++)
		print_group(printer, section, i);
	xo_buf_add_cstr(printer->out, "}\n");
}

int
xo_conf_print(const struct xo_conf *conf, bool is_changed, FILE *out)
{
	struct xo_buf text = {0};
	struct printer printer = {.conf = conf, .out = &text,
	    .is_changed = is_changed};
	size_t section;
	int result = -1;

	print_settings(&printer, XO_SECTION_TOP, conf, "");
	for (section = XO_SECTION_LIMITS; section < XO_SECTION_COUNT; section++)
		print_section(&printer, (enum xo_section)section);
	if (text.err == XO_OK &&
	    fwrite(text.p, 1, text.len, out) == text.len && fflush(out) == 0)
		result = 0;
	xo_buf_fini(&text);
	return result;
}

void
xo_conf_print_tenant(const struct xo_conf *conf, size_t i, struct xo_buf *out)
{
	struct printer printer = {.conf = conf, .out = out};

	print_group(&printer, XO_SECTION_TENANTS, i);
}

size_t
xo_conf_tenant_columns(const char **names, size_t max)
{
	size_t i, n, n_columns = 0;
	const struct xo_setting *rows = xo_settings(&n);

	for (i = 0; i < n; i++)
		if (rows[i].section == XO_SECTION_TENANTS && n_columns < max)
			names[n_columns++] = rows[i].name;
	return n_columns;
}

void
xo_conf_print_cell(const struct xo_conf *conf, size_t i, const char *column,
    struct xo_buf *out)
{
	struct printer printer = {.conf = conf, .out = out, .is_cell = true};
	union xo_record space;

	printer.row = xo_setting_find(XO_SECTION_TENANTS,
	    xo_span_from_cstr(column));
	(void)xo_record_get(conf, XO_SECTION_TENANTS, i, &space);
	xo_buf_clear(out);
	if (printer.row == NULL)
		return;
	print_value(&printer, &space);
	if (is_default(printer.row, &space, xo_buf_span(out)))
		xo_buf_clear(out);
}

void
xo_conf_print_object(const struct xo_conf *conf, size_t i, struct xo_buf *out)
{
	struct printer printer = {.conf = conf, .out = out, .is_json = true};
	union xo_record space;
	size_t k, n;
	const struct xo_setting *rows = xo_settings(&n);

	(void)xo_record_get(conf, XO_SECTION_TENANTS, i, &space);
	xo_buf_add_cstr(out, "{\"name\": ");
	print_string(&printer, xo_record_name(conf, XO_SECTION_TENANTS, i));
	for (k = 0; k < n; k++) {
		size_t start = out->len;
		size_t value;

		if (rows[k].section != XO_SECTION_TENANTS)
			continue;
		printer.row = &rows[k];
		xo_buf_add_all(out, ", \"", rows[k].name, "\": ",
		    (char *)NULL);
		value = out->len;
		print_value(&printer, &space);
		if (is_default(&rows[k], &space,
		    xo_span_from(xo_buf_span(out), value)))
			out->len = start;
	}
	xo_buf_add_byte(out, '}');
}
