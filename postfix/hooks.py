# SPDX-License-Identifier: EPL-2.0 OR IPL-1.0
"""Where Postfix calls our files: one entry a place. apply.py puts them in.

An anchor is a regular expression that fits one line (`count`, if more) of the file,
or of the function `within`. `before` and `after` are lines of ours that go there;
`instead` replaces what the anchor matched. Anchors are names that Postfix has kept
for many releases, no more of a line than is needed to find it."""
from collections import namedtuple

Hook = namedtuple("Hook", "file anchor within before after instead count")


def hook(file, anchor, within=None, before="", after="", instead=None, count=1):
    return Hook("src/" + file, anchor, within, before, after, instead, count)


def objects(folder, names, headers=""):
    makefile = folder + "/Makefile.in"
    yield hook(makefile, r"^OBJS\s*=", instead=r"\g<0> " + names)
    if headers:
        yield hook(makefile, r"^HDRS\s*=", instead=r"\g<0> " + headers)


def parameters(kind):
    """Of smtp(8) and of lmtp(8)."""
    file, name = "smtp/%s_params.c" % kind.lower(), "VAR_%s_XOORG" % kind
    default = "DEF_%s_XOORG" % kind
    yield hook(file, "CONFIG_STR_TABLE", after="".join(
        "\t%s%s, %s%s, &var_smtp_xoorg%s, 0, 0,\n" % (name, x, default, x, x.lower())
        for x in ("", "_MAPS")))
    yield hook(file, "CONFIG_BOOL_TABLE", after="".join(
        "\t%s%s, %s%s, &var_smtp_xoorg%s,\n" % (name, x, default, x, x.lower())
        for x in ("_PASS", "_REQUIRED", "_UNVERIFIED")))


def queue_manager(folder):
    """The attribute from the queue file into the request."""
    yield hook(folder + "/qmgr.h", r"\bdsn_envid;", after="\tchar *xoorg;\n")
    message = folder + "/qmgr_message.c"
    yield hook(message, r"message->dsn_envid = 0;", after="\tmessage->xoorg = 0;\n")
    yield hook(message, r"if \(rec_type == REC_TYPE_DSN_ENVID", "qmgr_message_read",
               before="\tif (rec_type == REC_TYPE_ATTR && message->xoorg == 0\n"
                      "\t    && strcmp(name, MAIL_ATTR_XOORG) == 0)\n"
                      "\t\tmessage->xoorg = mystrdup(value);\n")
    yield hook(message, r"message->dsn_envid == 0", "qmgr_message_read",
               before="    if (message->xoorg == 0)\n\tmessage->xoorg = mystrdup(\"\");\n")
    yield hook(message, r"if \(message->dsn_envid", "qmgr_message_free",
               before="    if (message->xoorg)\n\tmyfree(message->xoorg);\n")
    yield hook(folder + "/qmgr_deliver.c", r"\(MAIL_ATTR_DSN_RET\b",
               after="\t\tSEND_ATTR_STR(MAIL_ATTR_XOORG, message->xoorg),\n")


REQUEST = "global/deliver_request.c"

