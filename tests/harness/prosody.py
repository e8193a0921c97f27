"""Prosody from Debian, whole: what a client can use of a server that nobody here wrote.

It is also what `--server prosody` puts in the place of burbled, to tell a wrong test from a wrong
server. Rooms, uploads and a second host come with full=True.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess

from . import certs
from .server import UNPRIVILEGED, Account, Peer, die_with_parent, free_ports, wait_until

CONFIG = """
run_as_root = true
pidfile = "{dir}/pid"
data_path = "{dir}/data"
log = {{ {{ levels = {{ min = "info" }}, to = "file", filename = "{dir}/log" }} }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {plain} }}
c2s_direct_tls_ports = {{ {direct} }}
c2s_direct_tls_ssl = {{ certificate = "{chain}"; key = "{key}"; }}
s2s_ports = {{}}
http_ports = {{ {http} }}
http_interfaces = {{ "127.0.0.1" }}
https_ports = {{ {https} }}
https_interfaces = {{ "127.0.0.1" }}
https_ssl = {{ certificate = "{chain}"; key = "{key}"; }}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "private", "vcard_legacy", "pep",
  "version", "time", "ping", "register", "blocklist", "lastactivity", "uptime",
  "server_contact_info", "watchregistrations", "offline", "csi_simple", {modules} }}
modules_disabled = {{ "s2s" }}
contact_info = {{ abuse = {{ "mailto:abuse@localhost" }} }}
{authentication}
allow_registration = true
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
registration_watchers = {{ {watchers} }}
{extra}
"""

HOST = """
VirtualHost "{host}"
  ssl = {{ certificate = "{chain}"; key = "{key}"; }}
  {extra}
"""

FULL = """
Component "muc.{host}" "muc"
  modules_enabled = {{ "muc_mam" }}
  restrict_room_creation = false
  muc_log_by_default = true
Component "upload.{host}" "http_file_share"
  http_host = "{host}"
  http_external_url = "{scheme}://{host}:{upload_port}/"
  http_file_share_size_limit = {upload_max}
"""

# SASL EXTERNAL, by mod_auth_ccert of Debian's prosody-modules; passwords are of no use then.
EXTERNAL = """
authentication = "ccert"
certificate_match = "xmppaddr"
ssl = {{ cafile = "{ca}"; capath = false; verify = {{ "peer", "client_once" }};
  verifyext = {{ lsec_ignore_purpose = false }} }}
"""

# SASL2, bind 2 and FAST, by Debian's prosody-modules, unaltered. They were written for Prosody 13:
# 0.12 lacks four things that they ask of its core, and this plug-in adds them. What mod_sasl2_sm
# asks of mod_smacks (do_enable, do_resume) cannot be added so: with 0.12 it is left away.
SASL2 = ("sasl2", "sasl2_bind2", "sasl2_fast", "carbons", "csi", "smacks")
DEBIAN_MODULES = pathlib.Path("/usr/lib/prosody/modules")
NEWER_CORE = """
local datetime = require "util.datetime";
local of_integer = datetime.datetime;
function datetime.datetime(t) return of_integer(t and math.floor(t)); end
local stanza = require "util.stanza".stanza_mt;
stanza.get_child_attr = stanza.get_child_attr or function (self, name, xmlns, attr)
  local child = self:get_child(name, xmlns);
  return child and child.attr[attr];
