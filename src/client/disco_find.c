/* Finding a service of the own server (XEP-0030 section 4 with section 3): the server and its items
 * are asked once per session, all at the same time, and what they say is kept until it ends. */
#include <stdlib.h>

#include "client/disco.h"

enum { SERVICES_MAX = 64, ANSWER_MS = 10000 };

struct service {
    struct list link;
    bool asking;
    struct burble_xml copy; /* its <query/>; none: it did not answer */
    struct burble_disco_info info;
    char jid[];
};

struct finder {
    struct list link;
    burble_disco_info_fn *fn;
    void *arg;
    char *category, *type, *feature; /* NULL: any */
};

static struct service *service_of(struct list *l)
{
    return CONTAINER_OF(l, struct service, link);
}

static struct finder *finder_of(struct list *l)
{
    return CONTAINER_OF(l, struct finder, link);
}

static void finder_free(struct finder *f)
{
    if (list_linked(&f->link))
        list_remove(&f->link);
    free(f->category);
    free(f->type);
    free(f->feature);
    free(f);
}

/* The one way out of a search: f is gone when the program hears of it. */
static void finish(struct burble *c, struct finder *f, const struct burble_disco_info *info)
{
    burble_disco_info_fn *fn = f->fn;
    void *arg = f->arg;
    finder_free(f);
    client_enter(c);
    fn(c, info, arg);
    c->depth--;
}

static bool matches(const struct finder *f, const struct burble_disco_info *info)
{
    if (f->feature != NULL && !burble_disco_has(info, f->feature))
        return false;
    if (f->category != NULL && !burble_disco_is(info, f->category, f->type))
        return false;
    if (f->category != NULL || f->type == NULL)
        return true;
    for (size_t i = 0; i < info->identity_count; i++)
        if (strcmp(info->identities[i].type, f->type) == 0)
            return true;
    return false;
}

/* The first in order counts, so those before it must have answered. True: f is done. */
static bool resolve(struct burble *c, struct disco *d, struct finder *f)
{
    static const char *const NOTHING[] = {NULL};
    LIST_EACH(it, &d->services.list)
    {
        struct service *s = service_of(it);
        if (s->asking)
            return false;
        if (burble_xml_some(s->copy) && matches(f, &s->info)) {
            finish(c, f, &s->info);
            return true;
        }
    }
    if (!d->services.items_known)
        return false;
    finish(c, f,
           &(struct burble_disco_info){.outcome = BURBLE_IQ_ERROR,
                                       .from = c->setup.domain,
                                       .features = NOTHING,
                                       .error = {.condition = "item-not-found",
                                                 .type = "cancel",
                                                 .text = "the server has no such service"}});
    return true;
}

/* After each call of the program the list may be another. */
static void resolve_all(struct burble *c, struct disco *d)
{
    bool again = true;
    while (again && !c->doomed) {
        again = false;
        LIST_EACH(it, &d->services.finders)
        {
            again = resolve(c, d, finder_of(it));
            if (again)
                break;
        }
    }
}

static void due(struct burble *c, struct client_timer *t)
{
    resolve_all(c, CONTAINER_OF(t, struct disco, services.timer));
}

static void service_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq,
                           void *arg)
{
    struct service *s = arg;
    struct disco *d = disco_of(c);
    struct xml query = xml_child(iq, NS_DISCO_INFO, SLICE("query"));
    s->asking = false;
    if (outcome == BURBLE_IQ_GONE || d == NULL)
        return;
    if (outcome == BURBLE_IQ_RESULT && xml_some(query)) {
        s->copy = burble_xml_copy(view_of(&c->view, query));
        s->info = (struct burble_disco_info){
            .outcome = BURBLE_IQ_RESULT,
            .from = s->jid,
            .error = {.condition = "", .type = "", .text = ""},
        };
        if (burble_xml_some(s->copy) && !disco_read(s->copy.tree, view_xml(s->copy), &s->info))
            burble_xml_free(&s->copy);
    }
    resolve_all(c, d);
}

