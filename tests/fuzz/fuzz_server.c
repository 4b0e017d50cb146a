/* SPDX-License-Identifier: ISC */
/*
 * What a server of tenants says: netstrings and replies of Redis stay in the input,
 * are the same however they are cut, and come back as they were; records are a tenant
 * or an error, never both.
 */
#include <string.h>

#include <conf/guest.h>
#include <table/netstring.h>
#include <table/resp.h>

#include "fuzz.h"

#define MAX 100

static void
try_netstring(struct xo_span in)
{
	struct xo_buf back = {0};
	struct xo_span text, again;
	size_t used, n, other;
	enum xo_err err = xo_netstring_read(in, MAX, &text, &used);

	if (err != XO_OK)
		return;
	MUST(used <= in.len && text.len <= MAX && fuzz_is_inside(text, in));
	for (n = 0; n < used; n++)
		MUST(xo_netstring_read(xo_span_first(in, n), MAX, &again,
		    &other) == XO_MORE);
	xo_netstring_write(&back, text);
	MUST(xo_span_is_equal(xo_buf_span(&back), xo_span_first(in, used)));
	xo_buf_fini(&back);
}

static void
try_reply(struct xo_span in)
{
	struct xo_resp reply, again;
	size_t used, n, other;

	if (xo_resp_read(in, MAX, &reply, &used) != XO_OK)
		return;
	MUST(used <= in.len && fuzz_is_inside(reply.text, in));
	MUST(reply.kind != XO_RESP_VALUE || reply.text.len <= MAX);
	for (n = 0; n < used; n++)
		MUST(xo_resp_read(xo_span_first(in, n), MAX, &again,
		    &other) == XO_MORE);
}

static void
try_number(struct xo_span in)
{
	uint64_t number, again;
	size_t used, n, other;

	if (xo_resp_read_number(in, '*', &number, &used) != XO_OK)
		return;
	MUST(used <= in.len && in.p[0] == '*');
	for (n = 0; n < used; n++)
		MUST(xo_resp_read_number(xo_span_first(in, n), '*', &again,
		    &other) == XO_MORE);
}

static void
try_record(struct xo_span in)
{
	static const struct xo_conf conf;
	struct xo_guest_reader *reader = xo_guest_reader_new(&conf);
	struct xo_buf error = {0};
	struct xo_guest *guest;

	MUST(reader != NULL);
	guest = xo_guest_read(reader, in, &error);
	MUST((guest == NULL) == (error.len > 0));
	if (guest != NULL) {
		MUST(guest->tenant.n_originator_orgs > 0);
		MUST(!guest->tenant.has_client_certificate);
		MUST(!guest->tenant.has_upstream);
		for (size_t i = 0; i < guest->tenant.n_certificate_names; i++)
			MUST(xo_guest_answers(&guest->tenant, &(struct xo_key){
			    XO_KEY_CERTIFICATE,
			    guest->tenant.certificate_names[i]}));
	}
	xo_guest_free(&guest);
	xo_guest_reader_free(&reader);
	xo_buf_fini(&error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xo_span in = xo_span(data, size);

	try_netstring(in);
	try_reply(in);
	try_number(in);
	try_record(in);
	return 0;
}
