/* SPDX-License-Identifier: ISC */
/* Each view reads the whole header section anew: simple, not fast. */
#include "wall_views.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* A line as this reader sees it, and where the next one begins. */
static size_t
cut_line(const char *p, size_t len, int view, size_t *size_r)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] == '\n')
			break;
		if (p[i] == '\r' && (view & VIEW_CR_ENDS) != 0)
			break;
	}
	*size_r = i < len ? i + 1 : i;
	/* CRLF is one line end for everybody. */
	if (i + 1 < len && p[i] == '\r' && p[i + 1] == '\n')
		*size_r = i + 2;
	while (i > 0 && p[i - 1] == '\r')
		i--;
	return i;
}

static bool
is_name_octet(char c)
{
	return c > ' ' && c < 0x7f && c != ':';
}

/*
 * A copy as this reader would have it after its first step. `cut`: it ends a
 * line behind so many octets, if that is not 0.
 */
static char *
prepare(struct xo_span header, int view, size_t cut, size_t *len_r)
{
	char *copy = malloc(header.len + (cut == 0 ? 0 : header.len / cut) + 1);
	size_t column = 0;
	size_t n = 0;
	size_t i;

	if (copy == NULL)
		abort();
	for (i = 0; i < header.len; i++) {
		char c = (char)header.p[i];

		if (c == '\0' && (view & VIEW_NO_NUL) != 0)
			continue;
		if (cut != 0 && column == cut && c != '\r' && c != '\n') {
			copy[n++] = '\n';
			column = 0;
		}
		column = c == '\n' ? 0 : column + 1;
		copy[n++] = c;
	}
	*len_r = n;
	if ((view & VIEW_UNFOLDS_FIRST) == 0)
		return copy;
	for (i = 0; i + 1 < n; i++) {
		if (copy[i] == '\n' && (copy[i + 1] == ' ' ||
		    copy[i + 1] == '\t')) {
			copy[i] = ' ';
			if (i > 0 && copy[i - 1] == '\r')
				copy[i - 1] = ' ';
		}
	}
	return copy;
}

/* Does the name that ended here go on? Final dots are no part of it. */
static bool
goes_on(const char *p, size_t len)
{
	while (len > 0 && *p == '.') {
		p++;
		len--;
	}
	return len > 0 && (xo_ascii_is_alpha((uint8_t)*p) ||
	    xo_ascii_is_digit((uint8_t)*p) || *p == '-' || *p == '_');
}

/* Comments and all that no host name has are looked through. */
static bool
names_host(const char *value, size_t len, struct xo_span host)
{
	size_t depth = 0;
	size_t n = 0;
	size_t i;

	for (i = 0; i < len && n < host.len; i++) {
		char c = value[i];

		if (c == '\\' && depth > 0)
			i++;
		else if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (depth > 0 || !is_name_octet(c) || c == '"' ||
		    c == '\\')
			continue;
		else if (strncasecmp(&c, (const char *)host.p + n, 1) != 0)
			return false;
		else
			n++;
	}
	return n == host.len && !goes_on(value + i, len - i);
}

static bool
is_wanted(const char *name, size_t n, const char *value, size_t len,
    const struct view_search *search)
{
	static const char results[] = "Authentication-Results";
	size_t i;

	for (i = 0; search->prefixes != NULL && search->prefixes[i] != NULL;
	    i++) {
		const char *prefix = search->prefixes[i];
		bool is_exact = prefix[0] == '=';
		size_t wanted = strlen(prefix) - is_exact;

		if ((is_exact ? n == wanted : n >= wanted) &&
		    strncasecmp(name, prefix + is_exact, wanted) == 0)
			return true;
	}
	return search->hostname.len > 0 && n == sizeof(results) - 1 &&
	    strncasecmp(name, results, n) == 0 &&
	    names_host(value, len, search->hostname);
}

/* One view of the whole; true if the line at `p` is what is looked for. */
static bool
look_at(const char *p, size_t len, int view, const struct view_search *search,
    const char **name_r, size_t *n_r)
{
	const char *colon = memchr(p, ':', len);
	const char *end = p + len;
	size_t n;

	if (colon == NULL)
		return false;
	n = (size_t)(colon - p);
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t' ||
	    p[n - 1] == '\r'))
		n--;
	if ((view & VIEW_TRIMS_NAMES) != 0) {
		while (n > 0 && !is_name_octet(p[n - 1]))
			n--;
		while (n > 0 && !is_name_octet(p[0])) {
			p++;
			n--;
		}
	}
	*name_r = p;
	*n_r = n;
	return is_wanted(p, n, colon + 1, (size_t)(end - colon) - 1, search);
}

static bool
find_in_view(const char *p, size_t len, int view,
    const struct view_search *search, const char **name_r, size_t *n_r)
{
	size_t at = 0;
	size_t size;

	for (; at < len; at += size) {
		const char *line = p + at;
		size_t n = cut_line(line, len - at, view, &size);
		bool is_blank = n > 0 && (line[0] == ' ' || line[0] == '\t');

		if (n == 0) {
			if ((view & VIEW_NO_END) == 0)
				return false;
			continue;
		}
		if (is_blank && (at > 0 || (view & VIEW_FIRST_BLANK) == 0))
			continue;
		while (n > 0 && (line[0] == ' ' || line[0] == '\t')) {
			line++;
			n--;
		}
		if (look_at(line, n, view, search, name_r, n_r))
			return true;
		if (memchr(line, ':', n) == NULL &&
		    (view & VIEW_SKIPS_GARBAGE) == 0)
			return false;
	}
	return false;
}

static size_t
longest_line(struct xo_span header)
{
	size_t longest = 0;

	while (header.len > 0) {
		size_t len = xo_span_find(header, '\n');

		longest = len > longest ? len : longest;
		header = xo_span_from(header, len + 1);
	}
	return longest;
}

static bool
find_cut(struct xo_span header, const struct view_search *search, int view,
    size_t cut, char *name_r, size_t size)
{
	size_t len;
	char *copy = prepare(header, view, cut, &len);
	const char *name;
	size_t n;
	bool is_found = find_in_view(copy, len, view, search, &name, &n);

	if (is_found)
		(void)snprintf(name_r, size, "%.*s", (int)n, name);
	free(copy);
	return is_found;
}

int
views_find(struct xo_span header, const struct view_search *search,
    char *name_r, size_t size)
{
	static const size_t cuts[] = VIEW_CUTS;
	size_t longest = longest_line(header);
	int view;
	size_t i;

	for (view = 0; view <= VIEW_ALL; view++) {
		if ((view & search->without) != 0)
			continue;
		for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
			if (cuts[i] <= longest && find_cut(header, search,
			    view, cuts[i], name_r, size))
				return view;
		}
	}
	return -1;
}
