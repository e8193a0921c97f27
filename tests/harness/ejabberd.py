"""ejabberd from Debian, whole: what a client can use of another server that nobody here wrote.

It runs without Erlang's distribution, so there is no epmd, no cookie and no node name that could
clash with another run; accounts are made by its HTTP interface.
"""

import glob
import http.client
import json
import os
import pathlib
import signal
import subprocess

from . import certs
from .server import UNPRIVILEGED, Account, Peer, die_with_parent, free_ports, wait_until

UPLOAD_MAX = 1024 * 1024

# Its threads wait asleep: those that spin, as those for files do by default, use up their turns on a
# busy machine, and the start takes a minute there instead of seconds.
IDLE = ("+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none")

CONFIG = """
hosts: [{hosts}]
loglevel: info
log_rotate_size: infinity
acme: {{auto: false}}
auth_method: internal
auth_password_format: plain
certfiles: ["{both}"]
ca_file: "{ca}"
c2s_cafile: "{ca}"
listen:
  - {{port: {plain}, ip: "127.0.0.1", module: ejabberd_c2s, starttls: true, {c2s}}}
  - {{port: {tls}, ip: "127.0.0.1", module: ejabberd_c2s, starttls_required: true, {c2s}}}
  - {{port: {direct}, ip: "127.0.0.1", module: ejabberd_c2s, tls: true, {c2s}}}
  - {{port: {admin}, ip: "127.0.0.1", module: ejabberd_http,
      request_handlers: {{/api: mod_http_api, /upload: mod_http_upload}}}}
  - {{port: {https}, ip: "127.0.0.1", module: ejabberd_http, tls: true,
      request_handlers: {{/upload: mod_http_upload}}}}
acl:
  local: {{user_regexp: ""}}
  admin: {{user: [{admins}]}}
access_rules:
  local: {{allow: local}}
  configure: {{allow: admin}}
api_permissions:
  tests:
    from: [mod_http_api]
    who: {{access: {{allow: [{{ip: 127.0.0.1/8}}]}}}}
    what: "*"
registration_timeout: infinity
modules:
  mod_adhoc: {{report_commands_node: true}}
  mod_blocking: {{}}
  mod_caps: {{}}
  mod_carboncopy: {{}}
  mod_client_state: {{}}
  mod_configure: {{}}
  mod_disco: {{}}
  mod_http_api: {{}}
  mod_http_upload:
    host: "upload.@HOST@"
    put_url: "{upload_url}"
    docroot: "{dir}/upload"
    max_size: {upload_max}
    access: local
  mod_last: {{}}
  mod_mam: {{default: always, assume_mam_usage: true}}
  mod_muc:
    host: "muc.@HOST@"
    default_room_options: {{mam: true, allow_subscription: true}}
  mod_offline: {{}}
  mod_ping: {{}}
  mod_privacy: {{}}
  mod_private: {{}}
  mod_pubsub:
    plugins: [flat, pep]
    force_node_config:
      "storage:bookmarks": {{access_model: whitelist}}
      "eu.siacs.conversations.axolotl.*": {{access_model: open}}
  mod_register: {{ip_access: all, captcha_protected: false}}
  mod_roster: {{versioning: true}}
  mod_stream_mgmt: {{resend_on_timeout: if_offline, resume_timeout: 60}}
  mod_time: {{}}
  mod_vcard: {{}}
  mod_vcard_xupdate: {{}}
  mod_version: {{}}
"""


