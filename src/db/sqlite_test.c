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
    static const char *const suffixes[] = {"",         "-wal",         "-shm",
                                           "-derived", "-derived-wal", "-derived-shm"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char path[TEST_PATH_BYTES];
        (void)unlink(test_beside(p, suffixes[i], path));
    }
    return test_open_store(p);
}

struct variant {
    const char *name;
    bool relaxed;
    uint32_t derived_rows, derived_ms; /* 1: what is derived follows every commit */
};

static int run_conformance(const struct variant *v)
{
    struct test_place p;
    test_place_make(&p);
    p.config.relaxed = v->relaxed;
    p.config.owners_max = 3;
    p.config.text = conformance_text;
    p.config.derived_rows = v->derived_rows;
    p.config.derived_ms = v->derived_ms;
    struct conformance c = {.name = v->name, .open = open_new, .ctx = &p};
    int failed = conformance_run(&c);
    test_place_remove(&p);
    return failed;
}

int main(void)
{
    static const struct variant variants[] = {
        {"sqlite", false, 0, 0},
        {"sqlite relaxed", true, 0, 0},
        {"sqlite derived at once", false, 1, 1},
        {"sqlite derived in small lots", true, 3, 1},
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++)
        failed += run_conformance(&variants[i]);
    return failed;
}
