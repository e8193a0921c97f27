/* Whom a bot listens to: never to errors, to itself, to copies and to what a room remembers (C10),
 * not too often to anybody (C11), and to commands of those alone who are named (S12). */
#include "burble/bot.h"

#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/rng.h"
#include "io/random.h"
#include "xmpp/jid.h"

enum { MINUTE_MS = 60000, SWEEP_MS = 1000 };

struct bot_peer {
    struct hnode node;
    uint64_t since_ms; /* of this minute */
    unsigned count;    /* in it */
    bool told;
    char bare[];
};

static bool allow(struct bot_rules *r, const char *text)
{
    struct arena mem = {0};
    struct jid jid;
    bool good = jid_parse(slice_z(text), &mem, &jid) == 0 && jid.resource_len == 0;
    if (good)
        r->allowed[r->allowed_count++] = mem_copy(jid_bare(&jid));
    arena_free(&mem);
    return good;
}

int bot_rules_init(struct bot_rules *r, struct app *app)
{
    struct rng rng;
    const char *jid;
    *r = (struct bot_rules){.rate = BOT_RATE, .age_s = BOT_AGE_S};
    random_init(&rng);
    rng_bytes(&rng, &r->key, sizeof(r->key));
    r->allowed = mem_array(OPTIONS_MAX, sizeof(*r->allowed));
    for (size_t i = 0; (jid = options_get_nth(&app->options, "allow", i)) != NULL; i++)
        if (!allow(r, jid))
            return app_fail(app, EXIT_USAGE, "--allow is an address without a resource, not \"%s\"",
                            jid);
    r->all = r->allowed_count == 0;
    int status = app_option_number(app, "rate", 1, 1000000, &r->rate);
    return status != 0 ? status : app_option_number(app, "max-age", 0, 31536000, &r->age_s);
}

bool bot_allows(const struct bot_rules *r, const char *who, const char *place)
{
    for (size_t i = 0; i < r->allowed_count; i++)
        if (strcmp(r->allowed[i], who) == 0 || (place != NULL && strcmp(r->allowed[i], place) == 0))
            return true;
    return r->all;
}

static void forget(struct bot_rules *r, bool all, uint64_t now_ms)
{
    struct hnode *n = hmap_walk(&r->seen, NULL);
    while (n != NULL) {
        struct hnode *next = hmap_walk(&r->seen, n);
        struct bot_peer *p = CONTAINER_OF(n, struct bot_peer, node);
        if (all || now_ms - p->since_ms >= MINUTE_MS) {
            hmap_remove(&r->seen, n);
            mem_free(p);
        }
        n = next;
    }
}

/* Room for one more. So many strangers that there is none are nobody's business but for those who
 * are named: they are heard in any case. */
static bool make_room(struct bot_rules *r, bool named, uint64_t now_ms)
{
    if (r->seen.count < BOT_PEERS_MAX)
        return true;
    if (now_ms - r->swept_ms >= SWEEP_MS) {
        r->swept_ms = now_ms;
        forget(r, false, now_ms);
    }
    if (r->seen.count >= BOT_PEERS_MAX && named)
        forget(r, true, now_ms);
    return r->seen.count < BOT_PEERS_MAX;
}

/* NULL: so many write within a minute that nobody else can be counted. */
static struct bot_peer *peer_of(struct bot_rules *r, const char *bare, bool named, uint64_t now_ms)
{
    uint64_t hash = hash_bytes(&r->key, slice_z(bare));
    for (struct hnode *n = hmap_first(&r->seen, hash); n != NULL; n = hmap_next(n, hash)) {
        struct bot_peer *p = CONTAINER_OF(n, struct bot_peer, node);
        if (strcmp(p->bare, bare) == 0)
            return p;
    }
    if (!make_room(r, named, now_ms))
        return NULL;
    size_t len = strlen(bare) + 1;
    struct bot_peer *p = mem_alloc(sizeof(*p) + len);
    memcpy(p->bare, bare, len);
    p->since_ms = now_ms;
    hmap_insert(&r->seen, &p->node, hash);
    return p;
}

static bool is_news(const struct bot_rules *r, const struct burble_message *m, const char *own,
                    int64_t wall_ms)
{
    if (m->body == NULL || m->type == BURBLE_MESSAGE_ERROR || m->type == BURBLE_HEADLINE)
        return false;
    if (m->origin == BURBLE_DELAYED)
        return m->type != BURBLE_GROUPCHAT && strcmp(m->from, own) != 0 &&
               wall_ms - m->stamp_ms <= (int64_t)r->age_s * 1000;
    return m->origin == BURBLE_LIVE && strcmp(m->from, own) != 0;
}

enum bot_verdict bot_judge(struct bot_rules *r, const struct bot_said *said, const char *own,
                           uint64_t now_ms, int64_t wall_ms)
{
    if (!is_news(r, said->message, own, wall_ms))
        return BOT_NEVER;
    bool allowed = bot_allows(r, said->who, said->place);
    struct bot_peer *p = peer_of(r, said->message->from_bare, allowed && !r->all, now_ms);
    if (p == NULL)
        return BOT_SILENT;
    if (now_ms - p->since_ms >= MINUTE_MS) {
        p->since_ms = now_ms;
        p->count = 0;
        p->told = false;
    }
    if (p->count >= r->rate) {
        bool told = p->told;
        p->told = true;
        return told || !allowed ? BOT_SILENT : BOT_TOO_MANY;
    }
    p->count++;
    return allowed ? BOT_YES : BOT_DENIED;
}

void bot_rules_free(struct bot_rules *r)
{
    forget(r, true, 0);
    hmap_free(&r->seen);
    r->seen = (struct hmap){0};
    for (size_t i = 0; i < r->allowed_count; i++)
        mem_free(r->allowed[i]);
    mem_free(r->allowed);
    r->allowed = NULL;
    r->allowed_count = 0;
}