class Ejabberd(Peer):
    """accounts: {jid: password}. domains: the hosts; rooms and uploads belong to the first.

    extra: more lines of the configuration.
    external: ask for certificates and offer SASL EXTERNAL to those who show a good one.
    """

    kind = "ejabberd"

    def __init__(self, accounts=None, domains=("localhost",), upload_scheme="https", admins=(),
                 external=False, extra="", **_ignored):
        super().__init__()
        self.host, self.domains, self.admins = domains[0], domains, admins
        self.upload_scheme, self.external, self.extra = upload_scheme, external, extra
        self.kept = False  # it has ended in order: what it knew is on disk
        names = ("plain", "tls", "direct", "admin", "https")
        self.ports = dict(zip(names, free_ports(len(names))))
        self.accounts.update(accounts or {})
        self.ca_file = str(certs.authority().ca_file)
        self.muc_domain, self.upload = f"muc.{self.host}", f"upload.{self.host}"
        self.features = frozenset(
            "scram-sha-1 scram-sha-256 scram-sha-512 scram-plus sm carbons mam csi muc muc-mam pep"
            " upload register adhoc blocking vcard-temp avatar rosterver version time ping last"
            " private offline".split() + (["external"] if external else []))

    def start(self):
        self._write()
        libraries = pathlib.Path(glob.glob("/usr/lib/*/ejabberd-*/ebin")[0]).parents[1]
        erlang = {
            "ERL_LIBS": str(libraries),
            "ERL_CRASH_DUMP": str(self.dir / "crash"),
            "EJABBERD_CONFIG_PATH": str(self.dir / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self.dir / "logs" / "ejabberd.log"),
            "HOME": str(self.dir),
        }
        others = {k: v for k, v in os.environ.items() if not k.startswith(("EJABBERD", "ERL"))}
        with open(self.dir / "stderr", "ab") as out:
            self.process = subprocess.Popen(
                ["erl", "+S", "2:2", *IDLE, "-noinput", "-mnesia", "dir",
                 f'"{self.dir}/spool"', "-s", "ejabberd"],
                stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=self.dir,
                preexec_fn=die_with_parent, env={**others, **erlang},
                **UNPRIVILEGED.popen_options(),
            )
        wait_until(self._ready, 60, "ejabberd's ports")
        if not self.kept:
            for jid, password in self.accounts.items():
                self.add_account(Account(*jid.split("@"), password))
        self.kept = False
        return self

    def _write(self):
        certificate = certs.authority().issue(*self.domains)
        scheme = self.upload_scheme
        port = self.ports["https" if scheme == "https" else "admin"]
        text = CONFIG.format(
            hosts=", ".join(self.domains), dir=self.dir, ca=self.ca_file,
            both=certificate.both, **self.ports, upload_max=UPLOAD_MAX,
            upload_url=f"{scheme}://@HOST@:{port}/upload",
            admins=", ".join(f'"{jid}"' for jid in self.admins),
            c2s="tls_verify: true" if self.external else "tls_verify: false",
        )
        (self.dir / "ejabberd.yml").write_text(text + self.extra)
        UNPRIVILEGED.give(self.dir)
        for folder in ("spool", "logs", "upload"):
            (self.dir / folder).mkdir(exist_ok=True)
            UNPRIVILEGED.give(self.dir / folder)

    def _ready(self):
        assert self.running(), (self.dir / "stderr").read_text() + self.tail()
        return all(self._listens(listener) for listener in self.ports)

    def _listens(self, listener):
        try:
            self.open(listener).abandon()
            return True
        except ConnectionError:
            return False

    def call(self, command, allowed=(200,), **arguments):
        """A command of its interface for administrators; its answer, out of JSON."""
        connection = http.client.HTTPConnection(self.ip, self.ports["admin"], timeout=20)
        try:
            connection.request("POST", f"/api/{command}", json.dumps(arguments),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        assert answer.status in allowed, f"{command}: {answer.status} {text}"
        return json.loads(text)

    def add_account(self, account):
        exists = 409
        self.call("register", (200, exists), user=account.user, host=account.host,
                  password=account.password)

    def stop(self):
        self.drop_clients()
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process, self.kept = None, True

    def tail(self):
        path = self.dir / "logs" / "ejabberd.log"
        return path.read_text(errors="replace")[-6000:] if path.exists() else ""
