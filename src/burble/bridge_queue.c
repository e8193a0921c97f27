/* The bridge's memory: texts that are on their way, what was seen of the timeline, the last status.
 * One JSON object, written as a whole whenever something is added or done. What is read back was
 * ours, in a folder that is ours; even so it is taken only where it is what it should be. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "burble/bridge.h"
#include "burble/password.h"
#include "io/random.h"
#include "xmpp/digest.h"

enum { VERSION = 1, NAME_BYTES = 32 };

static struct bridge_item *item_at(struct list *l)
{
    return CONTAINER_OF(l, struct bridge_item, link);
}

static void make_key(char out[BRIDGE_KEY_BYTES])
{
    uint8_t bytes[(BRIDGE_KEY_BYTES - 1) / 2];
    struct rng rng;
    random_init(&rng);
    rng_bytes(&rng, bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(out + 2 * i, 3, "%02x", (unsigned)bytes[i]);
}

struct bridge_item *bridge_queue_add(struct bridge_queue *q, const char *text, const char *from)
{
    if (q->count >= BRIDGE_QUEUE_MAX)
        return NULL;
    struct bridge_item *i = mem_new(struct bridge_item);
    make_key(i->key);
    i->text = mem_copy(slice_z(text));
    if (from != NULL)
        i->from = mem_copy(slice_z(from));
    list_push(&q->items, &i->link);
    q->count++;
    return i;
}

void bridge_queue_remove(struct bridge_queue *q, struct bridge_item **item)
{
    struct bridge_item *i = *item;
    *item = NULL;
    list_remove(&i->link);
    q->count--;
    mem_free(i->text);
    mem_free(i->from);
    mem_free(i->to);
    mem_free(i);
}

void bridge_queue_own(struct bridge_queue *q, const char *id)
{
    if (id[0] == '\0' || strlen(id) >= BRIDGE_ID_BYTES || bridge_queue_is_own(q, id))
        return;
    memcpy(q->own[q->own_next], id, strlen(id) + 1);
    q->own_next = (q->own_next + 1) % BRIDGE_OWN_MAX;
}

bool bridge_queue_is_own(const struct bridge_queue *q, const char *id)
{
    for (size_t i = 0; i < BRIDGE_OWN_MAX; i++)
        if (q->own[i][0] != '\0' && strcmp(q->own[i], id) == 0)
            return true;
    return false;
}

void bridge_queue_set_status(struct bridge_queue *q, const char *text)
{
    char *copy = text != NULL ? mem_copy(slice_z(text)) : NULL;
    mem_free(q->status);
    q->status = copy;
}

/* --------------------------------------------------------------------------------------- as text
 */

static json_t *item_json(const struct bridge_item *i)
{
    json_t *row =
        json_pack("{s:s, s:o, s:b, s:b, s:b}", "key", i->key, "text", out_string(slice_z(i->text)),
                  "blog", i->for_blog, "pep", i->for_pep, "told", i->told);
    if (row != NULL && i->from != NULL)
        json_object_set_new(row, "from", out_string(slice_z(i->from)));
    if (row != NULL && i->to != NULL)
        json_object_set_new(row, "to", out_string(slice_z(i->to)));
    return row;
}

