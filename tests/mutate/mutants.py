# SPDX-License-Identifier: ISC
"""Changes that a test must notice: each makes a rule lenient, a bound another, a check
nothing. Files are found by their base name, wherever they stand; the old text has to be
in the file once, or the list is out of date and says so.

A survivor is argued here (`survives`), or gets the row that was missing."""


class Mutant:
    def __init__(self, name, file, old, new, unit=(), e2e=(), survives=""):
        self.name, self.file, self.old, self.new = name, file, old, new
        self.unit, self.e2e, self.survives = unit, e2e, survives


MUTANTS = []


def group(file, unit="", e2e=()):
    """One file's mutants; `unit`: tests by name, `e2e`: (file, words of -k) each."""
    e2e = [e2e] if e2e and isinstance(e2e, tuple) and isinstance(e2e[0], str) else list(e2e)

    def add(name, old, new, unit=unit, e2e=e2e, survives=""):
        MUTANTS.append(Mutant("%s:%s" % (file.partition(".")[0], name), file, old, new,
                              unit.split(), e2e, survives))
    return add


# --- trust: who is trusted, and with what --------------------------------------------

m = group("treatment.c", "treatment relay_trust")
m("ours-with-xoorg", "(rights & XO_RIGHT_XOORG) == 0;", "true;")
m("ours-without-relay", "return (rights & XO_RIGHT_RELAY) != 0 &&", "return true &&")
m("origin-ours", "return xo_rights_are_ours(rights) ? XO_ORIGIN_OURS : XO_ORIGIN_OTHER;",
  "return XO_ORIGIN_OURS;")
m("origin-verified", "if (verdict == XO_VERDICT_VERIFIED)\n\t\treturn XO_ORIGIN_VERIFIED;",
  "if (verdict != XO_VERDICT_UNAUTHENTICATED)\n\t\treturn XO_ORIGIN_VERIFIED;")
m("tenant-of-strangers", "else if (t->origin == XO_ORIGIN_OURS && address.len > 0)",
  "else if (address.len > 0)")
m("trusted-always", "t->is_trusted = t->answer.decision == XO_DECISION_ACCEPT;",
  "t->is_trusted = true;")
m("demoted-to-upstream", "t->upstream = listener->demote_to;",
  "t->upstream = listener->upstream;")
m("tenants-upstream", "t->upstream = tenant->upstream;", "t->upstream = listener->upstream;")
m("no-upstream", "t->upstream = XO_NOBODY;\n}", "t->upstream = 0;\n}")
m("tempfail-accepts", "return XO_REFUSAL_TRY_LATER;\n\tif (t->answer.decision == XO_DECISION_REJECT)",
  "return XO_REFUSAL_NONE;\n\tif (t->answer.decision == XO_DECISION_REJECT)")
m("reject-accepts", "if (t->answer.decision == XO_DECISION_REJECT)", "if (false)")
m("lacks-tenant", "if (t->has_sender && lacks_tenant(policy, t))", "if (false)")
m("lacks-tenant-rcpt",
  "return lacks_tenant(policy, t) ? XO_REFUSAL_NO_TENANT : XO_REFUSAL_NONE;",
  "return XO_REFUSAL_NONE;")
m("recipients-free", "if ((t->is_trusted || t->is_observed) && !is_postmaster)\n", "if (false)\n")
m("recipients-free-once-observed", "if ((t->is_trusted || t->is_observed) && !is_postmaster)\n", "if (t->is_trusted && !is_postmaster)\n")
m("no-postmaster", "if ((t->is_trusted || t->is_observed) && !is_postmaster)\n", "if (t->is_trusted || t->is_observed)\n")
m("postmaster-of-all", "bool is_postmaster = t->answer.verdict == XO_VERDICT_VERIFIED &&", "bool is_postmaster = true &&")
m("by-recipient", "return t->origin == XO_ORIGIN_OURS && !t->has_sender;", "return t->origin == XO_ORIGIN_OURS;")
m("by-recipient-strangers", "return t->origin == XO_ORIGIN_OURS && !t->has_sender;", "return !t->has_sender;")
m("mismatch-relays", "return rights & ~(uint32_t)XO_RIGHT_RELAY;", "return rights;")
m("ways-attributed", "if (is_attributed)\n", "if (false)\n")
m("takes-another-tenant's", "(t->answer.tenant == XO_NOBODY || t->answer.tenant == tenant);", "true;")
m("attributed-nowhere", "XO_ORIGIN_OURS && t->answer.tenant == XO_NOBODY ?", "XO_ORIGIN_OURS ?",
  survives="550 for 451 where the configuration has no next hop, which it may not lack")
m("by-later-recipient", "if (is_first && is_by_recipient(t)) {", "if (is_by_recipient(t)) {")
m("observed-origin", "ordinary.origin = XO_ORIGIN_OTHER;", ";")
m("observed-tenant", "ordinary.tenant = XO_NOBODY;", ";")
m("observed-decision", "ordinary.answer.decision = XO_DECISION_DEMOTE;", ";")
m("observed-certificate", "if (ordinary.upstream == XO_NOBODY || lacks_tenant(policy, &ordinary))", "if (ordinary.upstream == XO_NOBODY)")
m("observes-always", "if (listener->mode != XO_MODE_OBSERVE)\n\t\treturn why;", "")
m("observes-later", "if (t->is_observed || (is_first && demote(policy, listener, t)))", "if (t->is_observed || demote(policy, listener, t))")
m("stranger-xoorg", "if (!is_verified && t->origin != XO_ORIGIN_OURS)\n\t\treturn nothing;", "")
m("tenant-says-first", "case XO_XOORG_TENANT:\n\t\treturn is_verified ? said :", "case XO_XOORG_TENANT:\n\t\treturn false ? said :")
m("message-says-brought", "return is_verified ? said : brought;", "return brought;")
m("takes-value-of-all", "return t->origin == XO_ORIGIN_OURS && org.len > 0 &&", "return org.len > 0 &&")
m("takes-value-any-source", "xo_upstream_at(policy, t->upstream)->xoorg_source ==\n\t    XO_XOORG_MESSAGE && tenant",
  "true && tenant")
m("takes-any-value", "XO_XOORG_MESSAGE && tenant != XO_NOBODY &&", "XO_XOORG_MESSAGE &&")
m("cross-premises-unsent", "if (u->xoorg_source != XO_XOORG_NONE && !is_sent)", "if (false)")
m("cross-premises-default", "return origin == XO_ORIGIN_VERIFIED;\n\tcase XO_CROSS_PREMISES_KEEP",
  "return true;\n\tcase XO_CROSS_PREMISES_KEEP")
m("cross-premises-keep", "return origin == XO_ORIGIN_VERIFIED || is_ours;", "return true;")
m("cross-premises-keep-ours", "return origin == XO_ORIGIN_VERIFIED || is_ours;",
  "return origin == XO_ORIGIN_VERIFIED;")
