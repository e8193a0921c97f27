"""Certificates for tests: a certificate authority of our own, made afresh, and what it issues.

Good ones, and each kind that a client must refuse (rows V35, C04, C15). By the openssl program.
"""

import dataclasses
import datetime
import functools
import os
import pathlib
import pwd
import subprocess
import tempfile
import threading

_CA_CONFIG = """
[ca]
default_ca = it
[it]
database = index
new_certs_dir = .
serial = serial
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = optional
"""


@dataclasses.dataclass(frozen=True)
class Certificate:
    """chain, key: paths of PEM files. both: one file with the key and the chain."""

    chain: pathlib.Path
    key: pathlib.Path
    both: pathlib.Path


class Authority:
    """Lives in a folder of its own; everybody may read what is in it."""

    def __init__(self, name="burble test CA"):
        self._folder = tempfile.TemporaryDirectory(prefix="burble-ca-")
        self.dir = pathlib.Path(self._folder.name)
        self.dir.chmod(0o755)
        self.ca_file, self.ca_key = self.dir / "ca.crt", self.dir / "ca.key"
        (self.dir / "ca.cnf").write_text(_CA_CONFIG)
        (self.dir / "index").touch()
        (self.dir / "serial").write_text("1000\n")
        self._count = 0
        self._made, self._lock = {}, threading.Lock()
        self._openssl("req", "-x509", *self._new_key(self.ca_key), "-subj", f"/CN={name}",
                      "-addext", "basicConstraints=critical,CA:TRUE",
                      "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                      "-days", "30", "-out", self.ca_file)

    def issue(self, *names, start_days=-1, end_days=30, self_signed=False, common_name=None,
              extensions=(), xmpp_addresses=()):
        """A certificate for these DNS names; the same request gets the same certificate.

        start_days, end_days: its life, counted from now. common_name: the subject, by default the
        first name. extensions: more lines of openssl's x509v3 configuration. xmpp_addresses: JIDs,
        for certificates of people (RFC 6120, 13.7.1.4).
        """
        request = (names, start_days, end_days, self_signed, common_name, tuple(extensions),
                   tuple(xmpp_addresses))
        with self._lock:
            if request not in self._made:
                self._made[request] = self._issue(*request)
            return self._made[request]

    def _issue(self, names, start_days, end_days, self_signed, common_name, extensions,
               addresses):
        self._count += 1
        stem = self.dir / f"c{self._count}"
        chain, key, csr, ext, both = (stem.with_suffix(s) for s in
                                      (".crt", ".key", ".csr", ".ext", ".pem"))
        lines = ["basicConstraints = CA:FALSE", *extensions]
        others = [f"otherName:1.3.6.1.5.5.7.8.5;UTF8:{address}" for address in addresses]
        if alternatives := [f"DNS:{name}" for name in names] + others:
            lines.append("subjectAltName = " + ", ".join(alternatives))
        ext.write_text("\n".join(lines) + "\n")
        subject = f"/CN={common_name or (names[0] if names else 'nobody')}"
        self._openssl("req", *self._new_key(key), "-new", "-subj", subject, "-out", csr)
        signer = (["-selfsign", "-keyfile", key] if self_signed
                  else ["-cert", self.ca_file, "-keyfile", self.ca_key])
        self._openssl("ca", "-batch", "-notext", "-config", "ca.cnf", *signer, "-in", csr,
                      "-extfile", ext, "-startdate", _stamp(start_days),
                      "-enddate", _stamp(end_days), "-out", chain)
        both.write_text(key.read_text() + chain.read_text())
        for path in (key, both):
            path.chmod(0o600)
            if os.geteuid() == 0:  # as root, the servers run as nobody
                os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
        return Certificate(chain, key, both)

    def good(self, domain):
        return self.issue(domain, f"*.{domain}")

    def expired(self, domain):
        return self.issue(domain, start_days=-60, end_days=-2)

    def not_yet_valid(self, domain):
        return self.issue(domain, start_days=10, end_days=30)

    def wrong_name(self, _domain):
        return self.issue("elsewhere.example")

    def self_signed(self, domain):
        return self.issue(domain, self_signed=True)

    def common_name_only(self, domain):
        """The name is in the subject alone, where RFC 6125 no longer looks for it."""
        return self.issue(common_name=domain)

    def wildcard(self, domain):
        """Good for one label in front of the domain, not for the domain."""
        return self.issue(f"*.{domain}")

    def unknown_authority(self, domain):
        return _stranger().good(domain)

    BAD = ("expired", "not_yet_valid", "wrong_name", "self_signed", "common_name_only", "wildcard",
           "unknown_authority")

    def _new_key(self, path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]

    def _openssl(self, *arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], cwd=self.dir, capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0, f"openssl {arguments[0]}: {done.stderr}"


def _stamp(days):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return when.strftime("%Y%m%d%H%M%SZ")


_making = threading.Lock()


def authority():
    """The authority of this run of the tests."""
    with _making:
        return _authority()


@functools.lru_cache(maxsize=None)
def _authority():
    return Authority()


def _stranger():
    with _making:
        return _other_authority()


@functools.lru_cache(maxsize=None)
def _other_authority():
    return Authority("somebody else's CA")
