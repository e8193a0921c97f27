/* Requests of the administrator: a command with arguments, served by the shard that it concerns, or
 * by all of them one after the other; rows of named values come back.
 *
 * The control socket (burbled) makes a request, sends it by MAIL_ADMIN to a shard, and gets it back
 * by MAIL_ADMIN_DONE at the address in from (which is not a shard: engine.shards). It sends
 * requests for all shards to each in turn and lets the rows add up. */
#ifndef CORE_ADMIN_H
#define CORE_ADMIN_H

#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "core/engine.h"

enum { ADMIN_ARGS = 16 };

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
    struct slice password; /* into secret */
    struct buf text, secret;
    /* The answer: rows encoded by the functions below; exit 0 or the exit code of burblectl with an
     * error text. */
    struct buf rows;
    int exit;
    struct buf error;
};

struct admin_request *admin_request_new(void);
/* Wipes the secret. */
void admin_request_free(struct admin_request **r);
/* Value of an argument; ptr NULL: not given. */
struct slice admin_argument(const struct admin_request *r, const char *name);

/* Which shard serves it: the owner of its "jid", any, or all. */
enum admin_scope { ADMIN_OWNER, ADMIN_ANY, ADMIN_ALL };
/* False: no such command. */
bool admin_scope_of(struct slice command, enum admin_scope *out);

/* Rows: begin, values, end. Values are text, numbers or truth values. */
enum admin_value { ADMIN_TEXT, ADMIN_NUMBER, ADMIN_BOOL };
void admin_row_begin(struct admin_request *r);
void admin_row_text(struct admin_request *r, const char *name, struct slice value);
void admin_row_number(struct admin_request *r, const char *name, long long value);
void admin_row_bool(struct admin_request *r, const char *name, bool value);
void admin_row_end(struct admin_request *r);
/* Walks the rows: *at = 0 at first. Each call gives the next value; *row_out counts the rows from
 * 0. */
struct admin_cell {
    struct slice name;
    enum admin_value kind;
    struct slice text;
    long long number;
};
bool admin_cells(const struct admin_request *r, size_t *at, unsigned *row_out,
                 struct admin_cell *out);

/* Serves the request on this shard; it goes back by mail, answered, exactly once. */
void admin_serve(struct engine *e, struct admin_request *request);

#endif