m("cross-tenant-of-strangers", "families |= XO_WALL_CROSS_TENANT | XO_WALL_SENDER_TRACE;", ";")
m("cross-premises-stay", "if (!keeps)\n", "if (false)\n")
m("promotes-strangers", "*promotes_r = keeps && u->cross", "*promotes_r = u->cross")
m("org-of-strangers", "return t->origin == XO_ORIGIN_VERIFIED ? said : sent;", "return said.len > 0 ? said : sent;")
m("results-of-ours", "return t->origin != XO_ORIGIN_OURS;", "return true;")
m("no-results", "return t->origin != XO_ORIGIN_OURS;", "return t->origin == XO_ORIGIN_VERIFIED;")
m("ways-of-observe", "listener->mode == XO_MODE_OBSERVE)\n\t\tways->demote_to = true;", "false)\n\t\tways->demote_to = true;")
m("ways-of-tenants", "ways.upstream = ways.tenants = true;", "ways.upstream = true;")

m("nowhere-mail", "return refuse_nowhere(t);\n\tif (t->has_sender", "return XO_REFUSAL_NONE;\n\tif (t->has_sender")
m("nowhere-rcpt", "return refuse_nowhere(t);\n\treturn lacks_tenant", "return XO_REFUSAL_NONE;\n\treturn lacks_tenant")
m("bounce-upstream", "choose_tenant(policy, to->address, t);\n\t\tchoose_upstream(policy, listener, t);",
  "choose_tenant(policy, to->address, t);")
m("observed-would", "ordinary.answer.would = XO_DECISION_REJECT;", ";")
m("observed-nowhere", "if (ordinary.upstream == XO_NOBODY || lacks", "if (lacks")
m("observed-trusted", "*t = ordinary;\n", "t->is_observed = true;\n")
m("observed-apart", "return is_first || listener->demote_to == XO_NOBODY ? why :\n\t    XO_REFUSAL_RCPT_APART;",
  "return why;")
m("ways-observed", "ways.demote_to = listener->mode == XO_MODE_OBSERVE;", "")
m("wall-relay-stranger", "if (is_strangers(t->rights))\n", "if ((t->rights & XO_RIGHT_XOORG) == 0)\n")

m = group("verdict.c", "verdict treatment")
m("no-right", "if ((question->rights & XO_RIGHT_XOORG) == 0)", "if (false)")
m("ours-all", "if (xo_rights_are_ours(question->rights))", "if (true)")
m("ours-nobody", "if (xo_rights_are_ours(question->rights))", "if (false)")
m("no-org", "if (!question->has_xoorg)", "if (false)")
m("unknown-org", "if (*tenant_r == XO_NOBODY)\n\t\treturn XO_VERDICT_UNKNOWN_ORG;", "if (*tenant_r == XO_NOBODY)\n\t\t*tenant_r = 0;")
m("sender-rule", "if (!may_send(&policy->tenants[*tenant_r], question->sender))", "if (false)")
m("sender-null", "if (sender.len == 0 || tenant->n_sender_domains == 0)", "if (tenant->n_sender_domains == 0)")
m("sender-routed", "(tenant->allow_untrusted_routing || !xo_address_is_routed(sender));", "true;")
m("attributed-not", "if (!question->is_attributed)", "if (true)")
m("attributed-always", "if (!question->is_attributed)", "if (false)")
m("attributed-any-sender", "return may_speak(&policy->tenants[question->tenant],\n\t    question->sender) ?", "return true ?")
m("attributed-without-rule", "if (tenant->n_sender_domains == 0)\n\t\treturn is_from", "if (false)\n\t\treturn is_from")
m("attributed-null", "if (sender.len == 0)\n", "if (false)\n")
m("attributed-out-of-range", "if (question->tenant < 0 ||\n\t    (size_t)question->tenant >= policy->n_tenants)", "if (question->tenant < 0)")
m("accepts-all", "answer_r->would = listener->on[verdict];", "answer_r->would = XO_DECISION_ACCEPT;")
m("observe-accepts", "answer_r->decision = XO_DECISION_DEMOTE;", "answer_r->decision = XO_DECISION_ACCEPT;")
m("observe-not", "if (listener->mode == XO_MODE_OBSERVE &&", "if (false &&")
m("observe-demotes-accepted", "answer_r->would != XO_DECISION_ACCEPT)", "true)")
m("recipient-of-none", "if (!xo_domain_is_listed(tenant->recipient_domains,", "if (false && !xo_domain_is_listed(tenant->recipient_domains,")
m("recipient-routed", "xo_address_is_routed(to->address) ? XO_REFUSAL_RCPT_ROUTED :", "false ? XO_REFUSAL_RCPT_ROUTED :")
m("recipient-of-anybody", "return check_anybodys(policy, to);", "return XO_REFUSAL_NONE;")
m("relay-all", "if (policy->tenants[tenant].relay)", "if (true)")
m("relay-none", "if (policy->tenants[tenant].relay)", "if (false)")
m("ours-may-not", "if (xo_rights_are_ours(rights))\n\t\treturn XO_REFUSAL_NONE;", "")

m = group("rights.c", "rights")
m("wildcard-two-labels", "if (xo_span_find(parent, '.') == parent.len ||", "if (false ||")
m("wildcard-anywhere", "return has_wildcards && xo_domain_is_valid(configured) &&", "return xo_domain_is_valid(configured) &&")
m("wildcard-suffix", "return xo_span_is_equal_nocase(parent, xo_span_from(name, dot + 1));",
  "return name.len > parent.len && xo_span_is_equal_nocase(parent, xo_span_from(name, name.len - parent.len));")