end
local function info(conn) return conn:socket():info(); end
local function finished(conn) return conn:socket():getpeerfinished(); end
module:hook("stream-features", function (event)
  local conn = event.origin.conn;
  conn.ssl_info = conn.ssl_info or info;
  conn.ssl_peerfinished = conn.ssl_peerfinished or finished;
  -- FAST looks only whether a user is named, not which.
  event.stream = event.stream or { from = "somebody@" .. module.host };
end, 100);
"""

MODULES = ("smacks", "carbons", "mam", "vcard4", "bookmarks", "adhoc", "csi")
UPLOAD_MAX = 1024 * 1024


class Prosody(Peer):
    """accounts: {jid: password}. full: everything that it has. upload_scheme: https or http.

    domains: the hosts, the first of them `host`. extra: more lines of the global section;
    host_extra: of a host's, {domain: lines}. external: certificates instead of passwords.
    sasl2: with SASL2, bind 2 and FAST; inline_sm says whether stream management comes with them.
    """

    kind = "prosody"

    def __init__(self, watchers=(), accounts=None, full=False, domains=("localhost",),
                 upload_scheme="https", extra="", host_extra=None, external=False,
                 sasl2=False, **_ignored):
        super().__init__()
        self.host, self.domains = domains[0], domains
        plain, direct, self.http, self.https = free_ports(4)
        self.ports = {"plain": plain, "tls": plain, "direct": direct}
        self.watchers, self.full, self.extra = watchers, full, extra
        self.upload_scheme, self.host_extra = upload_scheme, host_extra or {}
        self.external, self.sasl2 = external, sasl2
        self.inline_sm = sasl2 and "function do_resume" in _core_module("smacks")
        self.accounts.update(accounts or {})
        self.ca_file = str(certs.authority().ca_file)
        if full:
            self.muc_domain = f"muc.{self.host}"
            self.upload = f"upload.{self.host}"
            self.features = frozenset(
                "scram-sha-1 scram-sha-256 scram-plus sm carbons mam csi muc muc-mam pep upload"
                " register adhoc blocking vcard-temp vcard4 avatar bookmarks rosterver version"
                " time ping last private offline".split())

    def start(self):
        self._write()
        with open(self.dir / "stderr", "ab") as out:
            self.process = subprocess.Popen(
                ["prosody", "-F", "--config", str(self.dir / "conf.lua")], stdout=out, stderr=out,
                stdin=subprocess.DEVNULL, cwd=self.dir, preexec_fn=die_with_parent,
                env={**os.environ, "HOME": str(self.dir)}, **UNPRIVILEGED.popen_options(),
            )
        wait_until(self._listening, 30, "Prosody's port")
        return self

    def _write(self):
        certificate = certs.authority().issue(*self.domains)
        paths = {"chain": certificate.chain, "key": certificate.key, "dir": self.dir}
        text = CONFIG.format(
            **self.ports, **paths,
            http=self.http if self.full else "", https=self.https if self.full else "",
            modules=", ".join(f'"{m}"' for m in self._modules()),
            watchers=", ".join(f'"{w}"' for w in self.watchers), extra=self._extra(),
            authentication=EXTERNAL.format(ca=self.ca_file) if self.external
            else 'authentication = "internal_plain"',
        )
        text += "".join(HOST.format(host=host, extra=self.host_extra.get(host, ""), **paths)
                        for host in self.domains)
        if self.full:
            text += FULL.format(
                host=self.host, upload_max=UPLOAD_MAX, scheme=self.upload_scheme,
                upload_port=self.https if self.upload_scheme == "https" else self.http,
            )
        (self.dir / "conf.lua").write_text(text)
        UNPRIVILEGED.give(self.dir)
        (self.dir / "certs").mkdir(exist_ok=True)
        for host in self.domains:
            for folder in ("", _encoded(host), f"{_encoded(host)}/accounts"):
                path = self.dir / "data" / folder
                path.mkdir(parents=True, exist_ok=True)
                UNPRIVILEGED.give(path)
        for jid, password in self.accounts.items():
            user, _, host = jid.partition("@")
            self.add_account(Account(user, host, password))

    def _modules(self):
        names = MODULES if self.full else ()
        if self.sasl2:
            names += SASL2 + ("burble_newer_core",) + ("sasl2_sm",) * self.inline_sm
        return names

    def _extra(self):
        """For SASL2 a folder of plug-ins; Debian's own has those of 0.12's core in it, too."""
        if not self.sasl2:
            return self.extra
        plugins = self.dir / "plugins"
        plugins.mkdir(exist_ok=True)
        (plugins / "mod_burble_newer_core.lua").write_text(NEWER_CORE)
        for folder in DEBIAN_MODULES.glob("mod_sasl2*"):
            shutil.copytree(folder, plugins / folder.name, dirs_exist_ok=True)
        return f'plugin_paths = {{ "{plugins}" }}\n{self.extra}'

    def forget_tokens(self, user):
        """What mod_sasl2_fast knows of a user's tokens is gone."""
        (self.dir / "data" / _encoded(self.host) / "fast_tokens" / f"{_encoded(user)}.dat").unlink()

    def _listening(self):
        assert self.running(), (self.dir / "stderr").read_text() + self.tail()
        try:
            self.open().abandon()
            return True
        except ConnectionError:
            return False

    def add_account(self, account):
        path = self.dir / "data" / _encoded(account.host) / "accounts"
        path = path / f"{_encoded(account.user)}.dat"
        path.write_text(f'return {{ ["password"] = "{account.password}"; }};\n')
        UNPRIVILEGED.give(path)

    def stop(self):
        self.drop_clients()
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None

    def tail(self):
        path = self.dir / "log"
        return path.read_text(errors="replace")[-6000:] if path.exists() else ""


def _core_module(name):
    """The text of a module of the Prosody that is started; its program knows where they are."""
    program = pathlib.Path(shutil.which("prosody")).read_text()
    source = re.search(r"CFG_SOURCEDIR\s*=[^\n]*?['\"](/[^'\"]+)['\"]", program)[1]
    return (pathlib.Path(source) / "modules" / f"mod_{name}.lua").read_text()


def _encoded(name):
    """As Prosody writes names in names of files."""
    return "".join(chr(c) if chr(c).isalnum() and c < 128 else f"%{c:02x}" for c in name.encode())
