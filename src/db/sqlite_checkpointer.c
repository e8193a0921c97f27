/* Moves the write-ahead log into the database, beside the writer: the bulk is copied and synced
 * here, while commits go on; the writer then moves the few pages that came meanwhile, and its next
 * commit starts the log anew. */
#include "base/err.h"
#include "db/sql.h"
#include "db/sqlite_driver.h"

static int move_log(struct sqlite_checkpointer *c)
{
    int err = 0, code;
    pthread_mutex_lock(&c->connection);
    if (c->db == NULL) {
        struct sql_settings settings = sqlite_settings(c->driver, true);
        err = sql_open(&settings, &c->db, &code);
    }
    if (err == 0) {
        code = sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        err = sql_err(c->db, code);
    }
    pthread_mutex_unlock(&c->connection);
    return err;
}

void *sqlite_checkpointer_main(void *checkpointer)
{
    struct sqlite_checkpointer *c = checkpointer;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (c->state != CHECKPOINT_ASKED && !c->stopping)
            pthread_cond_wait(&c->wake, &c->lock);
        if (c->stopping)
            break;
        pthread_mutex_unlock(&c->lock);
        int err = move_log(c);
        pthread_mutex_lock(&c->lock);
        c->state = CHECKPOINT_DONE;
        c->err = err;
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

enum sqlite_checkpoint sqlite_checkpoint_state(struct sqlite_checkpointer *c, int *err_out)
{
    pthread_mutex_lock(&c->lock);
    enum sqlite_checkpoint state = c->state;
    *err_out = state == CHECKPOINT_DONE ? c->err : 0;
    if (state == CHECKPOINT_DONE)
        c->state = CHECKPOINT_IDLE;
    pthread_mutex_unlock(&c->lock);
    return state;
}

void sqlite_checkpoint_ask(struct sqlite_checkpointer *c)
{
    pthread_mutex_lock(&c->lock);
    if (c->state == CHECKPOINT_IDLE)
        c->state = CHECKPOINT_ASKED;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

void sqlite_checkpoint_stop(struct sqlite_checkpointer *c)
{
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}