m("empty-name", "if (configured.len == 0 || presented.len == 0)", "if (false)")
m("within-any-cut", "return front.len == 0 || base.len == 0 || base.p[0] == '.' ||", "return true || base.p[0] == '.' ||")
m("excluded-not", "if (c->is_excluded && is_excluded(c->base, name))\n\t\t\treturn false;", "if (c->is_excluded && false)\n\t\t\treturn false;")
m("excluded-wildcard", "is_within(xo_span_from(name, 1), base));", "false);")
m("permitted-by-none", "if (!is_met)\n\t\t\t\treturn false;", ";")
m("permitted-always", "return is_met;", "return true;")
m("server-name-any", "return domain.len == 0 || is_within(domain, host) ? host : domain;", "return host;")
m("cn-beside-names", "return ((!certificate->has_alt_names &&", "return ((true &&")
m("cn-wildcard", "xo_certificate_name_matches(configured, certificate->common_name,\n\t    false);", "xo_certificate_name_matches(configured, certificate->common_name,\n\t    true);")
m("cn-never", "peer->match == XO_MATCH_CN_TOO) &&", "false) &&")
m("chain", "if (!certificate->is_chain_valid)", "if (false)")
m("constraints", "if (!xo_certificate_permits(certificate, name))", "if (false)")
m("eku-server", "(peer->eku == XO_EKU_SERVER && !certificate->is_for_servers)", "false")
m("eku-client", "(peer->eku == XO_EKU_CLIENT && !certificate->is_for_clients)", "false")
m("revoked", "if (certificate->crl == XO_CRL_REVOKED)", "if (false)")
m("crl-unusable", "return mode == XO_CRL_SOFT || certificate->crl == XO_CRL_GOOD ?", "return true ?")
m("crl-off", "if (mode == XO_CRL_OFF)", "if (true)")
m("crl-listeners", "return peer->crl == XO_CRL_INHERIT ? listener->crl : peer->crl;", "return peer->crl;")
m("bad-certificate-lenient", "peer->bad_certificate != XO_BAD_CERTIFICATE_UNTRUSTED;", "false;")
m("bad-certificate-strict", "refuses = flaw != NULL &&\n\t    peer->bad_certificate != XO_BAD_CERTIFICATE_UNTRUSTED;", "refuses = flaw != NULL;")
m("flawed-rights", "if (flaw == NULL) {\n\t\tfound->by_certificate |= peer->rights;", "{\n\t\tfound->by_certificate |= peer->rights;")
m("torn-relays", "rights->rights &= ~(uint32_t)XO_RIGHT_RELAY;", ";")
m("torn-not", "if (claim->is_torn) {", "if (false) {")
m("address-first", "found->certificate_claim.is_made ?", "!found->address_claim.is_made ?")
m("claim-out-of-range", "peer->tenant < 0 || (size_t)peer->tenant >= policy->n_tenants;", "peer->tenant < 0;")
m("claim-flawed", "claim(policy, peer, &found->certificate_claim);\n\t}", "}\n\tclaim(policy, peer, &found->certificate_claim);")
m("address-gives-xoorg", "found->by_address |= peer->rights & ~(uint32_t)XO_RIGHT_XOORG;", "found->by_address |= peer->rights;")
m("address-of-all", "if (!has_address(peer, address))", "if (false)")
m("absent-certificate", "bool is_shown = certificate != NULL && certificate->is_present;", "bool is_shown = certificate != NULL;")
m("refused-keeps-rights", "if (found.is_refused) {", "if (false) {")
m("verified-with-flaw", "rights_r->is_verified = found.certificate_peer != XO_NOBODY &&\n\t    found.flaw == NULL;", "rights_r->is_verified = found.certificate_peer != XO_NOBODY;")

m = group("tenants.c", "tenants verdict")
m("wildcard-parent", "if (domain.len <= parent.len + 1 || !xo_domain_is_valid(domain))", "if (domain.len < parent.len || !xo_domain_is_valid(domain))")
m("wildcard-glued", "return domain.p[n - 1] == '.' &&", "return")
m("empty-domain", "if (domain.len == 0)\n\t\treturn false;", "")
m("two-tenants", "if (other != XO_NOBODY) {", "if (false) {")
m("routed-sender", "if (tenant != XO_NOBODY && xo_address_is_routed(address) &&", "if (false &&")
m("sender-by-org", "return table_find(&policy->tenant_index->orgs, domain);\n}\n", "return XO_NOBODY;\n}\n")
m("invalid-below", "if (!table->has_wildcards || !xo_domain_is_valid(domain))", "if (!table->has_wildcards)")

m = group("routing.c", "routing")
m("percent", '#define ROUTES "@%!/|', '#define ROUTES "@!/|')
m("bang", '#define ROUTES "@%!/|', '#define ROUTES "@%/|')
m("at", '#define ROUTES "@%!/|', '#define ROUTES "%!/|')
m("slash", '#define ROUTES "@%!/|', '#define ROUTES "@%!|')
m("colon", ":;,<>()[]", ";,<>()[]")
m("wide", "c = c - WIDE_FIRST + '!';", ";")
m("dash", 'if (begins(s, XO_LIT("-")) || is_packed(s))', "if (is_packed(s))")
m("imcea", 'if (begins(s, XO_LIT("-")) || is_packed(s))', 'if (begins(s, XO_LIT("-")))')
m("quoted", "if (is_quoted && s.p[i] == '\\\\' && i + 1 < s.len &&", "if (is_quoted)\n\t\t\tcontinue;\n\t\tif (is_quoted && s.p[i] == '\\\\' && i + 1 < s.len &&")
m("first-at", "while (n > 0 && address.p[n - 1] != '@')\n\t\tn--;", "n = xo_span_find(address, '@');\n\tn = n < address.len ? n + 1 : 0;")

m("imceaex", '!begins(local, XO_LIT("IMCEAEX-"));', "true;")
m("small", "if (c >= SMALL_FIRST && c <= SMALL_LAST)", "if (false)")
m("caret", '"^"\n', '""\n')

m = group("address.c", "address")
m("mapped", "if (xo_address_is_ipv4(a) && n->bits < MAPPED_BITS)", "if (false)")
m("bits", "mask = 0xff00U >> (n->bits % 8) & 0xffU;", "mask = 0xff00U >> (n->bits % 8 - 1) & 0xffU;")
m("whole", "if (memcmp(n->address.octets, a->octets, whole) != 0)", "if (false)")

m = group("proxy.c", "proxy")
m("v1-family", "is_dotted(client) == is_ipv4 && is_dotted(server) == is_ipv4 &&", "true &&")
m("v1-port", "n > 65535)", "n > 99999)")
m("v1-end", "if (lf < 6 || in.p[lf - 1] != '\\r' ||", "if (lf < 7 ||")
m("v2-length", "if (len < 2 * n + 4)", "if (len < 2 * n)")
m("v2-command", "if (in.p[12] != V2_LOCAL && in.p[12] != V2_PROXY)", "if (false)")
m("v2-limit", "if (V2_FIXED + len > XO_PROXY_V2_MAX)", "if (false)")

# --- the wall and what is written ------------------------------------------------------

