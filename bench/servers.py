"""The servers that bench/compare measures: how each is configured, given accounts, started and
stopped.

A server lives in a directory of its own under a temporary one, listens on 127.0.0.1 only, and is
started without its rate limits and traffic shapers. It archives every message of every account
(XEP-0313), in SQLite, or none. Everything else is as its Debian package ships it, listeners for
other purposes left out.
"""

import base64
import hashlib
import hmac
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DOMAIN = "localhost"
PASSWORD = "bench-secret"
USER = "u"
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 15
PROGRAM_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin"
HEADER = (
    f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams'>"
).encode()


class ServerError(Exception):
    """A server could not be prepared, started or talked to."""


def free_port():
    """A port that nobody listens on, below those that the kernel gives to clients: a client that
    tries again and again while its server is dead would be given the server's port one day."""
    while True:
        port = random.randrange(12000, 30000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def certificate(folder):
    """One self-signed certificate for all servers: ECDSA P-256, as most are today."""
    folder.mkdir(parents=True, exist_ok=True)
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "30", "-subj", f"/CN={DOMAIN}", "-addext",
         f"subjectAltName=DNS:{DOMAIN}", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True)
    (folder / "both.pem").write_bytes(cert.read_bytes() + key.read_bytes())
    for file in folder.iterdir():
        file.chmod(0o644 if file == cert else 0o600)
    return folder


def check_installed(names, archive=False):
    need = {"prosody": "prosody", "ejabberd": "ejabberdctl"}
    missing = [n for n in names if n in need and not shutil.which(need[n], path=PROGRAM_PATH)]
    if archive:
        need = {"prosody": "lua-dbi-sqlite3", "ejabberd": "erlang-p1-sqlite3"}
        missing += [need[n] for n in names if n in need and subprocess.run(
            ["dpkg", "--status", need[n]], capture_output=True).returncode != 0]
    if missing:
        raise ServerError(f"not installed: as root, type: apt-get install {' '.join(missing)}")


class Server:
    name = ""
    xmpp = True  # False: the relay
    user = None  # who it runs as, when compare runs as root
    one_core = True  # it has one busy thread: bound to a core, so that the load gets another
    extra_load_options = []

    def __init__(self, folder, build, certs, accounts, core=None, archive=False, shards=1,
                 kind=""):
        """archive: every message is archived, in SQLite. shards: of burbled. kind: tells it from
        others of the same name."""
        self.what = self.name + (f"-{kind}" if kind else "")
        self.folder, self.build, self.certs = Path(folder) / self.what, Path(build), certs
        self.accounts, self.core, self.archive, self.shards = accounts, core, archive, shards
        self.one_core = self.one_core and shards == 1
        self.port = free_port()
        self.process = None
        self.log = None
        self.folder.mkdir(parents=True)

    # What a subclass says about itself.

    def version(self):
        return ""

    def command(self):
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def prepare(self):
        """Writes the configuration and makes the accounts user0 .. user(accounts-1)."""

    def collect_garbage(self):
        """True when the server has a way to be told, and has been."""
        return False

    # What is the same for all.

    def identity(self):
        if self.user is None or os.geteuid() != 0:
            return {}
        entry = pwd.getpwnam(self.user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def give_away(self, *paths):
        """Files that the server's user has to own, in folders that it has to pass through."""
        who = self.identity()
        if not who:
            return
        for folder in (self.folder, self.folder.parent, Path(self.certs)):
            folder.chmod(0o755)
        for path in paths:
            os.chown(path, who["user"], who["group"])

    @property
    def pid(self):
        return self.process.pid

    def spawn(self):
        """Starts it and does not wait."""
        everywhere = os.sched_getaffinity(0)
        self.log = open(self.folder / "output.log", "ab")
        try:
            if self.core is not None and self.one_core:
                os.sched_setaffinity(0, {self.core})  # the child inherits it
            self.process = subprocess.Popen(
                [str(part) for part in self.command()], env=self.environment(), cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True,
                **self.identity())
        finally:
            os.sched_setaffinity(0, everywhere)

    def start(self):
        """Starts it; returns the seconds from exec to the first answered stream header."""
        begin = time.monotonic()
        self.spawn()
        while time.monotonic() < begin + START_SECONDS_MAX:
            if self.process.poll() is not None:
                break
            if self.answers():
                return time.monotonic() - begin
            time.sleep(0.001)
        self.stop()
        raise ServerError(f"{self.name} does not start; see {self.tail()}")

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
                if not self.xmpp:
                    return True
                s.sendall(HEADER)
                return b"<stream:features" in self.read_header(s)
        except OSError:
            return False

    @staticmethod
    def read_header(s):
        got = b""
        # With the features, so that a host that is not up yet (an error instead) does not count.
        while b"<stream:features" not in got and len(got) < 65536:
            part = s.recv(4096)
            if not part:
                break
            got += part
        return got

    def kill(self):
        """kill -9, whatever it does just now."""
        os.killpg(self.process.pid, signal.SIGKILL)  # its own session: only its processes
        self.process.wait()
        self.process = None
        self.log.close()

    def stop(self):
        if self.process is None:
            return
        try:
            if self.process.poll() is None:
                self.process.terminate()
                self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            pass
        finally:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)  # its own session: only its processes
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process = None
            self.log.close()

    def tail(self):
        text = (self.folder / "output.log").read_bytes().decode(errors="replace")
        for other in sorted(self.folder.glob("*.log")):
            if other.name != "output.log":
                text += f"\n[{other.name}]\n" + other.read_text(errors="replace")
        return f"{self.folder}/output.log:\n{text[-3000:]}"


