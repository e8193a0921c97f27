/* Inside face of archives (burble/archive.h).
 *
 *   archive        the queries of a client, and whose result a message is
 *   archive_page   asking page after page
 *   archive_look   what an archive can do
 *   archive_prefs  whose messages are kept */
#ifndef CLIENT_ARCHIVE_H
#define CLIENT_ARCHIVE_H

#include "burble/archive.h"
#include "client/client.h"

#define NS_ARCHIVE SLICE("urn:xmpp:mam:2")

enum { ARCHIVE_ID_BYTES_MAX = 1024 };

struct archive {
    struct client_extension x;
    struct list queries;
    size_t count;
    uint64_t next_handle;
};

struct archive_query {
    struct list link;
    struct burble *client;
    uint64_t handle, iq; /* iq: the open request; 0: none */
    bool ended;          /* nothing is called any more */
    unsigned uses;       /* the list, and those who are in the middle of something with it */

    char *jid; /* prepared; NULL: the own archive */
    char *with, *after, *before, *text;
    int64_t start_ms, end_ms;
    uint32_t max, page;
    unsigned flags;
    burble_archive_message_fn *message;
    burble_archive_done_fn *done;
    burble_archive_page_fn *page_done;
    void *arg;

    char *text_field; /* where words go; NULL: not known, or nowhere */
    bool flipped;     /* it is asked for flipped pages */
    bool any_page;    /* one has been answered */
    uint32_t count;   /* messages, in all */
    int64_t total;
    char *first, *last; /* the oldest and the newest of all */

    char id[CLIENT_ID_BYTES];     /* of the page that is under way */
    uint32_t in_page;             /* results of it, and their ids as they came: */
    char *came_first, *came_last; /* first and last */
};

/* archive.c */
void archive_query_end(struct archive_query *q);
void archive_query_release(struct archive_query *q);
/* A sentence for the condition of an error. */
const char *archive_text(const char *condition);

/* archive_page.c: asks for what comes next, the abilities first where they matter. */
int archive_begin(struct archive_query *q);
/* One more result; the message is not read yet. False: too many. */
bool archive_result_came(struct archive_query *q, struct slice id);

/* archive_look.c: what the form of an answer says. text_field_out may be NULL; it points into the
 * tree. */
void archive_read_form(struct xml answer, struct burble_archive_abilities *out,
                       struct slice *text_field_out);

#endif