m = group("protected.c", "wall")
m("list-originator", '{NAME("X-OriginatorOrg"), false, XO_WALL_ORIGINATOR_ORG},\n', "")
m("list-organisation", '{NAME("X-OriginatorOrganization"), false, XO_WALL_ORIGINATOR_ORG},\n', "")
m("list-organization", '{NAME("X-MS-Exchange-Organization-"), true, XO_WALL_ORGANIZATION},\n', "")
m("list-forest", '{NAME("X-MS-Exchange-Forest-"), true, XO_WALL_FOREST},\n', "")
m("list-cross-premises", '{NAME("X-MS-Exchange-CrossPremises-"), true, XO_WALL_CROSS_PREMISES},\n', "")
m("list-cross-tenant", '{NAME("X-MS-Exchange-CrossTenant-"), true, XO_WALL_CROSS_TENANT},\n', "")
m("list-results", '{NAME("Authentication-Results"), false, XO_WALL_AUTH_RESULTS},\n', "")
m("list-promoted", '{NAME("X-CrossPremisesHeadersPromoted"), false, XO_WALL_TRACE},\n', "")
m("list-filtered", '{NAME("X-CrossPremisesHeadersFiltered"), false, XO_WALL_TRACE},\n', "")
m("list-preserved", '{NAME("X-OrganizationHeadersPreserved"), false, XO_WALL_SENDER_TRACE},\n', "")
m("families", "uint32_t family = xo_protected_family(field->name) &\n\t    protection->families;", "uint32_t family = xo_protected_family(field->name);")
m("results-of-others", "if (family == XO_WALL_AUTH_RESULTS && !xo_field_is_authserv(", "if (false && !xo_field_is_authserv(")
m("cut", "#define CUT_MIN ((size_t)990)", "#define CUT_MIN ((size_t)999)")
m("hidden-prefix", "(!n->is_prefix && goes_on(behind)))", "false)")
m("hidden-results", "if (n->family != XO_WALL_AUTH_RESULTS ||\n\t\t    is_ours(protection, behind))", "if (n->family != XO_WALL_AUTH_RESULTS)")
m("hidden-behind", "return hides_behind(protection, line, len);", "return hides_behind(protection, line, len) && false;", unit="repair")
m("hidden-behind-blanks", "is_cut |= !xo_field_is_blank(line.p[at]) &&", "is_cut |= true ||", unit="repair")
m("hidden-behind-anywhere", "while (at > CUT_MIN && is_trimmed(line.p[at - 1])) {", "while (at > 0 && is_trimmed(line.p[at - 1])) {", unit="repair")
m("hidden-comment", "if (rest.p[i] == '(' || ++protection->n_looks > LOOKS_MAX)", "if (++protection->n_looks > LOOKS_MAX)")

m = group("authserv.c", "wall")
m("case", "if (xo_ascii_lower(c->rest.p[0]) !=\n\t\t    xo_ascii_lower(hostname.p[i]))", "if (c->rest.p[0] !=\n\t\t    hostname.p[i])")
m("comments", "READING_HAS_COMMENTS,\n\t0,\n", "READING_HAS_COMMENTS,\n")
m("nests", "\tREADING_HAS_COMMENTS | READING_NESTS | READING_ESCAPES,\n", "")
m("encoded", "if (!has_encoded_word(value))", "if (true)")
m("longer-name", "return !goes_on(c);", "return true;")

m = group("wall.c", "wall")
m("hidden", "return w->out->err == XO_OK &&\n\t    xo_protected_is_hidden(&w->protection, &made);", "return false;")
m("hidden-as-it-came", "if (hides_what_goes(w, start))\n\t\treturn refuse(w, XO_REFUSAL_HEADER_SYNTAX,\n\t\t    XO_FAULT_HIDDEN_NAME, field->raw);", "if (xo_protected_is_hidden(&w->protection, field))\n\t\treturn refuse(w, XO_REFUSAL_HEADER_SYNTAX,\n\t\t    XO_FAULT_HIDDEN_NAME, field->raw);", unit="repair")
m("folded", "if (field->has_fold && e == NULL && !w->wall->repairs)", "if (false)")
m("removed-not", "if (family != 0 && e == NULL) {", "if (false) {")
m("hops", "w->report->n_hops > w->wall->max_hops;", "false;")
m("always", ".families = wall->remove | XO_WALL_ALWAYS,", ".families = wall->remove,")
m("controls", "if (!w->has_controls)\n", "if (true)\n", unit="wall repair")
m("filtered-stamp", "if ((w->report->removed & XO_WALL_CROSS_PREMISES) != 0)", "if (false)")

m = group("field.c", "wall")
m("bare-cr", "if (i + 1 == section.len || section.p[i + 1] != '\\n')", "if (false)")
m("bare-lf", "if (section.p[i] == '\\n')\n\t\t\treturn XO_FAULT_BARE_NEWLINE;", "")
m("nul", "if (section.p[i] == '\\0')\n\t\t\treturn XO_FAULT_NUL;", "")
m("after-end", "if (rest.len > 2)\n", "if (false)\n")
m("line", "if (find_line(rest, &size) > reader->max_line)", "if (find_line(rest, &size) > reader->max_line + 1)")
m("fields", "reader->n_fields >= reader->max_fields)", "reader->n_fields > reader->max_fields)")
m("blank-name", "else if (!xo_field_is_blank(text.p[i]))\n\t\t\treturn name_fault(text);", "")
m("dot", "return text.p[0] == '.' ? XO_FAULT_LEADING_DOT : XO_FAULT_NONE;", "return XO_FAULT_NONE;")
m("first-blank", "if (text.len > 0 && xo_field_is_blank(text.p[0]))", "if (false)",
  survives="refused all the same, as a name that is empty or has a blank in it: words differ")

m = group("stamp.c", "stamp")
m("result-fail", 'return "x-xoorg=fail";', 'return "x-xoorg=pass";')
m("result-without-xoorg", "if (stamp->has_xoorg)\n\t\t\treturn", "if (true)\n\t\t\treturn")
m("result-none", 'return "x-xoorg=none";', 'return "x-xoorg=pass";')
m("clean", "c = '?';", ";")
m("no-results", "if (stamp->has_results)\n\t\tadd_results(&w, stamp);", "add_results(&w, stamp);")

m = group("promote.c", "wall stamp")
m("reserved", "if (xo_span_is_equal_nocase(suffix,\n\t\t    xo_span_from_cstr(reserved[i])))\n\t\t\treturn false;", "", unit="wall")
m("last-wins", "e[i].is_promoted = false;", "e[i + 1].is_promoted = false;", unit="wall")

# --- relay: what is said, to whom, and when --------------------------------------------

RELAY = "relay relay_trust opening relay_random model"
m = group("announce.c", RELAY, ("test_caps.py", ""))
m("xoorg-to-all", "} else if ((r->front.rights.rights & XO_RIGHT_XOORG) != 0) {", "} else {")
m("xoorg-in-clear", "if (!r->front.is_tls) {\n", "if ((r->front.rights.rights & XO_RIGHT_XOORG) != 0)\n\t\tcaps->set |= XO_CAP_BIT(XO_CAP_XOORG);\n\tif (!r->front.is_tls) {\n",
  survives="the right comes by certificate alone: in clear text there is none")
m("xclient-to-all", "if (r->spoken.is_permitted)\n", "if (true)\n")
m("requiretls-in-clear", "caps->set &= ~XO_CAP_BIT(XO_CAP_REQUIRETLS);\n", ";\n")
m("size", "if (limit != 0 && (*size == 0 || limit < *size))", "if (limit != 0 && (*size == 0 || limit > *size))")
m("binary", "if (!xo_caps_has(caps, XO_CAP_CHUNKING))\n", "if (false)\n")
m("unknown-known", "g->is_known = false;\n", ";\n")
m("union", "xo_caps_intersect(&g->caps, &known->caps);", "g->caps.set |= known->caps.set;")
m("bridge-8bit", "caps->set = (caps->set & CARRIED) | BRIDGED;", "caps->set = (caps->set & CARRIED) | BRIDGED | XO_CAP_BIT(XO_CAP_8BITMIME);")

