"""jabberd2 from Debian: an old server that nobody here wrote, whose SASL is GNU gsasl's.

Three kinds of programs make it up: the router between them, the session manager, and those that
speak with clients. There is one of the latter for each mechanism, so that a client finds it alone
on its own port; all serve the same accounts.
"""

import contextlib
import functools
import pathlib
import secrets
import signal
import socket
import sqlite3
import subprocess

from . import certs
from .server import UNPRIVILEGED, Account, Peer, die_with_parent, free_ports, wait_until
from .xmpp import Closed, StreamError

MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "PLAIN")  # by passwords

ROUTER = """
<router>
  <id>router</id>
  <log type='file'><file>{dir}/router.log</file></log>
  <local>
    <ip>127.0.0.1</ip><port>{router}</port>
    <users>{dir}/users.xml</users><secret>{secret}</secret>
  </local>
  <aci><acl type='all'><user>jabberd</user></acl></aci>
</router>
"""

USERS = "<users><user><name>jabberd</name><secret>{secret}</secret></user></users>\n"

# Without a way back: when the router is gone, the others end as well.
JOIN = """
  <router>
    <ip>127.0.0.1</ip><port>{router}</port><user>jabberd</user><pass>{secret}</pass>
    <retry><init>0</init><lost>0</lost><sleep>1</sleep></retry>
  </router>
"""

MANAGER = """
<sm>
  <id>sm</id>
  {join}
  <log type='file'><file>{dir}/sm.log</file></log>
  <local><id>{host}</id></local>
  <storage>
    <path>{libraries}</path><driver>fs</driver>
    <fs><path>{dir}/data</path></fs>
  </storage>
  <modules>
    <path>{libraries}</path>
    {chains}
  </modules>
  <discovery>
    <identity><category>server</category><type>im</type><name>jabberd2</name></identity>
  </discovery>
  <user><auto-create/></user>
</sm>
"""

CHAINS = {
    "in-sess": "validate roster iq-ping iq-private disco offline presence deliver",
    "in-router": "session validate presence",
    "pkt-sm": "iq-ping iq-time iq-version disco presence",
    "pkt-user": "roster presence disco deliver offline",
    "pkt-router": "session disco",
    "user-load": "active roster",
    "user-create": "active",
    "user-delete": "active offline roster iq-private",
    "disco-extend": "iq-version",
}

CLIENTS = """
<c2s>
  <id>c2s-{name}</id>
  {join}
  <log type='file'><file>{dir}/c2s-{name}.log</file></log>
  <local>
    <id pemfile='{both}' cachain='{ca}' verify-mode='{verify}'>{host}</id>
    <ip>127.0.0.1</ip><port>{port}</port>
  </local>
  <authreg>
    <path>{libraries}</path><module>sqlite</module>
    <mechanisms><sasl/></mechanisms>
    <ssl-mechanisms><sasl>{mechanisms}</sasl></ssl-mechanisms>
    <sqlite>
      <dbname>{dir}/accounts.db</dbname><busy-timeout>5000</busy-timeout>
      <password_type><plaintext/></password_type>
    </sqlite>
  </authreg>
</c2s>
"""



@functools.lru_cache(maxsize=None)
def libraries():
    """The folder of its modules."""
    found = sorted(pathlib.Path("/usr/lib").glob("*/jabberd2/authreg_sqlite.so"))
    assert found, "jabberd2 is not installed"
    return found[0].parent


