dnl The gateway's two services.
DAEMON_OPTIONS(`Name=verified, Family=inet, Addr=127.0.0.1, Port=@VERIFIED_PORT@')dnl
DAEMON_OPTIONS(`Name=ordinary, Family=inet, Addr=127.0.0.1, Port=@ORDINARY_PORT@')dnl
dnl No way out of a local part by UUCP.
FEATURE(`nouucp', `reject')dnl
