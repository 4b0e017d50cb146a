# SPDX-License-Identifier: ISC
"""nginx as a mail proxy: reads up to the first RCPT, and is blind from there on."""
from driver.tools import free_ports
from peers.base import Peer

MAIN = """\
load_module /usr/lib/nginx/modules/ngx_mail_module.so;
daemon off;
user www-data;
worker_processes %(workers)d;
worker_rlimit_nofile 20000;
pid %(folder)s/pid;
error_log %(folder)s/error.log;
events { worker_connections 9000; }
http {
	access_log off;
%(http)s}
mail {
	smtp_auth none;
	xclient off;
	proxy_buffer 64k;
	smtp_client_buffer 64k;
	server_name gw.contoso.test;
%(mail)s}
"""

HTTP = """\
	server {
		listen 127.0.0.1:%d;
		location / {
			add_header Auth-Status OK;
			add_header Auth-Server 127.0.0.1;
			add_header Auth-Port %d;
			return 204;
		}
	}
"""

MAIL = """\
	server {
		listen 127.0.0.1:%d;
		protocol smtp;
		auth_http 127.0.0.1:%d/;
	}
"""


class Nginx(Peer):
    name, title = "nginx", "nginx mail, blind after hand-over, 64k buffers"
    knows = "up to the first RCPT"
    legs = ("plain", "late")
    packages = ("nginx", "libnginx-mod-mail")

    def begin(self):
        helpers = dict(zip(self.legs, free_ports(len(self.legs))))
        text = MAIN % {
            "workers": self.env.workers, "folder": self.folder,
            "http": "".join(HTTP % (helpers[x], self.env.target(x, False)) for x in self.legs),
            "mail": "".join(MAIL % (self.ports[x], helpers[x]) for x in self.legs)}
        self.run_inside(["/bin/sh", "-c", "mkdir -p /var/lib/nginx /var/log/nginx && "
                         "exec /usr/sbin/nginx -c " + self.write("nginx.conf", text)])