class Jabberd2(Peer):
    """accounts: {jid: password}. external: it asks for certificates and offers EXTERNAL, too.

    Listeners, STARTTLS all of them: "tls" with every mechanism, and one of the name of each.
    """

    kind = "jabberd2"
    features = frozenset("scram-sha-1 scram-sha-256 digest-md5 version time ping private"
                         " offline".split())

    def __init__(self, accounts=None, external=False, **_ignored):
        super().__init__()
        self.mechanisms = (("EXTERNAL",) if external else ()) + MECHANISMS
        self.external = external
        names = ("tls", *self.mechanisms)
        self.router, *ports = free_ports(1 + len(names))
        self.ports = dict(zip(names, ports))
        self.accounts.update(accounts or {})
        self.ca_file = str(certs.authority().ca_file)
        self.parts = []

    def start(self):
        self._write()
        # This is the one that is watched: when it goes, the others go as well.
        self.process = self._spawn("router")
        wait_until(self._routes, 30, "the router's port")
        self.parts = [self._spawn("sm")] + [self._spawn("c2s", name) for name in self.ports]
        wait_until(self._ready, 30, "jabberd2's ports")
        return self

    def _write(self):
        UNPRIVILEGED.give(self.dir)
        secret = secrets.token_hex(16)
        common = {"dir": self.dir, "router": self.router, "secret": secret, "host": self.host,
                  "libraries": libraries()}
        common["join"] = JOIN.format(**common)
        chains = "".join(
            f"<chain id='{name}'>" + "".join(f"<module>{m}</module>" for m in modules.split())
            + "</chain>\n" for name, modules in CHAINS.items())
        self._file("users.xml", USERS.format(**common))
        self._file("router.xml", ROUTER.format(**common))
        self._file("sm.xml", MANAGER.format(chains=chains, **common))
        for name, port in self.ports.items():
            offered = self.mechanisms if name == "tls" else (name,)
            self._file(f"c2s-{name}.xml", CLIENTS.format(
                name=name, port=port, both=certs.authority().issue(self.host).both,
                ca=self.ca_file, verify=int(self.external),
                mechanisms="".join(f"<{m.lower()}/>" for m in offered), **common))
        (self.dir / "data").mkdir(exist_ok=True)
        UNPRIVILEGED.give(self.dir / "data")
        with contextlib.closing(sqlite3.connect(self.dir / "accounts.db")) as db, db:
            db.execute("CREATE TABLE IF NOT EXISTS authreg (username TEXT, realm TEXT,"
                       " password TEXT, PRIMARY KEY (username, realm))")
        UNPRIVILEGED.give(self.dir / "accounts.db")
        for jid, password in self.accounts.items():
            self.add_account(Account(*jid.split("@"), password))

    def _file(self, name, text):
        path = self.dir / name
        path.write_text(text)
        path.chmod(0o600)
        UNPRIVILEGED.give(path)

    def _spawn(self, part, name=None):
        stem = f"{part}-{name}" if name else part
        with open(self.dir / f"{stem}.err", "ab") as out:
            return subprocess.Popen(
                [f"/usr/sbin/jabberd2-{part}", "-c", str(self.dir / f"{stem}.xml")],
                stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=self.dir,
                preexec_fn=die_with_parent, **UNPRIVILEGED.popen_options())

    def _routes(self):
        assert self.running(), self.tail()
        with socket.socket() as sock:
            return sock.connect_ex((self.ip, self.router)) == 0

    def _ready(self):
        """Each knows of the session manager: without, it refuses the stream."""
        assert self.running(), self.tail()
        assert all(part.poll() is None for part in self.parts), self.tail()
        return all(self._answers(name) for name in self.ports)

    def _answers(self, listener):
        try:
            client = self.open(listener)
        except ConnectionError:
            return False
        try:
            client.open()
            return True
        except (Closed, StreamError):
            return False
        finally:
            client.abandon()

    def add_account(self, account):
        with contextlib.closing(sqlite3.connect(self.dir / "accounts.db")) as db, db:
            db.execute("INSERT OR REPLACE INTO authreg VALUES (?, ?, ?)",
                       (account.user, account.host, account.password))

    def stop(self):
        self.drop_clients()
        ending = [*self.parts, self.process] if self.process else []
        for process in ending:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        self.process, self.parts = None, []

    def tail(self):
        logs = sorted([*self.dir.glob("*.log"), *self.dir.glob("*.err")])
        return "".join(f"{p.name}:\n{p.read_text(errors='replace')[-1500:]}\n" for p in logs)
