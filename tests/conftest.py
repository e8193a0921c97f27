"""Fixtures: a server per module, or one of a test's own.

A module may set SERVER, a dict of options of harness.server.Burbled. Tests marked
`shards(1, 3)` run once with each number of shards; tests marked `servers()` run once against
burbled, Prosody and ejabberd each, or against those that are named.
"""

import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import certs  # noqa: E402
from harness.dns import DnsServer  # noqa: E402
from harness.command import Home  # noqa: E402
from harness.ejabberd import Ejabberd  # noqa: E402
from harness.prosody import Prosody  # noqa: E402
from harness.rows import Sweep  # noqa: E402
from harness.server import UNPRIVILEGED, Burbled  # noqa: E402

SERVERS = ("burbled", "prosody", "ejabberd")
DOMAINS = ("localhost", "example.test")
# Those who have an account on each server of tests marked `servers`.
PEOPLE = {f"{user}@localhost": f"{user}'s secret" for user in ("alice", "bob", "carol")}

_current = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption("--server", choices=["burbled", "prosody"], default="burbled",
                     help="prosody: to develop the tests themselves against another server")
    parser.addoption("--write-docs", action="store_true",
                     help="write what is seen into the documents, rather than compare it")


def pytest_collection_finish(session):
    """Without the programs nothing can be shown: say so once, and fail."""
    if session.config.getoption("--server") != "burbled" or session.config.option.collectonly:
        return
    for program in ("burbled", "burblectl"):
        try:
            UNPRIVILEGED.program(program)
        except FileNotFoundError as error:
            pytest.exit(str(error), returncode=2)


def pytest_collection_modifyitems(config, items):
    if config.getoption("--server") == "burbled":
        return
    skip = pytest.mark.skip(reason="needs burbled")
    for item in items:
        if item.get_closest_marker("burbled_only"):
            item.add_marker(skip)


def pytest_generate_tests(metafunc):
    if "server" not in metafunc.fixturenames:
        return
    if servers := metafunc.definition.get_closest_marker("servers"):
        metafunc.parametrize("server", servers.args or SERVERS, indirect=True, scope="module")
        return
    marker = metafunc.definition.get_closest_marker("shards")
    counts = marker.args if marker else (1,)
    if metafunc.config.getoption("--server") == "prosody":
        counts = (1,)
    metafunc.parametrize("server", counts, indirect=True, scope="module",
                         ids=[f"shards{n}" for n in counts])


def make_server(config, **options):
    if config.getoption("--server") == "prosody":
        return Prosody(**options)
    return Burbled(**options)


@pytest.fixture(scope="module")
def server(request):
    """The module's server. If a test kills it, the next test gets a fresh one."""
    if request.param in ("prosody", "ejabberd"):
        yield request.getfixturevalue(f"{request.param}_full")
        return
    options = {**getattr(request.module, "SERVER", {})}
    if request.param == "burbled":
        certificate = certs.authority().good(Burbled.host)
        options["host_extra"] = {"certificate": str(certificate.chain),
                                 "key": str(certificate.key), **options.get("host_extra", {})}
        options = {"accounts": PEOPLE, **options}
    else:
        options = {"shards": request.param, **options}
    yield from run_server(make_server(request.config, **options))


@pytest.fixture(scope="session")
def prosody_full():
    """One Prosody for all tests that want one, with all that it has."""
    yield from run_server(Prosody(full=True, domains=DOMAINS, accounts=PEOPLE))


@pytest.fixture(scope="session")
def ejabberd_full():
    yield from run_server(Ejabberd(domains=DOMAINS, accounts=PEOPLE))


def run_server(running):
    try:
        running.start()
        yield running
        running.stop()
    finally:
        if running.process is not None:
            running.process.kill()
            running.process.wait()
        running.remove()


@pytest.fixture(autouse=True)
def watch(request):
    """Closes the test's connections, and lays a crash to the charge of the test that made it."""
    if "server" not in request.fixturenames:
        yield
        return
    running = request.getfixturevalue("server")
    if not running.running():
        running.start()
    request.node.stash[_current] = running
    yield
    running.drop_clients()
    running.check()


@pytest.fixture
def start_server(request):
    """start_server(**options): a server for this test alone; start=False leaves it unstarted."""
    started = []

    def start(start=True, **options):
        made = make_server(request.config, **options)
        started.append(made)
        request.node.stash[_current] = made
        return made.start() if start else made

    yield start
    try:
        for made in started:
            made.stop()
    finally:
        for made in started:
            if made.process is not None:
                made.process.kill()
                made.process.wait()
            made.remove()


@pytest.fixture
def dns_server():
    """dns_server(domain, **records): a DNS server for this test; see harness.dns."""
    started = []

    def start(domain, **records):
        started.append(DnsServer(domain, **records))
        return started[-1].start()

    yield start
    for made in started:
        made.stop()


@pytest.fixture
def home():
    """A home for programs of this test alone; what it started ends with it. See command.py."""
    with Home() as made:
        yield made


@pytest.fixture(scope="module")
def sweep():
    """Many cases of a module side by side; see rows.py."""
    with Sweep() as made:
        yield made


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the server's log."""
    outcome = yield
    report = outcome.get_result()
    running = item.stash.get(_current, None)
    if report.failed and running is not None and hasattr(running, "tail"):
        try:
            report.sections.append((f"{running.kind}'s log", running.tail()))
            running.keep_logs(report.nodeid)
        except OSError:
            pass
