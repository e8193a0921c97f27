/* The memory of a server's logins (row V47): once one was bound to its TLS connection (RFC 5802
 * section 6), all must be, until the program says otherwise. */
#include "client/client.h"

void seen_login(struct burble *c, bool bound)
{
    if (!bound || c->auth.seen.bound)
        return;
    c->auth.seen.bound = true;
    c->auth.changed = true;
}

void burble_forget_binding(struct burble *c)
{
    c->auth.seen = (struct seen){0};
}
