/* From the queue to the microblog, to PEP (XEP-0163, the node of XEP-0277) and to people. A failure
 * waits and is tried again, later and later; a refusal is the end of that text alone. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/time.h"
#include "burble/bridge.h"
#include "burble/xml.h"
#include "io/clock.h"

uint32_t bridge_backoff(uint32_t before_s, uint32_t said_s)
{
    uint32_t wait = before_s == 0 ? BRIDGE_RETRY_FIRST_S : before_s * 2;
    if (wait > BRIDGE_RETRY_MAX_S)
        wait = BRIDGE_RETRY_MAX_S;
    return said_s > wait ? said_s : wait;
}

static struct bridge_item *find(struct bridge *b, const char *key)
{
    LIST_EACH(it, &b->queue.items)
    {
        struct bridge_item *i = CONTAINER_OF(it, struct bridge_item, link);
        if (strcmp(i->key, key) == 0)
            return i;
    }
    return NULL;
}

static struct bridge_item *first_for_blog(struct bridge *b)
{
    LIST_EACH(it, &b->queue.items)
    {
        struct bridge_item *i = CONTAINER_OF(it, struct bridge_item, link);
        if (i->for_blog)
            return i;
    }
    return NULL;
}

static void remove_if_done(struct bridge *b, struct bridge_item *i)
{
    if (!i->for_blog && !i->for_pep && i->to == NULL)
        bridge_queue_remove(&b->queue, &i);
}

static void tell_idle(struct bridge *b)
{
    if (b->call == NULL && b->pep_open == 0)
        b->idle(b);
}

/* ------------------------------------------------------------------------------------- microblog
 */

static void again(void *arg)
{
    struct bridge *b = arg;
    b->alarm = 0;
    bridge_pump(b);
}

static void posted(const struct blog_result *r, void *arg)
{
    struct bridge *b = arg;
    struct bridge_item *i = find(b, b->key);
    bool over = r->outcome == BLOG_DONE || r->outcome == BLOG_REFUSED;
    b->call = NULL;
    b->wait_s = over ? 0 : bridge_backoff(b->wait_s, r->retry_after_s);
    if (r->outcome == BLOG_DONE && r->count > 0)
        bridge_queue_own(&b->queue, r->posts[0].id);
    if (i != NULL) {
        b->told(b, i, r);
        i->told = true;
        if (over) {
            i->for_blog = false;
            remove_if_done(b, i);
        }
    }
    (void)bridge_queue_save(&b->queue);
    if (!over && !b->once && !b->stopping &&
        burble_loop_alarm(b->session->loop, b->wait_s * 1000, again, b, &b->alarm) != 0)
        b->alarm = 0;
    if (over && !b->stopping)
        bridge_pump(b);
    else
        tell_idle(b);
}

void bridge_pump(struct bridge *b)
{
    struct bridge_item *i = b->call == NULL && b->alarm == 0 ? first_for_blog(b) : NULL;
    if (i != NULL) {
        memcpy(b->key, i->key, sizeof(b->key));
        int err = blog_post(&b->blog, i->text, i->key, posted, b, &b->call);
        if (err == 0)
            return;
        out_error("the microblog cannot be asked: %s", err_text(err));
    }
    tell_idle(b);
}

/* ------------------------------------------------------------------------------------------- PEP
 */

struct publication {
    struct bridge *bridge;
    char key[BRIDGE_KEY_BYTES];
};

static void pep_failed(struct bridge *b, const struct burble_stanza_error *e)
{
    struct buf why = {0};
    session_error_text(e, &why);
    b->pep_failed(b, buf_byte(&why, '\0') == 0 ? buf_slice(&why).ptr : e->condition);
    buf_free(&why);
}

static void published(struct burble *c, const struct burble_iq *answer, void *arg)
{
    struct publication *p = arg;
    struct bridge *b = p->bridge;
    struct bridge_item *i = find(b, p->key);
    bool over = answer->outcome == BURBLE_IQ_RESULT || answer->outcome == BURBLE_IQ_ERROR;
    (void)c;
    mem_free(p);
    b->pep_open--;
    if (answer->outcome == BURBLE_IQ_ERROR || answer->outcome == BURBLE_IQ_TIMEOUT)
        pep_failed(b, &answer->error);
    if (i != NULL && over) {
        i->for_pep = false;
        remove_if_done(b, i);
        (void)bridge_queue_save(&b->queue);
    }
    if (over && !b->stopping)
        bridge_publish(b); /* what came meanwhile */
    tell_idle(b);
}

