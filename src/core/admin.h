/* Requests of the administrator: a command with arguments, served by the shards that it concerns;
 * rows of named values come back.
 *
 * The control socket (burbled) makes a request and sends it by MAIL_ADMIN to any shard. It comes
 * back by MAIL_ADMIN_DONE to the address in from (which is not a shard: engine.shards). The sender
 * takes the rows; while `to` names a shard the request is not finished: it is sent there next. So a
 * long list comes in pages, and what all shards know adds up on the way. */
#ifndef CORE_ADMIN_H
#define CORE_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "core/engine.h"

enum { ADMIN_ARGS = 16, ADMIN_NOWHERE = UINT32_MAX };

/* Exit codes of burblectl. */
enum admin_exit { ADMIN_OK = 0, ADMIN_FAILED = 1, ADMIN_USAGE = 64, ADMIN_TRY_AGAIN = 75 };

struct admin_argument {
    struct slice name, value; /* into text */
};

struct admin_request {
    struct list link;
    uint32_t from;        /* where the mail goes back to */
    uint64_t ticket;      /* the asker's own */
    struct slice command; /* "account add"; into text */
    struct admin_argument args[ADMIN_ARGS];
    size_t arg_count;
    struct slice password; /* into secret; ptr NULL: none */
    struct buf text, secret;
    /* The answer: rows encoded by the functions below, to be taken at every return; then exit 0, or
     * another exit code with an error text. */
    struct buf rows;
    uint32_t to; /* ADMIN_NOWHERE: finished */
    int exit;
    struct buf error;
    /* Of the command while it is under way. */
    struct buf address; /* "jid" prepared, under the host's own name */
    struct buf host;    /* "host", the same */
    struct buf cursor;  /* where the next page begins */
    struct buf notes;   /* what shards add up */
};

struct admin_request *admin_request_new(void);
/* Wipes the secret. */
void admin_request_free(struct admin_request **r);
/* Value of an argument; ptr NULL: not given. */
struct slice admin_argument(const struct admin_request *r, const char *name);

/* Is there such a command here? */
bool admin_knows(struct slice command);

/* Rows: begin, values, end. Values are text, numbers or truth values. */
enum admin_value { ADMIN_TEXT, ADMIN_NUMBER, ADMIN_BOOL };
void admin_row_begin(struct admin_request *r);
void admin_row_text(struct admin_request *r, const char *name, struct slice value);
void admin_row_number(struct admin_request *r, const char *name, long long value);
void admin_row_bool(struct admin_request *r, const char *name, bool value);
/* A point in time, in the format of XEP-0082. */
void admin_row_time(struct admin_request *r, const char *name, int64_t wall_ms);
void admin_row_end(struct admin_request *r);
/* Walks the values of all rows: *at = 0 at first. row_out counts the rows from 0; an empty row has
 * no cell. */
struct admin_cell {
    struct slice name;
    enum admin_value kind;
    struct slice text;
    long long number; /* also of a truth value */
};
bool admin_cells(const struct admin_request *r, size_t *at, unsigned *row_out,
                 struct admin_cell *out);

/* Serves the request on this shard; it goes back by mail exactly once. */
void admin_serve(struct engine *e, struct admin_request *request);

#endif