m = group("front.c", RELAY, ("test_ehlo.py", ""))
m("weak-cipher", "if (r->front.rights.is_refused ||\n\t    (r->front.is_tls && r->front.is_weak)) {", "if (r->front.rights.is_refused) {")
m("refused-certificate", "if (r->front.rights.is_refused ||\n\t    (r->front.is_tls && r->front.is_weak)) {", "if (r->front.is_tls && r->front.is_weak) {")
m("starttls-followed", "else if (r->front.is_followed)\n\t\twhy = XO_REFUSAL_PIPELINING;", "else if (false)\n\t\twhy = XO_REFUSAL_PIPELINING;",
  survives="must_wait() has refused it before: data-followed")
m("starttls-twice", "else if (r->front.is_tls)\n\t\twhy = XO_REFUSAL_TLS_TWICE;", "else if (false)\n\t\twhy = XO_REFUSAL_TLS_TWICE;")
m("starttls-remembers", "xo_buf_clear(&r->front.odd_hello);\n\tr->front.announced = 0;", ";",
  survives="behind the handshake only a new EHLO is answered, which replaces all three")
m("data-followed", "else if (r->front.is_followed && must_wait(r, command->verb))", "else if (false)")
m("auth-followed", "verb == XO_VERB_AUTH ||\n\t    (", "(", e2e=[("test_lines.py", "auth")])
m("xclient-followed", "(verb == XO_VERB_XCLIENT && r->spoken.is_permitted)", "false",
  e2e=[("test_xclient.py", "pipelined")])
m("no-bdat", "if (command->verb == XO_VERB_UNKNOWN && may_be_bdat(line))", "if (false)",
  e2e=[("test_lines.py", "no_bdat")])
m("long-bdat", "line->size > 0 && !may_be_bdat(line->text) &&", "line->size > 0 &&",
  e2e=[("test_lines.py", "no_bdat")])
m("commands", "++r->front.commands <= limits(r)->commands)", "++r->front.commands <= limits(r)->commands + 1)")
m("resets", "++r->front.resets <= limits(r)->resets)", "++r->front.resets <= limits(r)->resets + 1)")
m("hello-name", "if (!is_hello_good(r, args)) {", "if (false) {")
m("odd-hello-of-all", "(xo_hello_name_is_odd(name) && xo_treatment_takes_hello(", "(xo_hello_name_is_odd(name) || xo_treatment_takes_hello(", e2e=[("test_ehlo.py", ""), ("test_lines.py", "")])
m("order", "if (!envelope_is_settled(r) && (command.verb != XO_VERB_RCPT ||", "if (false && (command.verb != XO_VERB_RCPT ||")
m("nested-mail", "[XO_VERB_MAIL] = refuse_nested,\n\t\t[XO_VERB_RCPT]", "[XO_VERB_MAIL] = envelope_mail,\n\t\t[XO_VERB_RCPT]")
m("mail-before-hello", "[XO_VERB_MAIL] = refuse_hello_first,", "[XO_VERB_MAIL] = envelope_mail,")

m = group("envelope.c", RELAY, ("test_mail.py", ""))
m("require-tls", "if (r->setup.listener->require_tls && !r->front.is_tls)", "if (false)")
m("size", "mail->size > r->front.size_limit)", "mail->size > r->front.size_limit + 1)")
m("draining", "if (r->front.is_draining) {", "if (false) {")
m("recipients", "return r->t.envelope.n_slots / 2 >= limits(r)->recipients ||", "return r->t.envelope.n_slots / 4 >= limits(r)->recipients ||")
m("too-many", "(e->n_slots - e->n_answered) >= limits(r)->recipients)", "(e->n_slots - e->n_answered) > limits(r)->recipients)")
m("rcpt-needs", "if (r->back.state == BACK_READY && (rcpt.needs & ~r->back.caps) != 0)", "if (false)",
  survives="looked at again where it is said: send_rcpt() refuses it with the same words")
m("rcpt-rule", "why = judge_recipient(r, &rcpt.to);", ";")
m("rcpt-first", "to, r->back.state == BACK_NONE, &r->t.trust,", "to, true, &r->t.trust,",
  e2e=[("test_verdicts.py", "observ")])
m("refused-accepted", "slot->state = is_accepted ? SLOT_ACCEPTED : SLOT_REFUSED;", "slot->state = SLOT_ACCEPTED;")

m = group("opening.c", "opening", ("test_next_hop.py", ""))
m("xoorg-in-clear", "if (!o->is_tls || o->upstream->tls != XO_TLS_VERIFY)", "if (!o->is_tls)")
m("xoorg-before-tls", "if (!o->is_tls || o->upstream->tls != XO_TLS_VERIFY)", "if (o->upstream->tls != XO_TLS_VERIFY)",
  survives="with verify the dialogue comes here inside TLS alone: on_ehlo(), on_helo()")
m("require-xoorg", "if (o->upstream->require_xoorg &&", "if (false &&")
m("starttls-optional", "fail(o, XO_REFUSAL_UPSTREAM_TLS);\n}\n\nstatic void\non_helo", "settle(o);\n}\n\nstatic void\non_helo")
m("helo-in-clear", "else if (!o->is_tls && o->upstream->tls != XO_TLS_NONE)", "else if (false)")
m("injected", "else if (used < in.len)\n", "else if (false)\n")
m("starttls-reply", "if (o->reply.code == 220)\n\t\to->state = XO_OPENING_HANDSHAKE;", "if (o->reply.code / 100 == 2)\n\t\to->state = XO_OPENING_HANDSHAKE;")
m("xclient-optional", "is_attribute(o, XO_LIT(\"ADDR\")))\n\t\tsay_xclient(o);\n\telse\n\t\tfail(o, XO_REFUSAL_UPSTREAM_HANDOVER);", "is_attribute(o, XO_LIT(\"ADDR\")))\n\t\tsay_xclient(o);\n\telse\n\t\to->state = XO_OPENING_DONE;")
m("caps-of-before", "memset(&o->caps, 0, sizeof(o->caps));\n", ";\n")
m("resume-client", "o->is_handed_over = false;\n", ";\n")
m("reset-of-rcpt", "if (xo_reply_enhanced(&o->reply, &e) && e.subject == 1)", "if (false)")

m = group("back_ask.c", RELAY, ("test_next_hop.py", ""))
m("pipelining", "has_cap(r->back.caps, XO_CAP_PIPELINING);", "true;")
m("xoorg-unannounced", "has_cap(r->back.caps, XO_CAP_XOORG);\n\tif (t->envelope.has_xoorg_out)", "true;\n\tif (t->envelope.has_xoorg_out)")

