"""libburble as somebody gets it who writes a program with it: installed, found by pkg-config, linked.

The library is built without sanitizers in build/library and installed below it; the code of the
guide (docs/library.md) is compiled against that, and valgrind looks at what is linked with it.
"""

import os
import re
import shutil
import subprocess

import pytest

from harness.documents import fences
from harness.server import ROOT, Account
from harness.xmpp import PATIENCE

BUILD = ROOT / "build" / "library"
PREFIX = BUILD / "prefix"
GUIDE = ROOT / "docs" / "library.md"
BOB = "bob@localhost"
burbled = pytest.mark.servers("burbled")

# Debian's OpenSSL keeps some things until the process ends, where valgrind can still reach them.
VALGRIND = [shutil.which("valgrind") or "/usr/bin/valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
            "--errors-for-leak-kinds=definite,possible"]


def command(*words, timeout=600, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          timeout=timeout * PATIENCE, **options)
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def library():
    """The folder of the installed library."""
    if not (BUILD / "build.ninja").exists():
        shutil.rmtree(BUILD, ignore_errors=True)
        command("meson", "setup", BUILD, ROOT, f"--prefix={PREFIX}", "--buildtype=release",
                "-Dprograms=false", "-Dunit_tests=disabled")
    command("ninja", "-C", BUILD)
    shutil.rmtree(PREFIX, ignore_errors=True)
    command("meson", "install", "-C", BUILD, "--no-rebuild")
    return PREFIX


@pytest.fixture(scope="session")
def lib_dir(library):
    return next(library.rglob("libburble.so")).parent


@pytest.fixture
def flags(lib_dir):
    """flags("--libs"): what pkg-config says of libburble."""

    def ask(*what):
        env = {**os.environ, "PKG_CONFIG_PATH": str(lib_dir / "pkgconfig")}
        return command("pkg-config", *what, "libburble", env=env).split()

    return ask


@pytest.fixture
def compiled(flags, tmp_path):
    """compiled(file): the program that is made of it by the line of the guide."""

    def make(source, *more):
        program = tmp_path / source.stem
        command("cc", "-Wall", "-Wextra", "-Werror", source, *flags("--cflags", "--libs"), *more,
                "-o", program)
        return program

    return make


@pytest.fixture
def found(lib_dir):
    """The environment in which the loader finds the library."""
    return {"LD_LIBRARY_PATH": str(lib_dir)}


# ---------------------------------------------------------------------------------- building


def test_hello_is_compiled_as_the_guide_says(compiled, home, found):
    hello = compiled(ROOT / "examples" / "hello.c")
    assert "malformed" in home.run(hello, env=found, code=1).err


def test_it_can_be_used_without_being_installed(library, home, tmp_path):
    env = {**os.environ, "PKG_CONFIG_PATH": str(BUILD / "meson-uninstalled")}
    flags = command("pkg-config", "--cflags", "--libs", "libburble", env=env).split()
    program = tmp_path / "hello"
    command("cc", ROOT / "examples" / "hello.c", *flags, "-o", program)
    assert "malformed" in home.run(program, env={"LD_LIBRARY_PATH": str(BUILD / "src/client")},
                                   code=1).err


def test_the_examples_are_plain_c17(flags, tmp_path):
    """Copied out of the tree, without the extensions of GNU, as somebody would begin with them."""
    shutil.copytree(ROOT / "examples", tmp_path / "mine")
    foreign = {"glib_loop": "glib-2.0", "uv_loop": "libuv"}  # their headers want more than C17
    strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
    sources = [it for it in (tmp_path / "mine").glob("*.c") if it.stem not in foreign]
    assert len(sources) >= 6
    command("cc", "-std=c17", *strict, *sources, *flags("--cflags"))