static void service_add(struct burble *c, struct disco *d, const char *jid)
{
    struct slice payload = SLICE("<query xmlns='http://jabber.org/protocol/disco#info'/>");
    size_t len = strlen(jid) + 1;
    struct service *s;
    if (d->services.count >= SERVICES_MAX || (s = client_alloc(sizeof(*s) + len)) == NULL)
        return;
    memcpy(s->jid, jid, len);
    s->asking = true;
    list_push(&d->services.list, &s->link);
    d->services.count++;
    struct client_iq iq = {.to = slice_z(jid),
                           .payload = payload,
                           .timeout_ms = ANSWER_MS,
                           .fn = service_answer,
                           .arg = s};
    if (client_iq_send(c, &iq, NULL) != 0)
        s->asking = false;
}

static void items_answer(struct burble *c, const struct burble_disco_items *items, void *arg)
{
    struct disco *d = arg;
    if (items->outcome == BURBLE_IQ_GONE)
        return;
    for (size_t i = 0; i < items->item_count; i++)
        if (items->items[i].node == NULL)
            service_add(c, d, items->items[i].jid);
    d->services.items_known = true;
    resolve_all(c, d);
}

static void ask(struct burble *c, struct disco *d, const char *domain)
{
    d->services.asked = true;
    service_add(c, d, domain);
    if (burble_disco_items(c, NULL, NULL, NULL, items_answer, d, NULL) != 0)
        d->services.items_known = true;
}

static void forget(struct disco *d)
{
    while (!list_empty(&d->services.list)) {
        struct service *s = service_of(list_pop(&d->services.list));
        burble_xml_free(&s->copy);
        free(s);
    }
    d->services.count = 0;
    d->services.asked = d->services.items_known = false;
}

void disco_find_end(struct burble *c, struct disco *d)
{
    static const char *const NOTHING[] = {NULL};
    static const struct burble_disco_info GONE = {.outcome = BURBLE_IQ_GONE,
                                                  .features = NOTHING,
                                                  .error = {.condition = "recipient-unavailable",
                                                            .type = "wait",
                                                            .text = "the session ended"}};
    client_timer_stop(&d->services.timer);
    while (!list_empty(&d->services.finders))
        finish(c, finder_of(d->services.finders.next), &GONE);
    forget(d);
}

int burble_find_service(struct burble *c, const struct burble_service *wanted,
                        burble_disco_info_fn *fn, void *arg)
{
    struct disco *d = disco_of(c);
    struct finder *f = d != NULL ? client_alloc(sizeof(*f)) : NULL;
    const struct {
        const char *from;
        char **to;
    } texts[] = {{wanted->category, f != NULL ? &f->category : NULL},
                 {wanted->type, f != NULL ? &f->type : NULL},
                 {wanted->feature, f != NULL ? &f->feature : NULL}};
    if (f == NULL)
        return ERR_MEMORY;
    f->fn = fn;
    f->arg = arg;
    bool good = true;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].from != NULL)
            good &= (*texts[i].to = client_copy(slice_z(texts[i].from))) != NULL;
    if (!good || c->state != BURBLE_ONLINE || c->doomed) {
        finder_free(f);
        return good ? ERR_CLOSED : ERR_MEMORY;
    }
    list_push(&d->services.finders, &f->link);
    if (!d->services.asked)
        ask(c, d, c->setup.domain);
    d->services.timer.fire = due;
    client_timer_set(c, &d->services.timer, 0);
    client_wake(c);
    return 0;
}

void burble_find_cancel(struct burble *c, const void *arg)
{
    struct disco *d = disco_of(c);
    if (d == NULL)
        return;
    LIST_EACH(it, &d->services.finders)
    if (finder_of(it)->arg == arg)
        finder_free(finder_of(it));
}
