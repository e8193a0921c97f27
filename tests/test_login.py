"""Getting in: STARTTLS, direct TLS, every mechanism and channel binding, IPv6, bind; RFC 6120."""

import socket
import ssl

import pytest

from harness import ns, sasl
from harness.xmpp import child, condition, dump, name

pytestmark = pytest.mark.shards(1, 3)

SERVER = {"listen": {
    "ipv6": {"address": "::1", "tls": "starttls", "require_tls": False, "plain_without_tls": True},
    "noplain": {"tls": "starttls", "require_tls": False},
    "none": {"tls": "none", "plain_without_tls": True},
}}

SCRAMS = ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"]
PLUSES = [f"{m}-PLUS" for m in SCRAMS]
BINDINGS = ["tls-exporter", "tls-server-end-point"]


@pytest.fixture(scope="module")
def account(server):
    return server.account("alice")


@pytest.mark.burbled_only
@pytest.mark.parametrize("mechanism", ["PLAIN", *SCRAMS])
@pytest.mark.parametrize("listener", ["plain", "tls", "direct", "ipv6", "none"])
def test_every_mechanism_on_every_listener(server, account, listener, mechanism):
    client = server.login(account, "r", listener=listener, mechanism=mechanism, presence=0)
    assert client.jid == f"{account.jid}/r"
    client.close()


@pytest.mark.burbled_only
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("mechanism", PLUSES)
@pytest.mark.parametrize("listener", ["tls", "direct"])
def test_channel_binding(server, account, listener, mechanism, binding, version):
    client = server.stream(listener, openssl={"version": version})
    assert client.sock.version() == version
    assert mechanism in client.mechanisms()
    data = client.channel_binding(binding)
    answer = client.authenticate(account, mechanism, cb_type=binding, cb_data=data)
    assert name(answer) == "success", dump(answer)
    client.open()
    assert client.bind()


@pytest.mark.burbled_only
def test_mechanisms_that_are_offered(server):
    over_tls = server.stream("tls").mechanisms()
    assert set(over_tls) == {"PLAIN", *SCRAMS, *PLUSES}
    # Strongest first; a client that takes the first it knows does well.
    assert over_tls[-1] == "PLAIN" and over_tls.index("SCRAM-SHA-256-PLUS") < over_tls.index(
        "SCRAM-SHA-1")
    assert set(server.stream("plain").mechanisms()) == {"PLAIN", *SCRAMS}
    assert set(server.stream("noplain").mechanisms()) == set(SCRAMS)
    before_tls = server.open("tls")
    before_tls.open()
    assert before_tls.mechanisms() == []
    assert child(before_tls.feature("starttls", ns.TLS), "required") is not None


@pytest.mark.burbled_only
def test_features_of_a_listener_without_tls(server):
    client = server.stream("none")
    assert client.feature("starttls", ns.TLS) is None
    client.send(f"<starttls xmlns='{ns.TLS}'/>")
    client.expect_closed()
    failures = client.take("failure", space=ns.TLS)
    assert failures or condition(client.error) == "unsupported-stanza-type"


def test_starttls_is_optional_where_it_is_not_demanded(server, account):
    client = server.stream("plain")
    starttls = client.feature("starttls", ns.TLS)
    assert starttls is not None and child(starttls, "required") is None
    client.starttls()
    client.open()
    assert client.feature("starttls", ns.TLS) is None
    client.login(account, "SCRAM-SHA-256")
    client.bind()


def test_starttls_twice(server):
    client = server.stream("tls")
    client.send(f"<starttls xmlns='{ns.TLS}'/>")
    client.expect_closed()
    assert client.error is not None or client.take("failure", space=ns.TLS)


def test_the_stream_after_tls_is_a_new_one(server):
    client = server.open("plain")
    client.open()
    first = client.header.get("id")
    client.starttls()
    client.open()
    assert client.header.get("id") != first


def test_alpn_of_direct_tls(server, account):
    """XEP-0368: xmpp-client is chosen; a client that says nothing is welcome too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["xmpp-client"])
    client = server.open("direct")
    client.wrap(context=context)
    assert client.sock.selected_alpn_protocol() == "xmpp-client"
    client.open()
    client.login(account)


def test_a_client_that_checks_the_certificate_can(server):
    """Host name and chain of the certificate that the server made itself."""
    context = ssl.create_default_context(cadata=server.certificate())
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client = server.open("direct")
    client.wrap(context=context)
    client.open()


def test_a_generated_resource(server, account):
    client = server.stream()
    client.login(account)
    resource = client.bind().partition("/")[2]
    assert len(resource) >= 8
    other = server.stream()
    other.login(account)
    assert other.bind().partition("/")[2] != resource


def test_bind_is_announced_and_needed(server, account):
    client = server.stream()
    client.login(account)
    assert client.feature("bind", ns.BIND) is not None


@pytest.mark.parametrize("resource", ["Рабочий стол", "a b & <c>'\"", "x" * 1023, "1", "/", "@",
                                      "Ünïcode", "телефон/2"])
def test_resources(server, account, resource):
    client = server.stream()
    client.login(account)
    assert client.bind(resource) == f"{account.jid}/{resource}"
    other = server.user("other")
    other.message(client.jid, "found you")
    client.expect_message("found you")
    client.close()


def test_a_new_session_takes_over_the_resource(server, account):
    """RFC 6120, 7.7.2.2: the client that comes later wins; a reconnecting client is not locked out."""
    first = server.login(account, "same", presence=0)
    second = server.login(account, "same", presence=0)
    first.expect_stream_error("conflict")
    assert second.jid == first.jid
    other = server.user("other")
    other.message(second.jid, "to the new one")
    second.expect_message("to the new one")


def test_names_are_compared_after_preparation(server):
    account = server.account("mixed")
    client = server.stream()
    upper = type(account)(account.user.upper(), account.host, account.password)
    assert name(client.authenticate(upper)) == "success"
    client.open()
    assert client.bind("x") == f"{account.jid}/x"


def test_everything_in_one_go(server, account):
    """A client that does not wait: header, login, header, bind, presence in one segment."""
    header = (f"<stream:stream xmlns='jabber:client' to='{server.host}' version='1.0'"
              f" xmlns:stream='{ns.STREAM}'>")
    client = server.open()
    client.send(
        header + f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>"
        f"{sasl.plain(account.user, account.password)}</auth>"
    )
    assert name(client.sasl_answer()) == "success"
    client.restart()
    client.send(header + f"<iq type='set' id='b'><bind xmlns='{ns.BIND}'/></iq><presence/>"
                f"<iq type='get' id='p' to='{server.host}'><ping xmlns='{ns.PING}'/></iq>")
    client.expect("iq", id="b", type="result")
    client.expect("iq", id="p", type="result")


@pytest.mark.burbled_only
def test_both_address_families(server):
    for listener in ("plain", "ipv6"):
        address = server.address(listener)
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        with socket.socket(family) as sock:
            sock.connect(address)


@pytest.mark.burbled_only
def test_only_keys_are_stored(start_server):
    """No password, in no file, in no form that is one step from it."""
    server = start_server()
    account = server.account("secretive", password="correct horse battery")
    server.login(account)
    server.stop()
    secrets = [account.password.encode(), sasl.b64(account.password).encode(),
               sasl.plain(account.user, account.password).encode()]
    for path in [server.stderr, *(p for p in server.data.rglob("*") if p.is_file())]:
        held = path.read_bytes()
        assert not [s for s in secrets if s in held], path
