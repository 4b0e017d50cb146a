/* SPDX-License-Identifier: ISC */
/*
 * What a look found: an error, or one more warning.
 */
#include <conf/audit.h>

#include <stdarg.h>

#define TEXT_SIZE 1024

const char *
xo_audit_name(const struct xo_audit *audit, enum xo_section section, int i)
{
	return audit->loader->sections[section].entries[i].name;
}

static void
tell(struct xo_audit *a, const char *setting, const struct xo_conf_where *where,
    const char *what)
{
	enum xo_section section = a->look->section;
	const struct xo_conf_entry *entry =
	    &a->loader->sections[section].entries[a->i];
	struct xo_conf_where place = where != NULL ? *where :
	    xo_conf_entry_where(entry, setting);
	struct xo_conf_shown name = xo_conf_full_name(section, entry, setting);
	const struct xo_rule *rule = xo_rule(a->look->rule);

	if (rule->severity == XO_SEVERITY_ERROR)
		(void)xo_conf_fail(a->loader->error, &place,
		    "%s: expected %s, found %s; %s [%s]", name.text,
		    rule->cure, what, rule->risk, rule->id);
	else
		xo_warnings_add(a->warnings, a->look->rule, &place, name.text,
		    "%s", what);
}

void
xo_audit_tell(struct xo_audit *a, const struct xo_conf_where *where,
    const char *format, ...)
{
	char what[TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	tell(a, a->look->setting, where, what);
}

void
xo_audit_tell_of(struct xo_audit *a, const char *setting, const char *format,
    ...)
{
	char what[TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	tell(a, setting, NULL, what);
}