m = group("back_answer.c", RELAY, ("test_next_hop.py", ""))
m("mail-2xx", "if (r->back.reply.code == 250) {\n\t\tr->t.envelope.state = MAIL_ACCEPTED;", "if (r->back.reply.code / 100 == 2) {\n\t\tr->t.envelope.state = MAIL_ACCEPTED;")
m("rcpt-2xx", "bool is_accepted = r->back.reply.code == 250 ||\n\t    r->back.reply.code == 251;", "bool is_accepted = r->back.reply.code / 100 == 2;")
m("data-ahead", "if (r->back.is_ahead)\n\t\t\tback_fail(r, XO_REFUSAL_UPSTREAM_OUT_OF_STEP);\n\t\telse\n\t\t\tcontent_go(r);", "content_go(r);")
m("data-3xx", "if (r->back.reply.code == 354) {", "if (r->back.reply.code / 100 == 3) {")
m("chunk-unexpected", "} else if (!is_expected || r->back.reply.code != 250) {", "} else if (r->back.reply.code != 250) {",
  survives="a 2xx that nobody asked for is caught in the line before, and nothing else is 250")
m("final-2xx", "if (r->back.reply.code != 250 && !is_refusal(r)) {", "if (r->back.reply.code / 100 != 2 && !is_refusal(r)) {")
m("final-ahead", "if (r->back.is_ahead) {\n\t\trelay_act(r, XO_ACTION_OUT_OF_STEP);", "if (false) {\n\t\trelay_act(r, XO_ACTION_OUT_OF_STEP);")
m("final-of-another", "r->t.final.wants_hello |= about_before(r);", ";", unit=RELAY + " step", e2e=[("test_step.py", ""), ("test_pool.py", "")])
m("final-of-another-ahead", "else if (r->back.is_ahead)\n\t\tback_fail(r, XO_REFUSAL_UPSTREAM_OUT_OF_STEP);\n\telse\n\t\tback_say_hello(r);", "else\n\t\tback_say_hello(r);", e2e=[("test_step.py", ""), ("test_pool.py", "")])
m("final-about-us", "if (about_us(r, EXPECT_FINAL)) {", "if (false) {")
m("mail-about-us", "if (about_us(r, EXPECT_MAIL)) {", "if (false) {")
m("rcpt-about-us", "if (about_us(r, EXPECT_RCPT)) {", "if (false) {")
m("in-step-mail", "r->t.envelope.is_in_step = about_itself(r, EXPECT_MAIL) &&", "r->t.envelope.is_in_step = true &&", unit="step relay",
  survives="RCPT's own words are looked at, too; without a recipient it is leave-behind's")
m("in-step-lmtp", "upstream_of(r)->protocol == XO_PROTOCOL_SMTP;\n\t\treturn;", "true;\n\t\treturn;", unit="step relay relay_random")
m("in-step-rcpt", "r->t.envelope.is_in_step &= !is_accepted ||\n\t    about_itself(r, EXPECT_RCPT);", ";", unit="step")
m("another", "if (about_another(r, what)) {", "if (false) {", unit="step relay")
m("setup-content", "if (about_us(r, what)) {", "if (false) {", unit="relay")
m("closing", "if (r->back.reply.code == 421) {", "if (false) {")
m("unexpected-reply", "if (r->back.n_expected == 0) {\n\t\tif (r->t.writer.is_opened)", "if (false) {\n\t\tif (r->t.writer.is_opened)")
m("ahead", "if (r->back.state == BACK_READY && is_ahead(r, what))", "if (false)")
m("yes-then-no", "} else if (!is_accepted && s->state == SLOT_ACCEPTED) {", "} else if (false) {")

m = group("back.c", RELAY, ("test_next_hop.py", ""))
m("leave-behind", "!r->back.is_ahead && !may_be_behind(r)) {", "!r->back.is_ahead) {", e2e=[("test_step.py", ""), ("test_pool.py", "")],
  survives="a second net: RSET's words, RCPT's or 354 show it later; the models of twice-left, twice-kept and two-sessions hold without it")
m("retry-opened", "e->n_retries == RETRIES_MAX || r->t.writer.is_opened)", "e->n_retries == RETRIES_MAX)")
m("retries", "#define RETRIES_MAX 2", "#define RETRIES_MAX 3")
m("retry-anything", "if (why != XO_REFUSAL_UPSTREAM_LOST || !r->back.is_replaceable ||", "if (!r->back.is_replaceable ||")
m("lacking", "if (is_lacking(r)) {", "if (false) {")
m("leave-busy", "if (r->back.state == BACK_READY && r->back.n_expected == 0 &&\n\t    !r->t.writer.is_opened && ", "if (r->back.state == BACK_READY && !r->t.writer.is_opened && ")

m = group("about.c", "step relay")
m("hello-one-line", "return (n > 0 || !about_can_prove(r)) &&", "return true &&",
  survives="who can prove has announced something, and one line announces nothing")
m("hello-any-caps", "(caps.set & ~NOT_ALWAYS) == (r->back.caps & ~NOT_ALWAYS);", "true;")
m("mail-as-rcpt", "e.detail == (what == EXPECT_MAIL ? DETAIL_MAIL : DETAIL_RCPT);", "true;")
m("final-unworded", "return !xo_reply_enhanced(&r->back.reply, &e) ||", "return (xo_reply_enhanced(&r->back.reply, &e), false) ||")
m("final-of-rcpt", "return !xo_reply_enhanced(&r->back.reply, &e) ||\n\t\t    e.subject == SUBJECT_ADDRESS;", "return !xo_reply_enhanced(&r->back.reply, &e);")
m("data-2xx", "return r->back.reply.code / 100 == 2 ||\n\t\t    (r", "return (r",
  survives="on_data() fails at it all the same: upstream-confused for upstream-out-of-step")
m("code-504", "{500, 502, 503, 530,", "{500, 502, 503, 504, 530,")
m("code-530", "503, 530, 534,", "503, 534,")
m("xoorg-always", "return what == EXPECT_MAIL && r->t.envelope.has_xoorg_out &&", "return what == EXPECT_MAIL &&")

m = group("writer.c", "step relay")
m("bdat-unproved", "c->is_chunked && about_can_prove(r));", "c->is_chunked);", unit="step relay relay_random", e2e=[("test_step.py", "")])
m("chunks-unproved", "!(is_in_step && is_single)) ||", "!is_in_step) ||", unit="step")
m("lmtp-unproved", "(is_lmtp && t->envelope.n_accepted > 1);", "false;",
  survives="a reply said twice was heard before: about_before() asks as well; a hop that announces nothing cannot be asked")

m = group("final.c", RELAY, ("test_lmtp.py", ""))
m("lmtp-worst", "if (weight(r->back.reply.code) <= weight(t->final.worst))", "if (weight(r->back.reply.code) >= weight(t->final.worst) && t->final.worst != 0)")