class Relay(Server):
    name = "relay"
    xmpp = False
    extra_load_options = ["--relay"]

    def command(self):
        return [self.build / "bench" / "relay", self.port]


class Burbled(Server):
    name = "burbled"
    user = "nobody"  # it refuses to run as root

    def program(self, name):
        place = self.build / "src" / name / name
        if not place.exists():
            raise ServerError(f"there is no {place}: build it first")
        return place

    def version(self):
        run = subprocess.run([self.program("burbled"), "--version"], capture_output=True, text=True)
        return run.stdout.strip().split()[-1] if run.stdout.strip() else ""

    def command(self):
        return [self.program("burbled"), "-c", self.folder / "burbled.conf"]

    def has_option(self, name):
        run = subprocess.run([self.program("burbled"), "--print-options"], capture_output=True,
                             text=True)
        return f"| `{name}` |" in run.stdout

    def prepare(self):
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        durability = 'durability = "strict";' if self.has_option("durability") else ""
        (self.folder / "burbled.conf").write_text(f"""
data_dir = "{data}";
store = "sqlite";
{durability}
shards = {self.shards};
log = {{ level = "warning"; }};
sasl = {{ iterations = 4096; }};
hosts = ( {{
  name = "{DOMAIN}"; certificate = "{self.certs}/cert.pem"; key = "{self.certs}/key.pem";
}} );
listen = ( {{
  service = "c2s"; address = "127.0.0.1"; port = {self.port};
  tls = "starttls"; require_tls = false; plain_without_tls = true;
}} );
limits = {{ rate = false; }};
""")
        self.give_away(data, *Path(self.certs).iterdir())
        self.start()
        try:
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(self.add_account, range(self.accounts)))
        finally:
            self.stop()

    def add_account(self, n):
        run = subprocess.run(
            [self.program("burblectl"), "--data-dir", self.folder / "data", "account", "add",
             f"{USER}{n}@{DOMAIN}"],
            input=PASSWORD + "\n", capture_output=True, text=True, timeout=60)
        if run.returncode != 0:
            raise ServerError(f"burblectl account add: {run.stderr.strip()}")


