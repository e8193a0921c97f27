/* What the unit tests of burble share: what was said on a descriptor, files in a folder of the
 * test's own, and command lines. */
#ifndef BURBLE_TEST_SUPPORT_H
#define BURBLE_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "burble/app.h"

enum { TEST_TEXT_BYTES = 65536 };

struct test_catch {
    int fd, was, to;
};

/* From here on what goes to fd (1 or 2) is caught. */
static inline struct test_catch test_catch_begin(int fd)
{
    struct test_catch c = {fd, dup(fd), memfd_create("caught", MFD_CLOEXEC)};
    assert_true(c.was >= 0 && c.to >= 0);
    fflush(NULL);
    dup2(c.to, fd);
    return c;
}

/* What was caught, in memory that lives until the next call for this descriptor. */
static inline const char *test_catch_end(struct test_catch *c)
{
    static char text[3][TEST_TEXT_BYTES];
    fflush(NULL);
    dup2(c->was, c->fd);
    ssize_t n = pread(c->to, text[c->fd], TEST_TEXT_BYTES - 1, 0);
    assert_true(n >= 0);
    text[c->fd][n] = '\0';
    close(c->was);
    close(c->to);
    return text[c->fd];
}

static inline void test_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* A file of this name in the folder, in memory that lives until the fourth call after this. */
static inline const char *test_path(const char *folder, const char *name)
{
    static char paths[4][200];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static inline void test_write(const char *path, const char *content, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* Reads a command line, words separated by one space: 0 or the exit code. options_free. */
static inline int test_options(const char *line, struct options *out)
{
    static char copy[2048];
    static char *argv[64];
    int argc = 0;
    snprintf(copy, sizeof(copy), "burble%s%s", line[0] != '\0' ? " " : "", line);
    for (char *at = copy; at != NULL && argc < 63; argc++) {
        argv[argc] = at;
        at = strchr(at, ' ');
        if (at != NULL)
            *at++ = '\0';
    }
    argv[argc] = NULL;
    return options_read(argc, argv, out);
}

#endif