m = group("xclient.c", RELAY, ("test_xclient.py", ""))
m("anybody", "if (!r->spoken.is_permitted) {", "if (false) {")
m("in-transaction", "if (xo_relay_is_busy(r)) {", "if (false) {")
m("keeps-rights", "r->front.rights.rights = 0;\n", ";\n")
m("keeps-announced", "r->front.announced = 0;\n", ";\n",
  survives="after XCLIENT only a new EHLO is answered, which announces anew")
m("speaks-for-itself", "r->setup.is_proxied = r->spoken.is_set = true;", ";")
m("certificate-speaks", "r->setup.is_proxied = r->spoken.is_set = true;", "r->setup.is_proxied = true;")

m = group("relay.c", RELAY, ("test_limits.py", ""))
m("proxied-address", "r->setup.is_proxied ? NULL : &r->setup.address, &r->front.rights);", "&r->setup.address, &r->front.rights);")
m("spoken-certificate", "r->spoken.is_set ? NULL : certificate,", "certificate,")
m("xclient-right", "r->spoken.is_permitted =\n\t    (r->front.rights.rights & XO_RIGHT_XCLIENT) != 0;", "r->spoken.is_permitted = true;", e2e=[("test_xclient.py", "")])
m("weak-bits", "r->front.is_weak = bits < 128;", "r->front.is_weak = bits < 112;")
m("rate", "c->size * 1000 / c->waited < limits(r)->data_rate;", "c->size * 1000 / c->waited < 1;")
m("grace", "c->waited > limits(r)->data_grace &&", "c->waited > 2 * limits(r)->data_grace &&")
m("pressed", "if (r->front.is_pressed && timeout > limits(r)->load_timeout)", "if (false)")
m("final-timeout", "return r->back.since + limits(r)->final_timeout;", "return UINT64_MAX;")
m("data-timeout", "return r->back.since + limits(r)->data_timeout;", "return UINT64_MAX;")
m("mail-timeout", "return r->back.since + limits(r)->mail_timeout;", "return UINT64_MAX;")
m("handshake-timeout", "return due(r, r->front.since, limits(r)->handshake_timeout);", "return UINT64_MAX;")
m("command-timeout", "return due(r, r->front.since, limits(r)->command_timeout);", "return UINT64_MAX;")
m("request-timeout", "return due(r, r->front.request_since,\n\t\t\t    limits(r)->request_timeout);", "return due(r, r->front.since,\n\t\t\t    limits(r)->command_timeout);")
m("drain", "if (!is_final && xo_relay_is_busy(r))\n\t\treturn;", "return;", unit="relay model", e2e=[("test_lifecycle.py", "")])

m = group("finish.c", RELAY, ("test_limits.py", ""))
m("errors", "++r->front.errors >= limits(r)->errors) {", "++r->front.errors > limits(r)->errors) {")

m = group("reply.c", "reply opening")
m("code-range", "if (reply->line_code < CODE_MIN || reply->line_code > CODE_MAX ||", "if (")
m("code-changes", "(reply->is_open && reply->line_code != reply->code))", "false)")
m("separator", "return c == ' ' || c == '-' || c == '\\r' ? XO_MORE : XO_ERR_SYNTAX;", "return XO_MORE;")
m("limit", "if (reply->seen >= max) {", "if (false) {")

# --- gate: certificates, next hops, bounds -------------------------------------------

TLS = "tls tls_chain tls_client"
m = group("tls_peer.c", TLS, ("test_names.py", ""))
m("resumed", "if (SSL_session_reused(tls->ssl)) {", "if (false) {",
  survives="nothing is resumed: neither tickets nor a cache (test_names.py, V01); a second wall")
m("not-made", "} else if (!judgement->is_made) {", "} else if (false) {",
  survives="what was not judged is not valid either: only the words differ")
m("not-valid", "} else if (!judgement->is_valid) {", "} else if (false) {")
m("unreadable", "} else if (!has_readable_names || !read_constraints(tls)) {", "} else if (!read_constraints(tls)) {",
  survives="no name is taken from such a certificate, so it gives no right: a second wall")
m("constraints", "tls->peer.n_constraints = c->n;", "tls->peer.n_constraints = 0;")
m("alt-names", "tls->peer.has_alt_names = criticality != -1;", "tls->peer.has_alt_names = false;")
m("two-common-names", "first) >= 0)\n\t\treturn;", "first) >= 1000)\n\t\treturn;")

m = group("tls_verify.c", TLS, ("test_client.py", ""))
m("auth-level", "#define AUTH_LEVEL 2", "#define AUTH_LEVEL 0")
m("depth", "#define MAX_INTERMEDIATES 9", "#define MAX_INTERMEDIATES 19")
m("any-eku", "if (!is_leaf && (usages & XKU_ANYEKU) != 0)", "if ((usages & XKU_ANYEKU) != 0)")
m("key-usage", "if (i == 0 && !can_sign_handshake(x))", "if (false)")
m("usages", "if (usages == 0)\n\t\t\treturn X509_V_ERR_INVALID_PURPOSE;", "")
m("crl-error", "else if (!is_crl_error(error))\n\t\treturn 0;", "else if (false)\n\t\treturn 0;")
m("client-lists", "if (j->crl == XO_CRL_REVOKED)\n\t\treturn X509_V_ERR_CERT_REVOKED;", "")
m("hard-lists", "return tls->crl == XO_CRL_SOFT ? X509_V_OK :", "return true ? X509_V_OK :")
m("server-name-constraints", "error = judge_name(store);", ";")
m("demand", "return tls->duty == XO_TLS_DUTY_RECORD || error == X509_V_OK;", "return 1;")
m("server-purpose", "XKU_SSL_SERVER : ANY_PEER, &tls->judgement.usages);", "ANY_PEER : ANY_PEER, &tls->judgement.usages);",
  survives="OpenSSL's own purpose for servers has refused it before: a second wall")

m = group("search.c", "search dial", [("test_pool.py", ""), ("test_next_hop.py", "")])
m("attempts", "#define ATTEMPTS_MAX 10", "#define ATTEMPTS_MAX 2")
m("dead", "xo_places_is_dead(s->places, &t->place)) {", "false) {")

m = group("claim.c", "pool dial learn", ("test_pool.py", ""))
m("connections", "return most == 0 || hop_of(c)->n_links < most ||", "return true ||", e2e=[("test_pool.py", ""), ("test_limits.py", "")])
m("fresh", "if (c->wish.is_fresh || c->wish.is_question)", "if (c->wish.is_question)", e2e=[("test_pool.py", ""), ("test_next_hop.py", "")])
m("tenant-key", "c->wish.tenant = XO_NOBODY;", "c->wish.tenant = 0;", unit="", e2e=[("test_pool.py", ""), ("test_client.py", "")])
m("deadline", "if (xo_clock_now() >= c->deadline) {", "if (false) {")
m("deadline-of-all", "left < c->dial.timeout ? left : c->dial.timeout);", "c->dial.timeout);")
m("lost", "if (wish->lost.len > 0)", "if (false)")
m("dead", "xo_places_set_dead(places_of(c), &failure.target->place, true);", ";")
m("cancelled-out-of-step", "if (c->dial.link != NULL && c->is_over)", "if (false)")
m("heard", "hop_of(c)->asked_at = xo_clock_now();", ";")