HOOKS = [
    # --- what all share ---
    *objects("global", "xoorg_rules.o xoorg_bytes.o xoorg_domain.o xoorg_xtext.o",
             "xoorg_params.h xoorg_rules.h"),
    hook("global/mail_params.h", r"^#define\s+_MAIL_PARAMS_H_INCLUDED_",
         after="#include <xoorg_params.h>\n"),
    hook("global/mail_proto.h", r"^#define\s+_MAIL_PROTO_H_INCLUDED_",
         after="#include <xoorg_params.h>\n"),
    hook("global/ehlo_mask.h", r"^#define\s+_EHLO_MASK_H_INCLUDED_",
         after="#include <xoorg_params.h>\n"),
    hook("global/ehlo_mask.c", r'"CHUNKING",', before='\t"XOORG", EHLO_MASK_XOORG,\n'),

    # A request may have attributes that a function prints; the client has to step over
    # them to the reply.
    hook("util/attr_clnt.c", r"case ATTR_TYPE_HASH:",
         before="\t\t    case ATTR_TYPE_FUNC:\n"
                "\t\t\t(void) va_arg(ap, ATTR_PRINT_CUSTOM_FN);\n"
                "\t\t\t(void) va_arg(ap, void *);\n\t\t\tbreak;\n"),

    # --- through the queue ---
    hook("global/deliver_request.h", r"\bdsn_envid;", after="\tchar *xoorg;\n"),
    hook(REQUEST, r"VSTRING \*dsn_envid;", after="\tstatic VSTRING *xoorg;\n"),
    hook(REQUEST, r"dsn_envid = vstring_alloc", after="\t\txoorg = vstring_alloc(10);\n"),
    hook(REQUEST, r"\(MAIL_ATTR_DSN_RET\b",
         after="\t\tRECV_ATTR_STR(MAIL_ATTR_XOORG, xoorg),\n"),
    # One attribute more than it counts.
    hook(REQUEST, r"ATTR_TYPE_END\) != (?=\d\d)", "deliver_request_get",
         instead=r"\g<0>1 + "),
    hook(REQUEST, r"request->dsn_envid = mystrdup",
         after="\trequest->xoorg = mystrdup(vstring_str(xoorg));\n"),
    hook(REQUEST, r"request->dsn_envid = 0;", after="\trequest->xoorg = 0;\n"),
    hook(REQUEST, r"if \(request->dsn_envid", "deliver_request_free",
         before="    if (request->xoorg)\n\tmyfree(request->xoorg);\n"),
    hook("global/deliver_pass.c", r"\(MAIL_ATTR_DSN_RET\b",
         after="\t\tSEND_ATTR_STR(MAIL_ATTR_XOORG, request->xoorg),\n"),
    *queue_manager("qmgr"),
    *queue_manager("oqmgr"),

    # --- certificates ---
    *objects("tls", "tls_xoorg.o", "tls_xoorg.h"),
    hook("tls/tls_misc.c", r"CONFIG_BOOL_TABLE",
         after="\tVAR_TLS_TRUST_SERVER_CCERTS, DEF_TLS_TRUST_SERVER_CCERTS, "
               "&var_tls_trust_server_ccerts,\n"),
    hook("tls/tls_server.c", r"^#include <tls\.h>", after="#include <tls_xoorg.h>\n"),
    hook("tls/tls_server.c", r"= tls_alloc_app_context\(", "tls_server_init",
         before="\ttls_xoorg_trust_server_ccerts(server_ctx);\n"
                "\ttls_xoorg_trust_server_ccerts(sni_ctx);\n"),

    # --- client ---
    *objects("smtp", "smtp_xoorg.o"),
    *parameters("SMTP"),
    *parameters("LMTP"),
    hook("smtp/smtp.c", r"if \(\*var_smtp_ehlo_dis_maps\)", before="\tsmtp_xoorg_init();\n"),
    hook("smtp/smtp.c", r'^#include "smtp\.h"', after='#include "smtp_xoorg.h"\n'),
    hook("smtp/smtp_proto.c", r'^#include "smtp\.h"', after='#include "smtp_xoorg.h"\n'),
    hook("smtp/smtp_proto.c", r'\bword, "DSN"', "smtp_helo",
         before="\t\t} else if (smtp_xoorg_ehlo(session, word, discard_mask)) {\n"
                "\t\t\t;\n"),
    hook("smtp/smtp_proto.c", r"^\s*send_name_addr =$", "smtp_xfer",
         before="    if (smtp_xoorg_fails(state))\n\treturn (-1);\n"),
    hook("smtp/smtp_proto.c", r"& SMTP_FEATURE_SMTPUTF8\) != 0", "smtp_loop",
         before="\t    smtp_xoorg_mail(next_command);\n"),

    # --- server ---
    *objects("smtpd", "smtpd_xoorg.o"),
    hook("smtpd/smtpd.h", r"^\s*\} SMTPD_STATE;|^\} SMTPD_STATE;",
         before="\tstruct SMTPD_XOORG *xoorg;\n"),
    hook("smtpd/smtpd_state.c", r'^#include [<"]smtpd\.h', after='#include "smtpd_xoorg.h"\n'),
    hook("smtpd/smtpd_state.c", r"state->dsn_envid = 0;",
         after="\tstate->xoorg = smtpd_xoorg_alloc();\n"),
    hook("smtpd/smtpd_state.c", r"if \(state->dsn_buf\)", "smtpd_state_reset",
         before="\tsmtpd_xoorg_free(state->xoorg);\n"),
    hook("smtpd/smtpd.c", r'^#include [<"]smtpd\.h', after='#include "smtpd_xoorg.h"\n'),
    hook("smtpd/smtpd.c", r"CONFIG_STR_TABLE str_table\[",
         after="\tVAR_SMTPD_XOORG_NAMES, DEF_SMTPD_XOORG_NAMES, "
               "&var_smtpd_xoorg_names, 0, 0,\n"),
    hook("smtpd/smtpd.c", r"ask_client_cert = require_server_cert",
         before="\t    smtpd_xoorg_ask_ccert();\n"),
    hook("smtpd/smtpd.c", r"^\s*flush_init\(\);", before="#ifdef USE_TLS\n"
         "\tsmtpd_xoorg_tls(smtpd_tls_ctx);\n#endif\n"),
    hook("smtpd/smtpd.c", r"if \(argc > 2\)", "helo_cmd",
         before="    if (smtpd_xoorg_refuses(state))\n\treturn (-1);\n"),
    hook("smtpd/smtpd.c", r"if \(argc > 2\)", "ehlo_cmd",
         before="    if (smtpd_xoorg_refuses(state))\n\treturn (-1);\n"),
    hook("smtpd/smtpd.c", r"if \(state->helo_name\)", "helo_reset",
         before="\tsmtpd_xoorg_unannounce(state);\n"),
    hook("smtpd/smtpd.c", r"discard_mask & EHLO_MASK_CHUNKING", "ehlo_cmd",
         before="    if (smtpd_xoorg_announces(state, discard_mask))\n"
                "\tEHLO_APPEND(state, \"XOORG\");\n"),
    hook("smtpd/smtpd.c", r"teardown_milters\(state\)", "xclient_cmd",
         before="\tsmtpd_xoorg_xclient(state);\n"),
    hook("smtpd/smtpd.c", r"if \(extract_addr\(", "mail_cmd",
         before="    if ((err = smtpd_xoorg_mail_begin(state)) != 0) {\n"
                "\tsmtpd_chat_reply(state, \"%s\", err);\n\treturn (-1);\n    }\n"),
    hook("smtpd/smtpd.c", r'\barg, "SIZE=", 5', "mail_cmd",
         before="\t} else if (smtpd_xoorg_mail_opt(state, arg, &err)) {\n"
                "\t\tif (err != 0) {\n\t\t\tsmtpd_chat_reply(state, \"%s\", err);\n"
                "\t\t\treturn (-1);\n\t\t}\n"),
    hook("smtpd/smtpd.c", r"proxy_mail = mystrdup\(", "mail_cmd",
         after="\tsmtpd_xoorg_proxy_mail(state, argc, argv);\n"),
    hook("smtpd/smtpd.c", r"state->msg_size = 0;", "mail_reset",
         before="\tsmtpd_xoorg_reset(state);\n"),
    hook("smtpd/smtpd.c", r"REC_TYPE_FROM, state->sender", "mail_open_stream",
         before="\tsmtpd_xoorg_record(state);\n"),
    hook("smtpd/smtpd_check.c", r'^#include [<"]smtpd\.h', after='#include "smtpd_xoorg.h"\n'),
    hook("smtpd/smtpd_check.c", r"name, CHECK_SASL_ACL,", "generic_checks",
         before="\t} else if (is_map_command(state, name, CHECK_XOORG_ACL, &cpp)) {\n"
                "\t    const char *xoorg = smtpd_xoorg_key(state);\n"
                "\t    int xoorg_found;\n\n"
                "\t    if (*xoorg)\n"
                "\t\tstatus = check_access(state, *cpp, xoorg, DICT_FLAG_NONE,\n"
                "\t\t    &xoorg_found, xoorg, \"XOORG\", def_acl);\n"),
    hook("smtpd/smtpd_check.c", r"\(MAIL_ATTR_POL_CONTEXT\b",
         before="\t\tSEND_ATTR_FUNC(smtpd_xoorg_print, (void *) state),\n"),
    hook("smtpd/smtpd_milter.c", r'^#include [<"]smtpd\.h', after='#include "smtpd_xoorg.h"\n'),
    hook("smtpd/smtpd_milter.c", r"strcmp\(name, S8_MAC_MAIL_HOST\)",
         before="    if (strcmp(name, SMTPD_XOORG_MACRO) == 0)\n"
                "\treturn (smtpd_xoorg_macro(state));\n"),
    hook("smtpd/smtpd_proxy.c", r'^#include [<"]smtpd\.h',
         after='#include "smtpd_xoorg.h"\n'),
    hook("smtpd/smtpd_proxy.c", r"server_xforward_features = 0;", "smtpd_proxy_connect",
         before="\tsmtpd_xoorg_proxy_ehlo(state, STR(proxy->reply));\n"),
    hook("smtpd/smtpd_proxy.c", r"proxy->mail_from(?=\))", "smtpd_proxy_connect",
         instead="smtpd_xoorg_proxy_from(state, proxy->mail_from)"),
]
