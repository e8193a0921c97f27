"""A DNS server with the records of a test: dnsmasq, on loopback, unprivileged.

    server = dns_server("xmpp.example", srv=[("_xmpp-client._tcp", "one", 5222, 10, 5)],
                        hosts={"one": ["192.0.2.1", "2001:db8::1"]})
    server.address                          # "127.0.0.1:port", what burble's programs are given

Names are relative to the domain; "" is the domain itself and "." as a target is the root (the
service is decidedly not available). What is not said does not exist: nothing is forwarded.
"""

import shutil
import socket
import struct
import subprocess
import tempfile

import pytest

from .server import UNPRIVILEGED, free_ports, wait_until

TLSA = 52


def program():
    """dnsmasq, or the test is skipped."""
    found = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        pytest.skip("needs dnsmasq")
    return found


class DnsServer:
    """srv: (service, target, port, priority, weight). hosts: addresses by name. txt: texts by name.
    tlsa: (name, bytes of the record's data)."""

    def __init__(self, domain, srv=(), hosts=None, txt=None, tlsa=()):
        self.domain, self.process = domain, None
        self.options = []
        for service, target, port, priority, weight in srv:
            self._add("srv-host", self.name(service), target if target == "." else
                      self.name(target), port, priority, weight)
        for name, addresses in (hosts or {}).items():
            for address in addresses:
                self._add("host-record", self.name(name), address)
        for name, text in (txt or {}).items():
            self._add("txt-record", self.name(name), f'"{text}"')
        for name, data in tlsa:
            self._add("dns-rr", self.name(name), TLSA, data.hex())
        self.output = tempfile.TemporaryFile()

    def _add(self, option, *values):
        self.options.append(f"--{option}=" + ",".join(str(v) for v in values))

    def name(self, relative):
        return f"{relative}.{self.domain}" if relative else self.domain

    def start(self):
        for _ in range(5):  # another may take the port before it is ours
            self.port, = free_ports(1)
            self.address = f"127.0.0.1:{self.port}"
            self.process = subprocess.Popen(
                [program(), "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                 "--listen-address=127.0.0.1", "--bind-interfaces", f"--port={self.port}",
                 "--cache-size=0", "--local-ttl=60", f"--local=/{self.domain}/", *self.options],
                stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
                **UNPRIVILEGED.popen_options(),
            )
            wait_until(lambda: self.process.poll() is not None or self._answers(), 10,
                       "dnsmasq's answer")
            if self.process.poll() is None:
                return self
        raise AssertionError(f"dnsmasq does not start: {self.said()}")

    def _answers(self):
        question = struct.pack("!6H", 0xb0b, 0x100, 1, 0, 0, 0)
        question += b"".join(bytes([len(label)]) + label.encode()
                             for label in self.domain.split(".")) + b"\0"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            try:
                sock.connect(("127.0.0.1", self.port))
                sock.send(question + struct.pack("!2H", 1, 1))
                return sock.recv(512)[:2] == question[:2]
            except OSError:
                return False

    def said(self):
        self.output.seek(0)
        return self.output.read().decode(errors="replace")

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None
