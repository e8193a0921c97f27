/* Help for the driver's tests. */
#include "db/test_support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

static void sink(void *ctx, enum log_level level, const char *event, const char *line, size_t len)
{
    (void)level;
    (void)event;
    struct test_log *l = ctx;
    pthread_mutex_lock(&l->lock);
    buf_append(&l->lines, line, len);
    buf_byte(&l->lines, '\n');
    pthread_mutex_unlock(&l->lock);
}

static void fatal(void *ctx, const char *text)
{
    struct test_place *p = ctx;
    pthread_mutex_lock(&p->log.lock);
    p->log.fatal++;
    buf_printf(&p->log.lines, "fatal %s\n", text);
    pthread_mutex_unlock(&p->log.lock);
}

void test_place_make(struct test_place *p)
{
    *p = (struct test_place){0};
    const char *tmp = getenv("TMPDIR");
    int n =
        snprintf(p->dir, sizeof(p->dir) - 32, "%s/burble-db-XXXXXX", tmp != NULL ? tmp : "/tmp");
    CHECK(n > 0 && n < (int)sizeof(p->dir) - 32);
    CHECK(mkdtemp(p->dir) != NULL);
    memcpy(p->path, p->dir, (size_t)n);
    memcpy(p->path + n, "/burble.db", sizeof("/burble.db"));
    pthread_mutex_init(&p->log.lock, NULL);
    p->log.log = (struct log){.level = LOG_DEBUG, .sink = sink, .ctx = &p->log};
    p->config =
        (struct sqlite_config){.path = p->path, .log = &p->log.log, .fatal = fatal, .ctx = p};
}

void test_place_remove(struct test_place *p)
{
    DIR *dir = opendir(p->dir);
    if (dir != NULL) {
        for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
            if (e->d_name[0] != '.')
                CHECK(unlinkat(dirfd(dir), e->d_name, 0) == 0);
        closedir(dir);
        CHECK(rmdir(p->dir) == 0);
    }
    pthread_mutex_destroy(&p->log.lock);
    buf_free(&p->log.lines);
}

struct store *test_open_store(struct test_place *p)
{
    p->error[0] = '\0';
    return sqlite_open(&p->config, p->error, sizeof(p->error), &p->err);
}

struct desk *test_open(struct test_place *p)
{
    struct store *s = test_open_store(p);
    if (s == NULL)
        fprintf(stderr, "%s\n", p->error);
    CHECK(s != NULL);
    return desk_new(s);
}

unsigned test_log_count(struct test_place *p, const char *text)
{
    unsigned count = 0;
    pthread_mutex_lock(&p->log.lock);
    buf_byte(&p->log.lines, '\0');
    CHECK(!p->log.lines.failed);
    for (const char *at = p->log.lines.ptr; (at = strstr(at, text)) != NULL; at++)
        count++;
    buf_truncate(&p->log.lines, buf_len(&p->log.lines) - 1);
    pthread_mutex_unlock(&p->log.lock);
    return count;
}

const char *test_beside(struct test_place *p, const char *suffix, char out[TEST_PATH_BYTES])
{
    int n = snprintf(out, TEST_PATH_BYTES, "%s%s", p->path, suffix);
    CHECK(n > 0 && n < TEST_PATH_BYTES);
    return out;
}

static int finish(struct desk *d, struct store_request *r)
{
    desk_do(d, r);
    int err = r->err;
    store_request_free(&r);
    return err;
}

int test_put(struct desk *d, const char *owner, const char *key, const char *value)
{
    struct store_request *r = store_batch_new(0, 0);
    store_put(r, slice_z(owner), SLICE("roster"), slice_z(key), slice_z(value));
    return finish(d, r);
}

int test_append(struct desk *d, const char *owner, const char *text, uint64_t *position_out)
{
    struct store_request *r = store_batch_new(0, 0);
    struct slice owners[] = {slice_z(owner)};
    store_append(r, SLICE("archive"), owners, 1, &(struct store_labels){0}, slice_z(text));
    desk_do(d, r);
    int err = r->err;
    if (position_out != NULL)
        *position_out = r->position;
    store_request_free(&r);
    return err;
}

int64_t test_count(struct desk *d, const char *owner)
{
    struct store_request *r = store_query_new(0, 0);
    store_count(r, slice_z(owner), SLICE("archive"));
    desk_do(d, r);
    struct store_row row = {0};
    size_t at = 0;
    int64_t result = r->err;
    if (r->err == 0 && store_rows(r, &at, &row))
        result = (int64_t)row.position;
    store_request_free(&r);
    return result;
}

bool test_has(struct desk *d, const char *owner, const char *key, const char *value)
{
    struct store_request *r = store_query_new(0, 0);
    store_get(r, slice_z(owner), SLICE("roster"), slice_z(key));
    desk_do(d, r);
    struct store_row row;
    size_t at = 0;
    bool has = r->err == 0 && store_rows(r, &at, &row) && slice_eq(row.value, slice_z(value));
    store_request_free(&r);
    return has;
}