class Prosody(Server):
    name = "prosody"

    def version(self):
        run = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "prosody"], capture_output=True,
                             text=True)
        return run.stdout.strip()

    def command(self):
        return [shutil.which("prosody", path=PROGRAM_PATH), "--config",
                self.folder / "prosody.cfg.lua", "-F"]

    def prepare(self):
        data = self.folder / "data"
        accounts = data / DOMAIN / "accounts"
        archive = f"""
storage = {{ archive = "sql" }}
sql = {{ driver = "SQLite3"; database = "{self.folder}/archive.sqlite" }}
default_archive_policy = true
archive_expires_after = "never"
""" if self.archive else ""
        (self.folder / "certs").mkdir()
        accounts.mkdir(parents=True)
        # Debian's modules_enabled without "limits".
        (self.folder / "prosody.cfg.lua").write_text(f"""
run_as_root = true
pidfile = "{self.folder}/prosody.pid"
data_path = "{data}"
admin_socket = "{self.folder}/prosody.sock"
modules_enabled = {{
  "disco"; "roster"; "saslauth"; "tls"; "blocklist"; "bookmarks"; "carbons"; "dialback"; "pep";
  "private"; "smacks"; "vcard4"; "vcard_legacy"; "csi_simple"; "invites"; "invites_adhoc";
  "invites_register"; "ping"; "register"; "time"; "uptime"; "version"; "admin_adhoc"; "admin_shell";
  "posix"; {'"mam";' if self.archive else ""}
}}
modules_disabled = {{ "s2s" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {self.port} }}
c2s_direct_tls_ports = {{ }}
s2s_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
network_settings = {{ tcp_backlog = 4096 }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_hashed"
default_storage = "internal"
{archive}
log = {{ warn = "{self.folder}/prosody.log" }}
ssl = {{ certificate = "{self.certs}/cert.pem"; key = "{self.certs}/key.pem" }}
VirtualHost "{DOMAIN}"
""")
        self.write_accounts(accounts)

    def write_accounts(self, folder):
        # As mod_auth_internal_hashed keeps them; all share salt and password.
        salt, iterations = "bench-salt-0123456789", 10000
        salted = hashlib.pbkdf2_hmac("sha1", PASSWORD.encode(), salt.encode(), iterations)
        client = hmac.digest(salted, b"Client Key", "sha1")
        record = (
            "return {\n"
            f'\t["salt"] = "{salt}";\n\t["iteration_count"] = {iterations};\n'
            f'\t["stored_key"] = "{hashlib.sha1(client).hexdigest()}";\n'
            f'\t["server_key"] = "{hmac.digest(salted, b"Server Key", "sha1").hex()}";\n'
            "};\n")
        for n in range(self.accounts):
            (folder / f"{USER}{n}.dat").write_text(record)


    def collect_garbage(self):
        run = subprocess.run(
            ["prosodyctl", "--config", str(self.folder / "prosody.cfg.lua"), "shell",
             '> collectgarbage("collect"), collectgarbage("collect")'],
            capture_output=True, text=True, timeout=60)
        return run.returncode == 0


