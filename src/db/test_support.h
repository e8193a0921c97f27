/* Help for the driver's tests: an empty directory, a store in it, log lines to look at. */
#ifndef DB_TEST_SUPPORT_H
#define DB_TEST_SUPPORT_H

#include <pthread.h>
#include <stdbool.h>

#include "db/sqlite.h"
#include "store/conformance.h"

enum { TEST_PATH_BYTES = 256, TEST_ERROR_BYTES = 512 };

struct test_log {
    struct log log;
    pthread_mutex_t lock;
    struct buf lines; /* each with a line feed */
    int fatal;        /* calls of test_fatal */
};

struct test_place {
    char dir[TEST_PATH_BYTES];
    char path[TEST_PATH_BYTES]; /* of the database in it */
    struct test_log log;
    struct sqlite_config config; /* path, log, fatal, ctx are set */
    char error[TEST_ERROR_BYTES];
    int err;
};

/* Makes a new directory, and removes it with its files. */
void test_place_make(struct test_place *p);
void test_place_remove(struct test_place *p);
/* Opens the database; NULL: err and error say why. */
struct store *test_open_store(struct test_place *p);
/* The same at a desk; fails the test when it cannot be opened. */
struct desk *test_open(struct test_place *p);
/* How often a text stands in the log. */
unsigned test_log_count(struct test_place *p, const char *text);

/* path with a suffix such as "-wal". */
const char *test_beside(struct test_place *p, const char *suffix, char out[TEST_PATH_BYTES]);

/* One batch: puts key=value of an owner under "roster"; its error. */
int test_put(struct desk *d, const char *owner, const char *key, const char *value);
/* One batch: an entry of the owner's log "archive"; its error. */
int test_append(struct desk *d, const char *owner, const char *text, uint64_t *position_out);
/* Entries in the owner's log, or a negative error. */
int64_t test_count(struct desk *d, const char *owner);
/* True when the owner has this value. */
bool test_has(struct desk *d, const char *owner, const char *key, const char *value);

#endif