CPLUSPLUS = """
#include <burble/burble_loop.h>
#include <burble/room.h>
#include <cstdio>

int main()
{
    int states = 0;
    auto on_event = [](burble *, const burble_event *e, void *arg) {
        if (e->kind == BURBLE_EVENT_STATE)
            ++*static_cast<int *>(arg);
    };
#if __cplusplus >= 202002L
    burble_config config = BURBLE_CONFIG(.jid = "me@127.0.0.1", .on_event = on_event,
                                         .arg = &states, .flags = BURBLE_NO_RECONNECT);
    burble_room_config room = BURBLE_ROOM_CONFIG(.nick = "al", .handlers = {.joined = nullptr});
    burble_loop_config loop = BURBLE_LOOP_CONFIG();
#else
    burble_config config{};
    config.size = sizeof(config);
    config.jid = "me@127.0.0.1";
    config.on_event = on_event;
    config.arg = &states;
    config.flags = BURBLE_NO_RECONNECT;
    burble_room_config room{};
    room.size = sizeof(room);
    room.nick = "al";
    burble_loop_config loop{};
    loop.size = sizeof(loop);
#endif
    burble *c = nullptr;
    burble_room *joined = nullptr;
    burble_loop *l = nullptr;
    int err = burble_new(&config, &c);
    if (err == 0)
        err = burble_room_join(c, "talk@rooms.example.org", &room, &joined);
    if (err == 0)
        err = burble_loop_new(&loop, &l);
    if (err == 0)
        err = burble_loop_add(l, c);
    if (err == 0)
        err = burble_connect(c);
    burble_disconnect(c);
    burble_loop_run(l);
    std::printf("%s %s\\n", burble_error_text(err), states > 0 ? "told" : "not told");
    burble_free(&c);
    burble_loop_free(&l);
    return err != 0;
}
"""


@pytest.mark.parametrize("standard", ["c++17", "c++20"])
def test_a_program_of_cplusplus_has_no_warnings(standard, flags, tmp_path, home, found):
    if not shutil.which("g++"):
        pytest.skip("no g++")
    source, program = tmp_path / "client.cpp", tmp_path / "client"
    source.write_text(CPLUSPLUS)
    # That members are left out is the point.
    strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-missing-field-initializers"]
    command("g++", f"-std={standard}", *strict, source, *flags("--cflags", "--libs"), "-o", program)
    assert home.run(program, env=found, code=0).out.startswith("no error ")


def test_the_cplusplus_of_the_guide_compiles(flags, tmp_path):
    if not shutil.which("g++"):
        pytest.skip("no g++")
    (piece,) = fences(GUIDE, "cpp")
    source = tmp_path / "piece.cpp"
    source.write_text("#include <burble/burble.h>\nstruct Bot;\n" + "\n".join(piece[1]) + "\n")
    command("g++", "-std=c++20", "-Wall", "-Werror", "-Wno-unused", "-fsyntax-only", source,
            *flags("--cflags"))


def test_every_header_stands_alone(flags, library, tmp_path):
    headers = sorted((library / "include" / "burble").glob("*.h"))
    assert {h.name for h in headers} == {h.name for h in (ROOT / "include/burble").glob("*.h")}
    languages = [("c", "-std=c11")]
    if shutil.which("g++"):
        languages.append(("c++", "-std=c++17"))
    for header in headers:
        for language, standard in languages:
            source = tmp_path / f"alone.{language}"
            source.write_text(f"#include <burble/{header.name}>\nint main(void) {{ return 0; }}\n")
            command("cc" if language == "c" else "g++", standard, "-pedantic", "-Wall", "-Wextra",
                    "-Werror", "-fsyntax-only", "-x", language, source, *flags("--cflags"))


def test_every_function_says_which_errors_it_may_answer():
    """By their names, or by naming the function that it answers as; pubsub.h says it once for all."""
    said = re.compile(r"\b(SYNTAX|LIMIT|OFFLINE|MEMORY|BUSY|EXISTS|NOT_FOUND|REFUSED|CORRUPT)\b"
                      r"|\b[Aa]s[\s*]+(of[\s*]+)?burble_\w+")
    function = re.compile(r"/\*\*((?:(?!\*/).)*)\*/\s*BURBLE_API int (burble_\w+)", re.S)
    no_errors = {"burble_loop_fd", "burble_loop_wait_ms"}
    silent, functions = set(), set()
    for header in (ROOT / "include/burble").glob("*.h"):
        text = header.read_text()
        functions |= set(re.findall(r"BURBLE_API int (burble_\w+)", text))
        if header.name != "pubsub.h":
            silent |= {name for words, name in function.findall(text) if not said.search(words)}
    assert len(functions) > 100
    assert silent == no_errors


# ----------------------------------------------------------------------------------- symbols


