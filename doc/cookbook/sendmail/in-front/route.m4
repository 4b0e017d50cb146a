dnl Mail to the domains that live in Exchange goes by way of the gateway.
define(`RELAY_MAILER_ARGS', `TCP $h @OUT_PORT@')dnl
