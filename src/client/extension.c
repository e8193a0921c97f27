/* Features as extensions of a client: linked when the program asks for them, asked in the order in
 * which they came, and freed when nothing can be using them any more. What they add to the own
 * service discovery and presence, and who may learn that we are here (row V69). */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"

void client_extend(struct burble *c, struct client_extension *x,
                   const struct client_extension_ops *ops)
{
    x->client = c;
    x->ops = ops;
    list_push(&c->extensions, &x->link);
}

void client_unextend(struct client_extension *x)
{
    list_remove(&x->link);
}

static void end(struct burble *c, struct client_timer *t)
{
    struct client_extension *x = CONTAINER_OF(t, struct client_extension, end);
    (void)c;
    client_unextend(x);
    x->ops->free(x);
}

void client_retire(struct client_extension *x)
{
    struct burble *c = x->client;
    x->retired = true;
    x->end.fire = end;
    if (c->depth == 0)
        end(c, &x->end);
    else
        client_timer_set(c, &x->end, 0);
}

bool client_extension_speaks(const struct client_extension *x)
{
    return !x->retired && !x->client->doomed;
}

struct client_extension *client_extension(struct burble *c, const struct client_extension_ops *ops)
{
    LIST_EACH(it, &c->extensions)
    {
        struct client_extension *x = CONTAINER_OF(it, struct client_extension, link);
        if (x->ops == ops && !x->retired)
            return x;
    }
    return NULL;
}

int client_feature(struct burble *c, const char *ns)
{
    LIST_EACH(it, &c->features)
    if (strcmp(CONTAINER_OF(it, struct client_feature, link)->ns, ns) == 0)
        return 0;
    size_t len = strlen(ns) + 1;
    struct client_feature *f = client_alloc(sizeof(*f) + len);
    if (f == NULL)
        return ERR_MEMORY;
    memcpy(f->ns, ns, len);
    list_push(&c->features, &f->link);
    client_features_changed(c);
    return 0;
}

void client_unfeature(struct burble *c, const char *ns)
{
    LIST_EACH(it, &c->features)
    {
        struct client_feature *f = CONTAINER_OF(it, struct client_feature, link);
        if (strcmp(f->ns, ns) != 0)
            continue;
        list_remove(&f->link);
        free(f);
        client_features_changed(c);
        return;
    }
}

void client_features_changed(struct burble *c)
{
    EXTENSIONS_WITH(features, x, c)
    {
        x->ops->features(x);
    }
}

bool client_is_own_caps(struct burble *c, struct slice node)
{
    EXTENSIONS_WITH(own_caps, x, c)
    {
        if (x->ops->own_caps(x, node))
            return true;
    }
    return false;
}

bool client_may_tell(struct burble *c, const struct jid *who)
{
    if (!jid_some(who) || slice_eq(jid_bare(who), slice_z(c->setup.bare)) ||
        slice_eq(jid_full(who), slice_z(c->setup.domain)))
        return true;
    if (c->tell != BURBLE_TELL_CONTACTS)
        return c->tell == BURBLE_TELL_ALL;
    EXTENSIONS_WITH(shows, x, c)
    {
        if (x->ops->shows(x, who))
            return true;
    }
    return false;
}

void client_presence_extras(struct burble *c, bool all, struct buf *out)
{
    EXTENSIONS_WITH(presence, x, c)
    {
        x->ops->presence(x, all, out);
    }
}
