LOCAL_RULESETS
# Sendmail lets 127.0.0.1 relay, and here the gateway is 127.0.0.1: both daemons
# must ask for one of our domains (/etc/mail/relay-domains) themselves.
SLocal_check_rcpt
R$*			$: $&{daemon_name} $| $1
Rverified $| $*		$: xoorg $| $>ParseRecipient $1
Rordinary $| $*		$: xoorg $| $>ParseRecipient $1
Rxoorg $| $+ < @ $* $=R >	$@ OK
Rxoorg $| $*		$#error $@ 5.7.1 $: "550 Relaying denied"
