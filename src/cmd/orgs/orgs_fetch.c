/* SPDX-License-Identifier: ISC */
/*
 * GET URL/orgs.
 */
#include <cmd/orgs/orgs.h>

#include <curl/curl.h>

/* What no table of organisations comes near to. */
#define ANSWER_MAX ((size_t)16 * 1024 * 1024)
#define TIMEOUT 20L

static size_t
take(char *p, size_t size, size_t n, void *arg)
{
	struct xo_buf *answer = arg;

	xo_buf_add(answer, xo_span(p, size * n));
	return answer->err == XO_OK ? size * n : 0;
}

static const char *
get(const char *url, struct xo_buf *answer, long *code_r)
{
	CURL *curl = curl_easy_init();
	CURLcode done;

	if (curl == NULL)
		return "no memory";
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	done = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, code_r);
	curl_easy_cleanup(curl);
	return done == CURLE_OK ? NULL : curl_easy_strerror(done);
}

static void
full_url(const char *url, struct xo_buf *out)
{
	struct xo_span s = xo_span_from_cstr(url);

	while (s.len > 0 && s.p[s.len - 1] == '/')
		s.len--;
	if (s.len >= 5 && xo_span_is_equal(xo_span_from(s, s.len - 5),
	    XO_LIT("/orgs")))
		s.len -= 5;
	xo_buf_add(out, s);
	xo_buf_add(out, XO_LIT("/orgs\0"));
}

json_t *
xo_orgs_fetch(const char *url, struct xo_buf *why)
{
	struct xo_buf full = {0}, answer = {.max = ANSWER_MAX};
	json_t *json = NULL;
	long code = 0;
	const char *trouble;

	full_url(url, &full);
	trouble = full.err != XO_OK ? "no memory" :
	    get((const char *)full.p, &answer, &code);
	if (trouble == NULL && code == 200)
		json = json_loadb((const char *)answer.p, answer.len, 0, NULL);
	if (json == NULL && trouble != NULL)
		xo_buf_add_cstr(why, trouble);
	else if (json == NULL && code != 200)
		xo_buf_add_all(why, "expected the status page of xoorgd"
		    ", found another answer than 200", (char *)NULL);
	else if (json == NULL)
		xo_buf_add_cstr(why, "expected JSON of xoorgd, found "
		    "something else");
	xo_buf_fini(&full);
	xo_buf_fini(&answer);
	return json;
}
