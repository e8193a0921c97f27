/* Inside of the bookmarks: bookmarks.c fetches them and hears of changes, bookmark_table.c holds
 * them, bookmark_edit.c changes them at the server. */
#ifndef CLIENT_BOOKMARKS_H
#define CLIENT_BOOKMARKS_H

#include "burble/bookmarks.h"
#include "client/client.h"

#define NS_BOOKMARKS     SLICE("urn:xmpp:bookmarks:1")
#define NS_OLD_BOOKMARKS SLICE("storage:bookmarks")
#define NS_PRIVATE       SLICE("jabber:iq:private")
#define BOOKMARKS_NODE   "urn:xmpp:bookmarks:1"

enum { BOOKMARKS_MAX = 1000, BOOKMARK_OPS_MAX = 100 };

/* One block: the strings of pub, and what others keep in it, as text. */
struct mark {
    struct burble_bookmark pub;
    char *extensions; /* <extensions/> of XEP-0402; NULL: none */
    bool seen;        /* in the answer that is being read */
};

enum bookmark_place {
    BOOKMARKS_PEP,
    BOOKMARKS_PRIVATE, /* the server has no PEP */
};

struct burble_bookmarks {
    struct client_extension x;
    struct burble_bookmarks_config config;
    enum bookmark_place place;
    bool ready;
    struct mark **list; /* by address */
    size_t count, cap;
    struct list ops; /* struct bookmark_op, in order */
    size_t op_count;
};

/* bookmark_table.c */
/* NULL: no memory. The address is prepared; extensions are serialised. */
struct mark *mark_new(const struct burble_bookmark *from, struct slice extensions);
void mark_free(struct mark *m);
/* What a <conference/> says about a room: 0; ERR_SYNTAX: the address is none; ERR_MEMORY. */
int mark_read(struct xml conference, struct slice jid, struct mark **out);
struct mark *marks_find(const struct burble_bookmarks *b, struct slice jid);
/* Takes m over: true when something changed; m_out (NULL: m was freed) is in the table then. */
bool marks_put(struct burble_bookmarks *b, struct mark *m, struct mark **m_out);
/* Out of the table, the caller's; NULL: it is not there. */
struct mark *marks_take(struct burble_bookmarks *b, struct slice jid);
void marks_clear(struct burble_bookmarks *b);

/* bookmarks.c: with the program's callbacks. */
void bookmarks_changed(struct burble_bookmarks *b, struct mark *m); /* takes m over */
void bookmarks_removed(struct burble_bookmarks *b, struct slice jid);
/* bookmark_edit.c: the object goes; nobody hears of what is under way. */
void bookmark_ops_free(struct burble_bookmarks *b);

#endif
