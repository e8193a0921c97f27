"""Prosody in the place of burbled, to tell a wrong test from a wrong server. Development only."""

import os
import subprocess

from .server import Server, free_ports, wait_until

CONFIG = """
run_as_root = true
pidfile = "{dir}/pid"
data_path = "{dir}/data"
log = {{ {{ levels = {{ min = "info" }}, to = "file", filename = "{dir}/log" }} }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {plain} }}
c2s_direct_tls_ports = {{ {direct} }}
c2s_direct_tls_ssl = {{ certificate = "{dir}/crt"; key = "{dir}/key"; }}
s2s_ports = {{}}
http_ports = {{}}
https_ports = {{}}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "private", "vcard_legacy", "pep",
  "version", "time", "ping", "register", "blocklist", "lastactivity", "uptime",
  "server_contact_info", "watchregistrations", "offline", "csi_simple" }}
modules_disabled = {{ "s2s" }}
contact_info = {{ abuse = {{ "mailto:abuse@localhost" }} }}
authentication = "internal_plain"
allow_registration = true
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
registration_watchers = {{ {watchers} }}
VirtualHost "localhost"
  ssl = {{ certificate = "{dir}/crt"; key = "{dir}/key"; }}
"""


class Prosody(Server):
    def __init__(self, watchers=(), **_ignored):
        super().__init__()
        plain, direct = free_ports(2)
        self.ports = {"plain": plain, "tls": plain, "direct": direct}
        self.watchers = watchers

    def start(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-days", "2", "-keyout", self.dir / "key", "-out", self.dir / "crt"],
            check=True, capture_output=True,
        )
        (self.dir / "data" / "localhost" / "accounts").mkdir(parents=True)
        watchers = ", ".join(f'"{w}"' for w in self.watchers)
        text = CONFIG.format(dir=self.dir, watchers=watchers, **self.ports)
        (self.dir / "conf.lua").write_text(text)
        with open(self.dir / "stderr", "wb") as out:
            self.process = subprocess.Popen(
                ["prosody", "-F", "--config", str(self.dir / "conf.lua")], stdout=out, stderr=out,
                cwd=self.dir, env={**os.environ, "HOME": str(self.dir)},
            )
        wait_until(self._listening, 15, "Prosody's port")
        return self

    def _listening(self):
        assert self.running(), (self.dir / "stderr").read_text()
        try:
            self.open().abandon()
            return True
        except ConnectionError:
            return False

    def add_account(self, account):
        folder = self.dir / "data" / account.host / "accounts"
        (folder / f"{account.user}.dat").write_text(
            f'return {{ ["password"] = "{account.password}"; }};\n'
        )

    def stop(self):
        self.drop_clients()
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None