class Ejabberd(Server):
    """Started as ejabberdctl does, but without its change of user and without epmd: a node with a
    fixed port for the Erlang distribution, on loopback, so that it disturbs no other node."""

    name = "ejabberd"
    one_core = False
    node = f"ejabberd@{DOMAIN}"

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.node_port = free_port()

    def version(self):
        run = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "ejabberd"], capture_output=True,
                             text=True)
        return run.stdout.strip()

    def environment(self):
        return dict(
            os.environ, HOME=str(self.folder),
            EJABBERD_CONFIG_PATH=str(self.folder / "ejabberd.yml"),
            EJABBERD_LOG_PATH=str(self.folder / "ejabberd.log"),
            ERL_LIBS="/usr/lib/x86_64-linux-gnu:/usr/lib/aarch64-linux-gnu",
            ERL_MAX_PORTS="65536", ERL_MAX_ETS_TABLES="1400", ERL_CRASH_DUMP_SECONDS="0",
            ERL_CRASH_DUMP_BYTES="0")

    def distribution(self):
        return ["-erl_epmd_port", self.node_port, "-start_epmd", "false", "-kernel",
                "inet_dist_use_interface", "{127,0,0,1}"]

    def command(self):
        # The flags of /usr/sbin/ejabberdctl.
        return ["erl", "+K", "true", "+P", "250000", "-sname", self.node, *self.distribution(),
                "-mnesia", "dir", f'"{self.folder}/spool"', "-s", "ejabberd", "-noinput"]

    def eval(self, code):
        """Runs Erlang code on a helper node that can call the server's; its value is printed."""
        code = f"N = '{self.node}', R = begin {code} end, io:format(\"~p\", [R]), halt(0)."
        run = subprocess.run(
            [str(part) for part in ["erl", "-noinput", "-hidden", "-sname",
                                    f"bench{os.getpid()}@{DOMAIN}", *self.distribution(),
                                    "-dist_listen", "false", "-eval", code]],
            env=self.environment(), capture_output=True, text=True, timeout=180)
        if run.returncode != 0 or "badrpc" in run.stdout:
            raise ServerError(f"ejabberd: {run.stdout} {run.stderr}")
        return run.stdout

    def prepare(self):
        (self.folder / "spool").mkdir()
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(os.urandom(12).hex())
        cookie.chmod(0o400)
        # mod_mam with default_db: sql; accounts stay in Mnesia, where add_accounts writes them.
        database = f"""
default_db: sql
sql_type: sqlite
sql_database: "{self.folder}/archive.sqlite"
auth_method: mnesia
""" if self.archive else ""
        mam = """
  mod_mam:
    default: always
""" if self.archive else ""
        # Debian's modules without fail2ban (a limit) and without those that need other listeners.
        (self.folder / "ejabberd.yml").write_text(f"""
loglevel: warning
log_rotate_count: 0
hosts:
  - {DOMAIN}
certfiles:
  - {self.certs}/both.pem
define_macro:
  'TLS_CIPHERS': "HIGH:!aNULL:!eNULL:!3DES:@STRENGTH"
  'TLS_OPTIONS':
    - "no_sslv3"
    - "no_tlsv1"
    - "no_tlsv1_1"
    - "cipher_server_preference"
    - "no_compression"
c2s_ciphers: 'TLS_CIPHERS'
c2s_protocol_options: 'TLS_OPTIONS'
disable_sasl_mechanisms:
  - "digest-md5"
  - "X-OAUTH2"
auth_password_format: scram
{database}
listen:
  -
    port: {self.port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    max_stanza_size: 262144
    starttls: true
    backlog: 4096
    protocol_options: 'TLS_OPTIONS'
shaper_rules:
  max_user_sessions: infinity
  max_user_offline_messages: 100
access_rules:
  local:
    allow: all
modules:
  mod_adhoc: {{}}
  mod_admin_extra: {{}}
  mod_announce: {{}}
  mod_avatar: {{}}
  mod_blocking: {{}}
  mod_caps: {{}}
  mod_carboncopy: {{}}
  mod_client_state: {{}}
  mod_configure: {{}}
  mod_disco: {{}}
  mod_last: {{}}
{mam}
  mod_muc: {{}}
  mod_muc_admin: {{}}
  mod_offline: {{}}
  mod_ping: {{}}
  mod_privacy: {{}}
  mod_private: {{}}
  mod_pubsub:
    plugins:
      - flat
      - pep
  mod_push: {{}}
  mod_push_keepalive: {{}}
  mod_roster:
    versioning: true
  mod_s2s_dialback: {{}}
  mod_shared_roster: {{}}
  mod_sic: {{}}
  mod_stream_mgmt:
    resend_on_timeout: if_offline
  mod_vcard:
    search: false
  mod_vcard_xupdate: {{}}
  mod_version: {{}}
""")
        self.start()
        try:
            self.add_accounts()
        finally:
            self.stop()

    def add_accounts(self):
        """Registers the first one and writes copies of its record under the other names."""
        self.eval(f"""
            rpc:call(N, ejabberd_auth, try_register,
                     [<<"{USER}0">>, <<"{DOMAIN}">>, <<"{PASSWORD}">>]),
            [Key] = rpc:call(N, mnesia, dirty_all_keys, [passwd]),
            [Record] = rpc:call(N, mnesia, dirty_read, [passwd, Key]),
            lists:foreach(fun(I) ->
                User = iolist_to_binary(["{USER}", integer_to_list(I)]),
                Copy = setelement(2, Record, setelement(1, Key, User)),
                ok = rpc:call(N, mnesia, dirty_write, [passwd, Copy])
            end, lists:seq(1, {self.accounts} - 1)),
            rpc:call(N, mnesia, sync_log, [])""")

    def collect_garbage(self):
        self.eval("lists:foreach(fun(P) -> rpc:cast(N, erlang, garbage_collect, [P]) end, "
                  "rpc:call(N, erlang, processes, [])), "
                  "rpc:call(N, lists, foreach, [fun erlang:garbage_collect/1, "
                  "rpc:call(N, erlang, processes, [])])")
        return True


SERVERS = {cls.name: cls for cls in (Relay, Burbled, Prosody, Ejabberd)}