void bridge_queue_write(const struct bridge_queue *q, struct buf *out)
{
    json_t *items = json_array(), *own = json_array();
    json_t *all = json_pack("{s:i, s:s, s:o, s:o}", "v", VERSION, "since", q->since, "items", items,
                            "own", own);
    for (const struct list *it = q->items.next; all != NULL && it != &q->items; it = it->next)
        json_array_append_new(items, item_json(CONTAINER_OF(it, const struct bridge_item, link)));
    for (size_t i = 0; all != NULL && i < BRIDGE_OWN_MAX; i++) {
        const char *id = q->own[(q->own_next + i) % BRIDGE_OWN_MAX];
        if (id[0] != '\0')
            json_array_append_new(own, json_string(id));
    }
    if (all != NULL && q->status != NULL)
        json_object_set_new(all, "status", out_string(slice_z(q->status)));
    char *text = json_dumps(all, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(all);
    if (text != NULL)
        (void)buf_add(out, slice_z(text));
    else
        out->failed = 1;
    free(text);
}

static const char *text_of(const json_t *row, const char *key)
{
    return json_string_value(json_object_get(row, key));
}

static bool take_item(struct bridge_queue *q, const json_t *row)
{
    const char *text = text_of(row, "text"), *key = text_of(row, "key");
    if (text == NULL || strlen(text) > BRIDGE_TEXT_BYTES_MAX || key == NULL ||
        strlen(key) != BRIDGE_KEY_BYTES - 1 || strspn(key, "0123456789abcdef") != strlen(key))
        return false;
    struct bridge_item *i = bridge_queue_add(q, text, text_of(row, "from"));
    if (i == NULL)
        return false;
    memcpy(i->key, key, BRIDGE_KEY_BYTES);
    i->for_blog = json_is_true(json_object_get(row, "blog"));
    i->for_pep = json_is_true(json_object_get(row, "pep"));
    i->told = json_is_true(json_object_get(row, "told"));
    if (text_of(row, "to") != NULL)
        i->to = mem_copy(slice_z(text_of(row, "to")));
    return true;
}

bool bridge_queue_read(struct bridge_queue *q, struct slice text)
{
    json_t *all = json_loadb(text.ptr != NULL ? text.ptr : "", text.len, 0, NULL);
    const char *since = text_of(all, "since"), *status = text_of(all, "status");
    const json_t *items = json_object_get(all, "items"), *own = json_object_get(all, "own");
    bool good = json_integer_value(json_object_get(all, "v")) == VERSION && since != NULL &&
                (since[0] == '\0' || blog_good_id(since));
    if (good)
        memcpy(q->since, since, strlen(since) + 1);
    for (size_t i = 0; good && i < json_array_size(items); i++)
        good = take_item(q, json_array_get(items, i));
    for (size_t i = 0; good && i < json_array_size(own) && i < BRIDGE_OWN_MAX; i++)
        if (json_is_string(json_array_get(own, i)) &&
            blog_good_id(json_string_value(json_array_get(own, i))))
            bridge_queue_own(q, json_string_value(json_array_get(own, i)));
    if (good && status != NULL)
        bridge_queue_set_status(q, status);
    json_decref(all);
    return good;
}

/* --------------------------------------------------------------------------------------- the file
 */

/* "bridge-queue-", and who it is at which microblog. */
static int name_of(const struct blog *b, char out[NAME_BYTES])
{
    uint8_t digest[DIGEST_SHA256_BYTES];
    struct buf whole = {0};
    (void)buf_printf(&whole, "%d %s %s", (int)b->style, b->url, b->user != NULL ? b->user : "");
    int err = whole.failed ? ERR_MEMORY : digest_sha256(buf_slice(&whole), digest);
    buf_free(&whole);
    if (err == 0)
        snprintf(out, NAME_BYTES, "bridge-queue-%02x%02x%02x%02x%02x%02x%02x%02x", digest[0],
                 digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]);
    return err;
}

int bridge_queue_open(struct app *app, const struct blog *blog, struct bridge_queue *q)
{
    struct buf text = {0};
    char name[NAME_BYTES];
    *q = (struct bridge_queue){.app = app, .state.lock_fd = -1};
    list_init(&q->items);
    if (name_of(blog, name) != 0)
        return app_fail(app, EXIT_REFUSED, "out of memory");
    int status = state_open(app, name, &q->state);
    if (status == 0 && !state_held(&q->state))
        out_note(&app->out, "nothing is kept for later: another burble bridge of this account to"
                            " this microblog runs, or there is no place for it");
    if (status == 0)
        status = state_read(app, &q->state, &text);
    if (status == 0 && buf_len(&text) > 0 && !bridge_queue_read(q, buf_slice(&text)))
        out_error("what was kept of the last run is damaged; a part of it is lost");
    password_free(&text);
    return status;
}

int bridge_queue_save(struct bridge_queue *q)
{
    struct buf text = {0};
    if (!state_held(&q->state))
        return 0;
    bridge_queue_write(q, &text);
    int status = text.failed ? app_fail(q->app, EXIT_REFUSED, "out of memory")
                             : state_write(q->app, &q->state, buf_slice(&text));
    buf_free(&text);
    return status;
}

void bridge_queue_close(struct bridge_queue *q)
{
    while (q->items.next != NULL && !list_empty(&q->items)) {
        struct bridge_item *i = item_at(q->items.next);
        bridge_queue_remove(q, &i);
    }
    mem_free(q->status);
    q->status = NULL;
    if (q->app != NULL)
        state_close(&q->state);
}
