"""The benches for programs: homes, processes, and the HTTP servers that they talk to."""

import base64
import http.client
import json
import re
import signal
import ssl
import subprocess
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET

import pytest

from harness.command import run
from harness.hostile import DOMAIN, Hostile
from harness.http import Http, Microblog, Uploads
from test_harness_hostile import online

SCRIPT = """
import json, sys
print("args", sys.argv[1:], flush=True)
for line in sys.stdin:
    if line == "fail\\n":
        print("bad thing", file=sys.stderr)
        sys.exit(3)
    print(json.dumps({"said": line.strip()}), flush=True)
"""
PYTHON = "/usr/bin/python3"


def test_programs_run_in_a_home_of_their_own(home):
    done = home.run("/usr/bin/env", env={"ONE": "1", "TERM": None})
    variables = dict(line.split("=", 1) for line in done.lines)
    assert variables["HOME"] == str(home.dir) and variables["ONE"] == "1"
    assert "TERM" not in variables and "BURBLE_TEST_PATIENCE" not in variables


def test_input_output_and_the_exit_code(home):
    done = home.run(PYTHON, "-c", SCRIPT, "a b", stdin="x\nfail\n", code=3)
    assert done.lines[0] == "args ['a b']" and json.loads(done.lines[1]) == {"said": "x"}
    assert done.err == "bad thing\n"
    with pytest.raises(AssertionError, match="wanted exit 0"):
        home.run(PYTHON, "-c", SCRIPT, stdin="fail\n", code=0)
    with pytest.raises(AssertionError, match="did not end"):
        home.run("/usr/bin/sleep", "60", timeout=0.1)


def test_crashes_and_reports_of_sanitizers_fail(home):
    with pytest.raises(AssertionError, match="exit -11"):
        home.run(PYTHON, "-c", "import os; os.kill(os.getpid(), 11)")
    with pytest.raises(AssertionError, match="AddressSanitizer"):
        home.run(PYTHON, "-c", "import sys; sys.stderr.write('ERROR: AddressSanitizer: x')")


def test_programs_that_run_for_long(home):
    program = home.spawn(PYTHON, "-c", SCRIPT)
    program.expect(r"^args")
    program.write("one")
    program.write("two")
    assert program.expect_json(said="two") == {"said": "two"}
    program.write("three")
    assert json.loads(program.line()) == {"said": "three"}
    with pytest.raises(AssertionError, match="no line came"):
        program.line(timeout=0.05)
    program.write("fail")
    program.expect_error("bad thing")
    assert program.wait(code=3).out.count("\n") == 4
    assert program.line() is None
    other = home.spawn(PYTHON, "-c", SCRIPT)
    other.expect("args")
    assert other.rss_kib() > 1000
    other.stop(signal.SIGTERM, code=-signal.SIGTERM)
    third = home.spawn(PYTHON, "-c", SCRIPT)
    third.close_input()
    assert third.wait(code=0)


def test_burble_reads_the_accounts_that_are_written(home):
    with Hostile() as server:
        home.account(f"alice@{DOMAIN}", "alice's \"secret\"", server, name="a")
        home.account("bob@localhost", default="a")
    done = home.run("burble", "account", "list", "--json", code=0)
    assert [a["jid"] for a in done.json] == [f"alice@{DOMAIN}", "bob@localhost"]
    assert [a["default"] for a in done.json] == [True, False]
    assert "secret" not in done.out + done.err
    assert run("burble", "--version", code=0).out.startswith("burble ")


