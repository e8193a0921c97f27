/* What a bot has heard and not answered yet. It is in the saved state, which also has the answers
 * that are on their way and how much was heard (burble_keep, BURBLE_ACK_SAVED): so a bot that was
 * killed goes on where it was, and answers nothing twice.
 *
 *   [{"to":"ann@example.org/phone","who":"ann@example.org","place":"room@...","type":"chat",
 *     "text":"hello","line":"...","time":1800000000000}, ...] */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "burble/bot.h"
#include "burble/message_json.h"
#include "io/clock.h"

static size_t bytes_of(const struct bot_pending *p)
{
    const char *const texts[] = {p->to, p->who, p->place, p->text, p->line};
    size_t n = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        n += texts[i] != NULL ? strlen(texts[i]) : 0;
    return n;
}

static char *copy(const char *text)
{
    return text != NULL ? mem_copy(slice_z(text)) : NULL;
}

static void forget(struct bot *b, struct bot_pending *p)
{
    list_remove(&p->link);
    b->pending_count--;
    b->pending_bytes -= bytes_of(p);
    mem_free(p->to);
    mem_free(p->who);
    mem_free(p->place);
    mem_free(p->text);
    mem_free(p->line);
    mem_free(p);
}

static void insert(struct bot *b, struct bot_pending *p)
{
    list_push(&b->pending, &p->link);
    b->pending_count++;
    b->pending_bytes += bytes_of(p);
}

struct bot_pending *bot_pending_add(struct bot *b, const struct bot_said *said, struct slice line)
{
    struct bot_pending *p = mem_new(struct bot_pending);
    *p = (struct bot_pending){.type = said->message->type,
                              .time_ms = said->message->stamp_ms,
                              .to = copy(said->to),
                              .who = copy(said->who),
                              .place = copy(said->place),
                              .text = copy(said->text),
                              .line = line.len > 0 ? mem_copy(line) : NULL};
    insert(b, p);
    return p;
}

bool bot_pending_full(const struct bot *b, size_t more)
{
    return b->pending_bytes + more > BOT_PENDING_BYTES_MAX;
}

void bot_pending_done(struct bot *b, struct bot_pending *p)
{
    forget(b, p);
    b->unsaved = true;
}

void bot_pending_save(struct bot *b)
{
    if (b->unsaved)
        session_save(b->session);
    b->unsaved = false;
}

void bot_pending_free(struct bot *b)
{
    while (b->pending_count > 0)
        forget(b, CONTAINER_OF(b->pending.next, struct bot_pending, link));
}

/* ------------------------------------------------------------------------------ the saved state */

static void put(json_t *row, const char *key, const char *value)
{
    if (value != NULL)
        json_object_set_new(row, key, json_string(value));
}

void bot_pending_keep(struct bot *b)
{
    json_t *all = json_array();
    LIST_EACH(it, &b->pending)
    {
        const struct bot_pending *p = CONTAINER_OF(it, struct bot_pending, link);
        json_t *row = json_object();
        put(row, "to", p->to);
        put(row, "who", p->who);
        put(row, "place", p->place);
        put(row, "type", message_type_text(p->type));
        put(row, "text", p->text);
        put(row, "line", p->line);
        json_object_set_new(row, "time", json_integer(p->time_ms));
        json_array_append_new(all, row);
    }
    char *text = b->pending_count > 0 ? json_dumps(all, JSON_COMPACT) : NULL;
    if (burble_keep(b->session->client, text, text != NULL ? strlen(text) : 0) != 0)
        (void)burble_keep(b->session->client, NULL, 0); /* nothing, rather than what is old */
    free(text);
    json_decref(all);
}

static char *get(const json_t *row, const char *key)
{
    return copy(json_string_value(json_object_get(row, key)));
}

/* Who was named then may not be named now, and nobody waits for answers of last week. */
static bool is_still_wanted(const struct bot *b, const struct bot_pending *p)
{
    int64_t age_ms = clock_now().wall_ms - p->time_ms;
    return p->to != NULL && p->who != NULL && p->text != NULL &&
           age_ms <= (int64_t)b->rules.age_s * 1000 && bot_allows(&b->rules, p->who, p->place);
}

void bot_pending_load(struct bot *b)
{
    size_t len, i;
    json_t *row;
    const char *kept = burble_kept(b->session->client, &len);
    json_t *all = kept != NULL ? json_loadb(kept, len, 0, NULL) : NULL;
    json_array_foreach(all, i, row)
    {
        const char *type = json_string_value(json_object_get(row, "type"));
        struct bot_pending *p = mem_new(struct bot_pending);
        *p = (struct bot_pending){.again = true,
                                  .type = BURBLE_CHAT,
                                  .time_ms = json_integer_value(json_object_get(row, "time")),
                                  .to = get(row, "to"),
                                  .who = get(row, "who"),
                                  .place = get(row, "place"),
                                  .text = get(row, "text"),
                                  .line = get(row, "line")};
        if (type != NULL)
            (void)bot_type(type, &p->type);
        insert(b, p);
        if (!is_still_wanted(b, p))
            forget(b, p);
    }
    json_decref(all);
}

void bot_pending_again(struct bot *b, const char *room)
{
    struct list *next;
    for (struct list *it = b->pending.next; it != &b->pending; it = next) {
        struct bot_pending *p = CONTAINER_OF(it, struct bot_pending, link);
        next = it->next;
        struct slice bare = slice_of(p->to, slice_find(slice_z(p->to), '/'));
        bool here = room != NULL ? slice_eq(bare, slice_z(room)) : !bot_in_room(b, p->to);
        if (!p->again || !here)
            continue;
        p->again = false;
        b->mode->again(b, p);
    }
}
