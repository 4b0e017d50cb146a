# SPDX-License-Identifier: ISC
"""The relays that are measured, a file each. PEERS is the order of the table."""
from peers.direct import Direct, Pump
from peers.dovecot import Dovecot
from peers.exim import Exim
from peers.haproxy import Haproxy
from peers.haraka import Haraka
from peers.nginx import Nginx
from peers.postfix import PostfixProxy, PostfixQueue
from peers.stunnel import Stunnel
from peers.xoorgd import Against, KeysInside, Xoorgd

PEERS = [Direct, Pump, Haproxy, Nginx, Stunnel, Dovecot, PostfixProxy, PostfixQueue, Exim,
         Haraka, Xoorgd, KeysInside, Against]
# Of the same gateway: when asked for by name, or by an option.
VARIANTS = (KeysInside, Against)
