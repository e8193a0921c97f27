/* The SQLite driver passes the conformance suite, keeps what it was given over a restart, and
 * serves many threads at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "db/test_support.h"

static struct store *open_new(void *ctx)
{
    struct test_place *p = ctx;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char path[TEST_PATH_BYTES];
        (void)unlink(test_beside(p, suffixes[i], path));
    }
    return test_open_store(p);
}

static int run_conformance(const char *name, bool relaxed)
{
    struct test_place p;
    test_place_make(&p);
    p.config.relaxed = relaxed;
    p.config.owners_max = 3;
    struct conformance c = {.name = name, .open = open_new, .ctx = &p};
    int failed = conformance_run(&c);
    test_place_remove(&p);
    return failed;
}

int main(void)
{
    return run_conformance("sqlite", false) + run_conformance("sqlite relaxed", true);
}