def declared():
    """The functions that the public headers promise."""
    names = set()
    for header in (ROOT / "include/burble").glob("*.h"):
        names.update(re.findall(r"BURBLE_API[^;]*?\b(burble_\w+)\(", header.read_text()))
    return names


def test_burble_is_all_that_is_exported(lib_dir):
    exported = {}
    for line in command("nm", "-D", "--defined-only", "--with-symbol-versions",
                        lib_dir / "libburble.so").splitlines():
        name, _, version = line.split()[-1].partition("@@")
        exported[name] = version
    exported.pop("LIBBURBLE_0.1", None)
    assert set(exported.values()) == {"LIBBURBLE_0.1"}
    assert set(exported) == declared()


def test_it_needs_nothing_but_what_it_says(lib_dir):
    needed = re.findall(r"NEEDED.*\[(.*?)\.so", command("readelf", "-d", lib_dir / "libburble.so"))
    assert set(needed) == {"libc", "libssl", "libcrypto", "libcares", "libidn2", "libunistring"}


def test_the_static_library_keeps_its_names_to_itself(lib_dir):
    names = {line.split()[0] for line in command(
        "nm", "-g", "--defined-only", "--format=posix", lib_dir / "libburble.a").splitlines()
        if len(line.split()) > 2}
    assert not [name for name in names if not name.startswith("burble_")]
    assert declared() <= names


def test_a_program_can_be_linked_statically(flags, lib_dir, tmp_path, home):
    """With functions of its own that are called as some of the library's are inside."""
    source = tmp_path / "clash.c"
    source.write_text((ROOT / "examples/hello.c").read_text()
                      + "\nint buf_add(void);\nint buf_add(void)\n{\n    return 1;\n}\n"
                        "int client_enter(void);\nint client_enter(void)\n{\n    return 1;\n}\n")
    libs = [word for word in flags("--static", "--libs") if word != "-lburble"]
    program = tmp_path / "clash"
    command("cc", source, *flags("--cflags"), lib_dir / "libburble.a", *libs, "-o", program)
    assert "libburble" not in command("ldd", program)
    assert "malformed" in home.run(program, code=1).err


# --------------------------------------------------------------------------------- the guide


def guide():
    """The pieces of C in the guide, each with its place."""
    for line, lines in fences(GUIDE, "c"):
        yield line, "".join(f"{text}\n" for text in lines)


@pytest.mark.parametrize("line, code", [pytest.param(*it, id=f"line{it[0]}") for it in guide()])
def test_the_code_of_the_guide_compiles(line, code, compiled, tmp_path):
    whole = "int main(" in code
    source = tmp_path / "piece.c"
    headers = [f"burble/{h.name}" for h in sorted((ROOT / "include/burble").glob("*.h"))]
    system = ["pthread.h", "stdio.h", "stdlib.h", "string.h", "unistd.h", "sys/socket.h"]
    if whole:
        source.write_text(f'#line {line} "docs/library.md"\n{code}')
        compiled(source)
        return
    includes = "".join(f"#include <{name}>\n" for name in [*system, *headers])
    source.write_text(f'{includes}\n#line {line} "docs/library.md"\n{code}'
                      "\nint main(void)\n{\n    return 0;\n}\n")
    compiled(source, "-Wno-unused-function", "-Wno-unused-parameter")


def test_the_first_step_of_the_guide_takes_twelve_lines():
    first = next(code for _, code in guide())
    assert "int main(" in first and len(first.splitlines()) <= 12
    assert ["".join(f"{text}\n" for text in lines)
            for _, lines in fences(ROOT / "README.md", "c")] == [first]


