"""A disk that does what a test wants: a library before libc, in a server that was started with it."""

import atexit
import os
import pathlib
import shutil
import subprocess
import tempfile

from .server import UNPRIVILEGED, environment

# Writes and syncs of the database and its log do what the first byte of a file says:
#   f  no space is left       r  it became read-only       h  syncs wait until it says otherwise
#   e  syncs fail             1  the next sync fails
SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static char mode(void)
{
    char byte = '-';
    const char *path = getenv("BURBLE_DISK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        if (read(fd, &byte, 1) != 1)
            byte = '-';
        close(fd);
    }
    return byte;
}

static int is_database(int fd)
{
    char link[64], path[512];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0)
        return 0;
    path[n] = '\0';
    return strstr(path, "/burble.db") != NULL && strstr(path, "-derived") == NULL;
}

static int fails_to_write(int fd)
{
    if (!is_database(fd))
        return 0;
    char now = mode();
    errno = now == 'f' ? ENOSPC : EROFS;
    return now == 'f' || now == 'r';
}

static int fails_to_sync(int fd)
{
    static atomic_int failed;
    if (!is_database(fd))
        return 0;
    while (mode() == 'h')
        usleep(2000);
    char now = mode();
    if (now != '1')
        atomic_store(&failed, 0);
    errno = EIO;
    return now == 'e' || (now == '1' && atomic_exchange(&failed, 1) == 0);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    return fails_to_write(fd) ? -1 : syscall(SYS_pwrite64, fd, data, len, at);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    return fails_to_write(fd) ? -1 : syscall(SYS_pwrite64, fd, data, len, at);
}

int fsync(int fd)
{
    return fails_to_sync(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return fails_to_sync(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}
"""

_built = None


def _library():
    global _built
    if _built is None:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="burble-disk-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        (folder / "disk.c").write_text(SOURCE)
        _built = folder / "disk.so"
        subprocess.run([os.environ.get("CC", "cc"), "-O1", "-shared", "-fPIC", "-pthread",
                        str(folder / "disk.c"), "-o", str(_built)], check=True)
    return _built


class Disk:
    """disk = Disk(); start_server(env=disk.env); disk.full() ... disk.good()"""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="burble-disk-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o755)
        self.file = self.folder / "mode"
        self.good()
        UNPRIVILEGED.give(self.file)
        asan = environment()["ASAN_OPTIONS"] + ":verify_asan_link_order=0"
        self.env = {"LD_PRELOAD": str(_library()), "BURBLE_DISK": str(self.file),
                    "ASAN_OPTIONS": asan}

    def _say(self, byte):
        self.file.write_text(byte)

    def good(self):
        self._say("-")

    def full(self):
        self._say("f")

    def readonly(self):
        self._say("r")

    def hold(self):
        """Syncs wait for good()."""
        self._say("h")

    def fail_syncs(self):
        self._say("e")

    def fail_one_sync(self):
        self._say("1")
