/* Whom a bot listens to: never to errors, to itself, to copies and to what a room remembers (C10),
 * not too often to anybody (C11), and to commands of those alone who are named (S12). */
#include "burble/bot.h"

#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/rng.h"
#include "io/random.h"
#include "xmpp/jid.h"

enum { PEERS_MAX = 100000, MINUTE_MS = 60000 };

struct bot_peer {
    struct hnode node;
    uint64_t since_ms; /* of this minute */
    unsigned count;
    bool told;
    char bare[];
};

int bot_rules_init(struct bot_rules *r, struct app *app)
{
    struct rng rng;
    *r = (struct bot_rules){.options = &app->options, .rate = BOT_RATE, .age_s = BOT_AGE_S};
    random_init(&rng);
    rng_bytes(&rng, &r->key, sizeof(r->key));
    r->all = app_option(app, "allow") == NULL;
    const char *jid;
    for (size_t i = 0; (jid = options_get_nth(&app->options, "allow", i)) != NULL; i++) {
        struct arena mem = {0};
        struct jid parsed;
        bool good = jid_parse(slice_z(jid), &mem, &parsed) == 0 && parsed.resource_len == 0;
        arena_free(&mem);
        if (!good)
            return app_fail(app, EXIT_USAGE, "--allow is an address without a resource, not \"%s\"",
                            jid);
    }
    int status = app_option_number(app, "rate", 1, 1000000, &r->rate);
    return status != 0 ? status : app_option_number(app, "max-age", 0, 31536000, &r->age_s);
}

static bool allowed(const struct bot_rules *r, const char *bare)
{
    const char *jid;
    for (size_t i = 0; (jid = options_get_nth(r->options, "allow", i)) != NULL; i++) {
        struct arena mem = {0};
        struct jid parsed;
        bool same = jid_parse(slice_z(jid), &mem, &parsed) == 0 &&
                    slice_eq(jid_bare(&parsed), slice_z(bare));
        arena_free(&mem);
        if (same)
            return true;
    }
    return r->all;
}

static struct bot_peer *peer_of(struct bot_rules *r, const char *bare)
{
    uint64_t hash = hash_bytes(&r->key, slice_z(bare));
    for (struct hnode *n = hmap_first(&r->seen, hash); n != NULL; n = hmap_next(n, hash)) {
        struct bot_peer *p = CONTAINER_OF(n, struct bot_peer, node);
        if (strcmp(p->bare, bare) == 0)
            return p;
    }
    if (r->seen.count >= PEERS_MAX)
        bot_rules_free(r);
    size_t len = strlen(bare) + 1;
    struct bot_peer *p = mem_alloc(sizeof(*p) + len);
    memcpy(p->bare, bare, len);
    hmap_insert(&r->seen, &p->node, hash);
    return p;
}

static bool is_news(const struct bot_rules *r, const struct burble_message *m, const char *own,
                    int64_t wall_ms)
{
    if (m->body == NULL || m->type == BURBLE_MESSAGE_ERROR || m->type == BURBLE_HEADLINE)
        return false;
    if (m->origin == BURBLE_DELAYED)
        return m->type != BURBLE_GROUPCHAT && wall_ms - m->stamp_ms <= (int64_t)r->age_s * 1000;
    return m->origin == BURBLE_LIVE && strcmp(m->from, own) != 0;
}

enum bot_verdict bot_judge(struct bot_rules *r, const struct burble_message *m, const char *own,
                           uint64_t now_ms, int64_t wall_ms)
{
    if (!is_news(r, m, own, wall_ms))
        return BOT_NEVER;
    struct bot_peer *p = peer_of(r, m->from_bare);
    if (p->count == 0 || now_ms - p->since_ms >= MINUTE_MS) {
        p->since_ms = now_ms;
        p->count = 0;
        p->told = false;
    }
    if (p->count >= r->rate) {
        bool told = p->told;
        p->told = true;
        return told || !allowed(r, m->from_bare) ? BOT_SILENT : BOT_TOO_MANY;
    }
    p->count++;
    return allowed(r, m->from_bare) ? BOT_YES : BOT_DENIED;
}

void bot_rules_free(struct bot_rules *r)
{
    struct hnode *n = hmap_walk(&r->seen, NULL);
    while (n != NULL) {
        struct hnode *next = hmap_walk(&r->seen, n);
        hmap_remove(&r->seen, n);
        mem_free(CONTAINER_OF(n, struct bot_peer, node));
        n = next;
    }
    hmap_free(&r->seen);
    r->seen = (struct hmap){0};
}