static void put_entry(struct burble_writer *w, const struct bridge *b, const struct bridge_item *i)
{
    char stamp[TIME_STAMP_BYTES];
    (void)time_stamp(clock_now().wall_ms, stamp);
    burble_writer_open(w, "entry", "http://www.w3.org/2005/Atom");
    burble_writer_open(w, "author", NULL);
    burble_writer_leaf(w, "name", NULL, burble_bare_jid(b->session->client));
    burble_writer_close(w);
    burble_writer_open(w, "title", NULL);
    burble_writer_attr(w, "type", "text");
    burble_writer_text(w, i->text);
    burble_writer_close(w);
    burble_writer_leaf(w, "id", NULL, i->key);
    burble_writer_leaf(w, "published", NULL, stamp);
    burble_writer_leaf(w, "updated", NULL, stamp);
    burble_writer_close(w);
}

static int publish(struct bridge *b, struct bridge_item *i)
{
    struct burble_writer *w = burble_writer_new();
    burble_writer_open(w, "pubsub", "http://jabber.org/protocol/pubsub");
    burble_writer_open(w, "publish", NULL);
    burble_writer_attr(w, "node", "urn:xmpp:microblog:0");
    burble_writer_open(w, "item", NULL);
    burble_writer_attr(w, "id", i->key);
    put_entry(w, b, i);
    burble_writer_close(w);
    burble_writer_close(w);
    burble_writer_close(w);
    const char *payload = burble_writer_result(w);
    struct publication *p = mem_new(struct publication);
    p->bridge = b;
    memcpy(p->key, i->key, sizeof(p->key));
    int err = payload == NULL
                  ? ERR_MEMORY
                  : burble_set(b->session->client, NULL, payload, 0, published, p, NULL);
    if (err != 0)
        mem_free(p);
    burble_writer_free(&w);
    return err;
}

void bridge_publish(struct bridge *b)
{
    if (b->pep_open > 0)
        return;
    LIST_EACH(it, &b->queue.items)
    {
        struct bridge_item *i = CONTAINER_OF(it, struct bridge_item, link);
        int err = i->for_pep ? publish(b, i) : 0;
        if (i->for_pep && err == 0)
            b->pep_open++;
        else if (err != 0)
            b->pep_failed(b, burble_error_text(err));
        if (err == ERR_SYNTAX) { /* it never will be */
            i->for_pep = false;
            remove_if_done(b, i);
        }
    }
}

/* -------------------------------------------------------------------------------------- messages
 */

void bridge_send(struct bridge *b)
{
    LIST_EACH(it, &b->queue.items)
    {
        struct bridge_item *i = CONTAINER_OF(it, struct bridge_item, link);
        struct burble_message_options o = {.type = BURBLE_CHAT, .id = i->key};
        if (i->to == NULL || i->under_way)
            continue;
        int err = burble_say(b->session->client, i->to, i->text, &o, NULL, NULL);
        i->under_way = err == 0;
        if (err == 0)
            b->messages_open++;
        else
            out_error("%s: %s", i->to, burble_error_text(err));
        if (err == ERR_SYNTAX)
            bridge_queue_remove(&b->queue, &i);
    }
}

void bridge_sent(struct bridge *b, const struct burble_sent_event *e)
{
    struct bridge_item *i = e->id != NULL ? find(b, e->id) : NULL;
    if (i == NULL || !i->under_way)
        return;
    b->messages_open--;
    i->under_way = false;
    if (e->error == 0) {
        bridge_queue_remove(&b->queue, &i);
        (void)bridge_queue_save(&b->queue);
    }
}

void bridge_stop(struct bridge *b)
{
    blog_cancel(&b->call);
    if (b->session != NULL && b->session->loop != NULL)
        burble_loop_unalarm(b->session->loop, b->alarm);
    b->alarm = 0;
}