m = group("dial.c", "dial pool", ("test_next_hop.py", ""))
m("mx-name", "domain = xo_span_from_cstr(conf->mx);", "domain.len = 0;", unit="", e2e=[("test_next_hop.py", "identity")])
m("tenants-certificate", "if (d->wish->tenant != XO_NOBODY)\n", "if (false)\n", unit="", e2e=[("test_client.py", "")])
m("greeting-timeout", "d->timeout = limits_of(d)->greeting_timeout;\n\treturn XO_DIAL_MOVED;", "d->timeout = 3600000;\n\treturn XO_DIAL_MOVED;", e2e=[("test_next_hop.py", ""), ("test_limits.py", "")])
m("connect-timeout", "d->timeout = limits_of(d)->connect_timeout;", "d->timeout = 3600000;", e2e=[("test_next_hop.py", ""), ("test_limits.py", "")])
m("proxy-unsaid", "say_proxy(d);\n", ";\n", e2e=[("test_proxy.py", "")])
m("client-not-told-anew", "xo_link_is_for(link, &d->wish->client) ? NULL : &d->wish->client);", "NULL);", e2e=[("test_xclient.py", ""), ("test_pool.py", "")])


m = group("learn.c", "learn", ("test_caps.py", ""))
m("told-too-soon", "if (--hops->n_learning == 0)", "if (--hops->n_learning != 0)")
m("ask-again", "#define ASK_AGAIN ((uint64_t)10 * 1000)", "#define ASK_AGAIN ((uint64_t)9 * 1000)")
m("look-again", "hops->refresh_at = now + LOOK_AGAIN;", ";")
m("asked-twice", "if (hop->question != NULL)\n\t\treturn true;", "")
m("refresh", "xo_hop_conf(hops, (int)u)->refresh)", "xo_hop_conf(hops, (int)u)->refresh / 2)")
m("refresh-while-draining", "if (now < hops->refresh_at || hops->is_draining)", "if (now < hops->refresh_at)")
m("lost-too-often", "now - hops->hops[u].asked_at >= ASK_AGAIN)\n", "true)\n")

m = group("places.c", "search dial", ("test_pool.py", ""))
m("dead-for", "#define DEAD_FOR ((uint64_t)30 * 1000)", "#define DEAD_FOR ((uint64_t)29 * 1000)")
m("dead-for-good", "return dead != NULL && dead->until > xo_clock_now();", "return dead != NULL;")
m("alive-again", "dead->until = is_dead ? xo_clock_now() + DEAD_FOR : 0;", "dead->until = xo_clock_now() + DEAD_FOR;")

m = group("step.c", "learn", ("test_pool.py", ""))
m("trusted-again", "if (hop->was_out_of_step)", "if (false)")

m = group("session_time.c", "session", ("test_limits.py", ""))
m("caps-wait", "if (s->waits_for_caps && s->time.caps < due)", "if (false)")
m("linger", "if (s->is_closing && s->time.linger < due)", "if (false)")
m("stall-unarmed", "if (s->time.stall < due)", "if (false)")
m("little-progress", "written - s->time.written < least_progress(s))", "written == s->time.written)")
m("stall-of-the-hop", "xo_relay_back_closed(s->relay);", ";")
m("proxy-wait", "uint64_t due = s->awaits_proxy ? s->time.proxy :", "uint64_t due = s->awaits_proxy ? UINT64_MAX :")

m = group("session_close.c", "session", ("test_limits.py", ""))
m("end-unsaid", "shutdown(s->front.fd, SHUT_WR);", ";")
m("not-waited", "return has_client_ended(s) || xo_clock_now() >= s->time.linger;", "return true;")
m("claim-left", "xo_claim_cancel(&s->want.claim);\n\tif", "if")
m("emptied", "if (--all->n == 0)", "if (--all->n == 1)")

m = group("session_bounds.c", "bounds", ("test_limits.py", ""))
m("overload", "if (xo_census_exceeds(census, crowd->sessions, all))", "if (false)")
m("exempt", "if (s->is_exempt)\n\t\treturn XO_REFUSAL_NONE;", "")
m("exempt-of-all", "s->is_exempt = xo_relay_rights(s->relay)->rights != 0;", "s->is_exempt = true;")
m("address", "if (xo_census_exceeds(census, crowd->from_address, each))", "if (false)")
m("network", "if (xo_census_exceeds(census, crowd->from_network, network))", "if (false)")
m("descriptors", "if (all->most == 0 || all->n <= all->most) {", "if (true) {")
m("turned-away-counts", "s->is_turned_away = true;\n\t\txo_session_leave(s);", "s->is_turned_away = true;")
m("turned-away-lingers", "s->is_turned_away = true;", ";", survives="waited for as any other that is closed; it takes no place")

m = group("pool.c", "pool", ("test_pool.py", ""))
m("pool-key-tenant", "return link->tenant == wish->tenant && (!link->has_client ||", "return (!link->has_client ||", e2e=[("test_pool.py", ""), ("test_client.py", "")])
m("pool-key-client", "xo_link_is_for(link, &wish->client) ||\n\t    xo_caps_has", "true ||\n\t    xo_caps_has", e2e=[("test_xclient.py", ""), ("test_pool.py", "")])
m("client-gone", "XO_CAP_XCLIENT))\n\t\t\t\tcontinue;\n\t\t\tunlink_idle(link);\n\t\t\txo_link_quit(link);", "XO_CAP_XCLIENT))\n\t\t\t\tcontinue;", e2e=[("test_xclient.py", ""), ("test_pool.py", "")])
m("quiet", "if (is_quiet(link))\n\t\t\treturn link;", "return link;")
m("idle-timeout", "if (now - link->idle_since < idle_timeout)", "if (now - link->idle_since <= idle_timeout)")
m("oldest", "while (link->next != NULL)\n\t\tlink = link->next;", ";", survives="which of those that are kept gives way costs an opening, no more")
m("needs-reset", "link->needs_reset = needs_reset;", "link->needs_reset = false;")
m("kept-while-draining", "return !hops->is_draining && !link->leg.has_ended &&", "return !link->leg.has_ended &&")
m("proxy-kept", "XO_HANDOVER_PROXY &&", "XO_HANDOVER_COUNT &&", e2e=[("test_proxy.py", "")])
m("max-idle", "xo_hop_conf(hops, link->upstream)->max_idle;", "1000;")
m("idle-speaks", "if (leg->is_readable && !is_quiet(link)) {", "if (false) {")
m("input-kept", "link->leg.in.len == 0 &&", "true &&",
  survives="what comes behind the last reply has the relay drop the connection: back:final-ahead")
