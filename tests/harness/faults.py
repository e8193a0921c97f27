"""Faults of the system, played to burbled by a library that goes before its own (faults.c).

    faults = Faults()
    server = start_server(env=faults.env)
    faults.tiny = 1

They are attributes: reading one looks, setting one plays. All are 0 at first.
"""

import functools
import mmap
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

import pytest

from .server import environment

SOURCE = pathlib.Path(__file__).with_name("faults.c")
# The order is that of struct faults.
FIELDS = ("mono_ms", "wall_ms", "tiny", "transfers", "accept_domain", "accept_errno",
          "accept_left", "accepts", "socket_domain", "bind_domain", "user_timeout_ms", "send_bytes",
          "sync_held", "syncs")


@functools.cache
def _library():
    """The library, built once; the folder goes with the process."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    folder = tempfile.TemporaryDirectory(prefix="burble-faults-")
    os.chmod(folder.name, 0o755)
    path = pathlib.Path(folder.name) / "faults.so"
    subprocess.run([compiler, "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-shared",
                    "-fPIC", "-o", str(path), str(SOURCE)], check=True)
    return folder, path


class Faults:
    def __init__(self):
        folder, library = _library()
        number, path = tempfile.mkstemp(dir=folder.name)
        os.chmod(path, 0o666)
        os.truncate(number, 8 * len(FIELDS))
        self.__dict__["memory"] = mmap.mmap(number, 8 * len(FIELDS))
        os.close(number)
        asan = environment()["ASAN_OPTIONS"] + ":verify_asan_link_order=0"
        self.__dict__["env"] = {"LD_PRELOAD": str(library), "BURBLE_FAULTS": path,
                                "ASAN_OPTIONS": asan}

    def __getattr__(self, name):
        if name not in FIELDS:
            raise AttributeError(name)
        return struct.unpack_from("q", self.memory, 8 * FIELDS.index(name))[0]

    def __setattr__(self, name, value):
        struct.pack_into("q", self.memory, 8 * FIELDS.index(name), value)
