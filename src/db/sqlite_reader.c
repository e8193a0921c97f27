/* The reading threads: one query at a time, each in a snapshot of its own. */
#include "base/err.h"
#include "db/sql.h"
#include "db/sqlite_driver.h"

static int reader_open(struct sqlite_reader *reader)
{
    if (reader->db != NULL)
        return 0;
    struct sqlite_driver *d = reader->driver;
    struct sql_settings settings = sqlite_settings(d, true);
    int code, err = sql_open(&settings, &reader->db, &code);
    if (err == 0)
        err = sqlite_read_open(&reader->read, reader->db, &d->tail, &d->derived, &d->config.text,
                               d->config.query_ms_max);
    if (err != 0)
        sql_close(&reader->db);
    return err;
}

void sqlite_reader_close(struct sqlite_reader *reader)
{
    if (reader->db == NULL)
        return;
    sqlite_read_close(&reader->read);
    sql_close(&reader->db);
}

static void work(struct sqlite_reader *reader, struct store_request *r)
{
    struct sqlite_driver *d = reader->driver;
    pthread_mutex_lock(&reader->lock);
    r->err = store_request_check(r);
    if (r->err == 0 && atomic_load(&d->dead))
        r->err = ERR_IO;
    if (r->err == 0) {
        int err = reader_open(reader);
        if (err == 0)
            err = sqlite_read_query(&reader->read, r);
        r->err = err;
        if (err == ERR_CORRUPT || err == ERR_IO)
            sqlite_event_err(&d->events, err,
                             reader->db != NULL ? sqlite3_errmsg(reader->db) : err_text(err));
    }
    pthread_mutex_unlock(&reader->lock);
    sqlite_answer(d, r);
}

void *sqlite_reader_main(void *arg)
{
    struct sqlite_reader *reader = arg;
    struct list one;
    list_init(&one);
    while (request_queue_take(&reader->driver->queries, 1, SIZE_MAX, &one) > 0)
        work(reader, CONTAINER_OF(list_pop(&one), struct store_request, link));
    return NULL;
}