@burbled
def test_S11_the_bot_of_the_guide_works(compiled, server, home, found, tmp_path):
    """With the way to the server of this test put in: the guide asks DNS. Under valgrind."""
    code = next(code for _, code in guide() if "pingbot" in code and "int main(" in code)
    bent = code.replace('.software = "pingbot"', '.software = "pingbot", '
                        '.host = getenv("BURBLE_HOST"), .port = atoi(getenv("BURBLE_PORT"))')
    bent = bent.replace("burble_loop_new(NULL,", "burble_loop_new(&BURBLE_LOOP_CONFIG("
                        '.ca_file = getenv("BURBLE_CA_FILE")),')
    assert bent.count("getenv(") == code.count("getenv(") + 3
    source = tmp_path / "pingbot.c"
    source.write_text(bent)
    bot = home.spawn(*VALGRIND, compiled(source), env={**found, **environment(server, BOB)})
    bot.expect_error("^online", timeout=60)
    account = Account("alice", "localhost", server.accounts["alice@localhost"])
    alice = server.login(account, presence=0, roster=True)
    alice.presence("subscribe", to=BOB)
    alice.expect("presence", type="subscribed", frm=BOB)
    alice.message(BOB, "ping")
    assert alice.expect_message("pong").get("from").startswith(BOB + "/")
    alice.message(BOB, "", kind="error")
    server.restart()
    bot.expect_error("^waiting", timeout=60)
    alice = server.login(account, presence=0, roster=True)
    alice.message(BOB, "what?")
    alice.expect_message('I know only "ping".', timeout=20)
    assert "==" not in bot.stop(code=0, timeout=60).err
    alice.expect("presence", type="unavailable")
    wrong = environment(server, BOB)
    done = home.run(compiled(source), code=1, env={**found, **wrong, "BURBLE_PASSWORD": "wrong"})
    assert "offline" in done.err and "password" in done.err


def test_the_guide_names_what_there_is():
    """Every burble_ name in the guide's text is one of the headers'."""
    text = GUIDE.read_text()
    known = "".join(h.read_text() for h in (ROOT / "include/burble").glob("*.h"))
    names = set(re.findall(r"\b(?:burble|BURBLE)_\w+\b", text))
    unknown = {n for n in names if not re.search(rf"\b{n}\b", known)}
    assert not {n for n in unknown if n not in ENVIRONMENT}


# Variables of the examples, and of the build.
ENVIRONMENT = {"BURBLE_JID", "BURBLE_PASSWORD", "BURBLE_HOST", "BURBLE_PORT", "BURBLE_CA_FILE",
               "burble_in_"}


# -------------------------------------------------------------------------------- valgrind


def environment(server, jid):
    return {"BURBLE_JID": jid, "BURBLE_PASSWORD": server.accounts[jid], "BURBLE_HOST": server.ip,
            "BURBLE_PORT": str(server.port), "BURBLE_CA_FILE": str(server.ca_file)}


def test_valgrind_finds_nothing_in_hello(compiled, home, found):
    """Which ends at once, having made a client of no address."""
    hello = compiled(ROOT / "examples" / "hello.c")
    home.run(*VALGRIND, hello, env=found, code=1, timeout=60)


@burbled
def test_valgrind_finds_nothing_in_a_bot_and_who_talks_to_it(compiled, server, home, found):
    bot_program = compiled(ROOT / "examples" / "echo_bot.c")
    talker = compiled(ROOT / "examples" / "poll_loop.c")
    bot = home.spawn(*VALGRIND, bot_program,
                     env={**found, **environment(server, BOB)})
    bot.expect_error("^online", timeout=60)
    alice = home.spawn(*VALGRIND, talker, BOB,
                       env={**found, **environment(server, "alice@localhost")})
    alice.expect_error("^online", timeout=60)
    alice.write("Hello?")
    alice.expect(f"^{BOB}: Hello\\?$", timeout=60)
    server.restart()
    bot.expect_error("^waiting", timeout=60)
    alice.write("Again?")
    alice.expect(f"^{BOB}: Again\\?$", timeout=60)
    alice.close_input()
    assert "ERROR SUMMARY" not in alice.wait(code=0, timeout=60).err
    bot.kill()
    assert not [line for line in bot.err if line.startswith("==")]


@burbled
def test_valgrind_finds_nothing_in_burble_send(server, home):
    """The optimised program: sanitizers and valgrind do not go together."""
    command("script/build", cwd=ROOT, timeout=1200)
    home.account("alice@localhost", server.accounts["alice@localhost"], server)
    burble = ROOT / "build" / "bin" / "burble"
    done = home.run(*VALGRIND, burble, "send", BOB, "Hello",
                    code=0, timeout=60)
    assert "==" not in done.err
    home.run(*VALGRIND, burble, "send", "x@no-such.localhost", "x",
             code=1, timeout=60)
