LOCAL_RULESETS
# Verified mail goes anywhere: centralized mail transport, for a tenant with
# relay = true. Every client of that port can relay.
# Sendmail lets 127.0.0.1 relay, and here the gateway is 127.0.0.1: the ordinary
# daemon must ask for one of our domains (/etc/mail/relay-domains) itself.
SLocal_check_rcpt
R$*			$: $&{daemon_name} $| $1
Rordinary $| $*		$: xoorg $| $>ParseRecipient $1
Rxoorg $| $+ < @ $* $=R >	$@ OK
Rxoorg $| $*		$#error $@ 5.7.1 $: "550 Relaying denied"