def fetch(url, data=None, method=None, ca_file=None, **headers):
    request = urllib.request.Request(url, data, method=method, headers={
        k.replace("_", "-"): v for k, v in headers.items()})
    context = ssl.create_default_context(cafile=ca_file) if ca_file else None
    try:
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_http_remembers_and_answers_as_told():
    with Http() as web:
        web.answer("GET", "/a/.*", 200, {"x": 1})
        web.answer("GET", "/a/b", 503, "later", times=2)
        statuses = [fetch(f"{web.url}/a/b?q=1&r=")[0] for _ in range(3)]
        assert statuses == [503, 503, 200]
        assert fetch(f"{web.url}/none") == (404, b"")
        assert web.wait(4)[0].query == {"q": "1", "r": ""}
        web.answer("POST", "/drop", how="drop")
        web.answer("POST", "/reset", how="reset")
        web.answer("GET", "/half", body="0123456789", how="half")
        for path in ("drop", "reset"):
            with pytest.raises((OSError, http.client.HTTPException)):
                fetch(f"{web.url}/{path}", b"data")
        with pytest.raises(http.client.IncompleteRead):
            fetch(f"{web.url}/half")
        assert web.wait(path="/drop")[0].body == b"data"


def test_curl_trusts_https_by_the_authority():
    with Http(tls=True) as web:
        web.answer("PUT", "/f", 201)
        command = ["curl", "-sS", "-T", "-", "-H", "Transfer-Encoding: chunked", f"{web.url}/f"]
        good = subprocess.run([*command, "--cacert", web.ca_file], input=b"chunks",
                              capture_output=True)
        assert good.returncode == 0, good.stderr
        assert web.wait()[0].body == b"chunks"
        assert subprocess.run(command, input=b"", capture_output=True).returncode == 60


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_S7_a_microblog_of_the_first_style():
    with Microblog() as web:
        post, who = f"{web.url}/statuses/update.json", basic("me", "my password")
        assert fetch(post, b"status=x")[0] == 401
        assert fetch(post, b"status=x", Authorization=basic("me", "wrong"))[0] == 401
        status, answer = fetch(post, b"status=Hello+%D0%91", Authorization=who)
        assert status == 200 and json.loads(answer)["text"] == "Hello Б"
        web.write("friend", "news")
        since = json.loads(answer)["id"]
        line = f"{web.url}/statuses/home_timeline.json?since_id={since}"
        _, answer = fetch(line, Authorization=who)
        assert [(s["user"]["screen_name"], s["text"]) for s in json.loads(answer)] == [
            ("friend", "news")]
        web.fail(500)
        assert fetch(post, b"status=x", Authorization=who)[0] == 500
        assert [p["text"] for p in web.posted] == ["Hello Б"]


def test_S7_a_microblog_of_the_second_style():
    with Microblog() as web:
        post, who = f"{web.url}/api/v1/statuses", "Bearer token-of-me"
        assert fetch(post, b"status=x", Authorization="Bearer of nobody")[0] == 401
        for _ in range(2):
            status, answer = fetch(post, b'{"status": "a <b>"}', Authorization=who,
                                   Content_Type="application/json", Idempotency_Key="k")
            assert status == 200 and json.loads(answer)["content"] == "<p>a &lt;b&gt;</p>"
        assert len(web.posted) == 1
        ident = web.write("friend", "news")
        _, answer = fetch(f"{web.url}/api/v1/timelines/home?since_id={ident - 1}",
                          Authorization=who)
        assert [s["account"]["acct"] for s in json.loads(answer)] == ["friend"]


def test_uploads_to_slots_of_a_scripted_server():
    with Uploads() as web, Hostile(
            answers={"{urn:xmpp:http:upload:0}request": web.slot}) as server:
        client = online(server, presence=False)
        answer = client.get("<request xmlns='urn:xmpp:http:upload:0' filename='a b' size='4'/>",
                            to=f"upload.{DOMAIN}")
        text = ET.tostring(answer, encoding="unicode")
        url = re.search(r"put url=\"([^\"]+)\"", text)[1]
        assert fetch(url, b"data", "PUT", web.ca_file)[0] == 403
        header = {"Authorization": "Bearer of-the-slot"}
        assert fetch(url, b"data", "PUT", web.ca_file, **header)[0] == 201
        assert fetch(url, ca_file=web.ca_file) == (200, b"data")
        assert fetch(url, b"data", "PUT", web.ca_file, **header)[0] == 404
