"""The resolver against dnsmasq: what is in the zone is what is said, by UDP and by TCP."""

import os
import pathlib
import subprocess

import pytest
from harness.server import ROOT, environment

pytestmark = pytest.mark.burbled_only

DOMAIN = "xmpp.example"
SERVICE = "_xmpp-client._tcp"


@pytest.fixture
def ask(dns_server):
    """ask(kind, name, **records): the lines that the resolver prints, of a server with these."""
    folder = pathlib.Path(os.environ.get("BURBLE_BIN", ROOT / "build" / "bin"))
    # The programs are links into the build: where they lead to, the helper lies beside.
    program = (folder / "burbled").resolve().parents[1] / "io" / "resolver_query"
    if not program.exists():
        pytest.skip("needs a build with unit tests")

    def run(kind, name, **records):
        server = dns_server(DOMAIN, **records)
        done = subprocess.run([program, server.address, kind, name], capture_output=True,
                              text=True, timeout=30, env=environment())
        assert (done.returncode, done.stderr) == (0, "")
        *lines, result = done.stdout.splitlines()
        return lines, result

    return run


def test_srv_records(ask):
    lines, result = ask("srv", f"{SERVICE}.{DOMAIN}", srv=[
        (SERVICE, "one", 5222, 10, 60), (SERVICE, "two", 5223, 10, 40), (SERVICE, "three", 443, 20, 0),
    ])
    assert result == "ok"
    assert sorted(lines) == ["10 40 5223 two.xmpp.example", "10 60 5222 one.xmpp.example",
                             "20 0 443 three.xmpp.example"]


def test_srv_of_a_service_that_is_not_there(ask):
    assert ask("srv", f"{SERVICE}.{DOMAIN}", srv=[(SERVICE, ".", 1, 0, 0)]) == (["0 0 1 ."], "ok")


def V85_many_srv_records_come_by_tcp(ask):
    many = [(SERVICE, f"host-with-a-long-name-{i}", 5222, i, 0) for i in range(100)]
    lines, result = ask("srv", f"{SERVICE}.{DOMAIN}", srv=many)
    assert (len(lines), result) == (64, "ok")
    assert len(set(lines)) == 64


def test_addresses_of_both_families(ask):
    lines, result = ask("addresses", f"one.{DOMAIN}", hosts={"one": ["192.0.2.1", "2001:db8::1"]})
    assert (sorted(lines), result) == (["192.0.2.1", "2001:db8::1"], "ok")


def test_addresses_of_one_family(ask):
    assert ask("addresses", f"one.{DOMAIN}", hosts={"one": ["2001:db8::1"]}) == (
        ["2001:db8::1"], "ok")


def test_names_that_are_not_there(ask):
    assert ask("addresses", f"one.{DOMAIN}") == ([], "the name does not exist")
    assert ask("srv", f"one.{DOMAIN}", hosts={"one": ["192.0.2.1"]}) == (
        [], "the name exists but has no such record")
    assert ask("srv", "_x._tcp.elsewhere.example")[1].startswith("no DNS server can")


def test_tlsa_records(ask):
    data = bytes([3, 1, 1]) + bytes(range(32))
    assert ask("tlsa", f"_5222._tcp.{DOMAIN}", tlsa=[("_5222._tcp", data)]) == (
        ["3 1 1 " + data[3:].hex()], "ok")
