/* burble roster: contacts and subscriptions, who is there, and who hides (S3, S13). What the last
 * run saw is kept, so that the server need not say all of it again. */
#include "burble/roster.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "burble/session.h"
#include "burble/state.h"
#include "burble/text.h"

enum {
    TICK_MS = 250,
    QUIET_TICKS = 4,    /* no presence came for so long: all that comes has come */
    SETTLE_TICKS = 20,  /* not waiting longer */
    SUSPECT_TICKS = 12, /* who has gone is asked for after that */
    PROBES_AT_ONCE = 20,
    GROUPS_MAX = 100,
    JID_COLUMNS_MAX = 50,
};

static const struct option_row OPTIONS[] = {
    {"presence", NULL, "who is there, too", 0, false},
    {"probe", NULL, "ask for those who are not: are they hiding?", 0, false},
    {"watch", NULL, "stay, and tell what changes", 0, false},
    {"name", "NAME", "with add: name of the contact", 0, false},
    {"group", "GROUP", "with add: group of the contact", 0, true},
    {"message", "TEXT", "with subscribe: what is said with it", 0, false},
    {NULL, NULL, NULL, 0, false},
};

enum action { LIST, ADD, REMOVE, SUBSCRIBE, UNSUBSCRIBE, APPROVE, DENY };
static const char *const ACTIONS[] = {
    [LIST] = "list",
    [ADD] = "add",
    [REMOVE] = "remove",
    [SUBSCRIBE] = "subscribe",
    [UNSUBSCRIBE] = "unsubscribe",
    [APPROVE] = "approve",
    [DENY] = "deny",
};

/* A contact that has just gone, or so it seems. */
struct suspect {
    char *jid;
    unsigned ticks;
};

struct work {
    struct session session;
    struct burble_roster *roster;
    struct state cache;
    enum action action;
    char **jids;
    size_t jid_count;
    bool presence, probe, watch;
    unsigned open, errors; /* of an action */
    bool announced, ticking, settled, listed;
    unsigned ticks, quiet;
    size_t probe_next;
    unsigned probing;
    struct suspect *suspects;
    size_t suspect_count;
};

static void keep(struct work *w)
{
    void *bytes;
    size_t len;
    if (!state_held(&w->cache) || burble_roster_save(w->roster, &bytes, &len) != 0)
        return;
    (void)state_write(w->session.app, &w->cache, slice_of(bytes, len));
    free(bytes);
}

static void fail(struct work *w, const char *what, int err)
{
    bool syntax = err == BURBLE_ERR_SYNTAX;
    session_end(&w->session,
                app_fail(w->session.app, syntax ? EXIT_USAGE : EXIT_REFUSED, "%s: %s", what,
                         syntax ? "no address, or characters that XML cannot carry"
                                : burble_error_text(err)));
}

/* -------------------------------------------------------------------------------- what is shown */

static json_t *resources_json(const struct burble_contact *k)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < k->resource_count; i++) {
        const struct burble_resource *x = &k->resources[i];
        json_t *row = json_pack("{s:o, s:b, s:b, s:s, s:i, s:I}", "resource",
                                out_string(slice_z(x->resource)), "available", x->available,
                                "hidden", x->hidden, "show", burble_show_text(x->show), "priority",
                                x->priority, "since_ms", (json_int_t)x->since_ms);
        if (row != NULL && x->status != NULL)
            json_object_set_new(row, "status", out_string(slice_z(x->status)));
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *contact_json(const struct work *w, const char *kind, const struct burble_contact *k)
{
    json_t *groups = json_array();
    for (size_t i = 0; i < k->group_count; i++)
        json_array_append_new(groups, out_string(slice_z(k->groups[i])));
    json_t *row = json_pack("{s:s, s:o, s:s, s:b, s:b, s:o}", "kind", kind, "jid",
                            out_string(slice_z(k->jid)), "subscription",
                            burble_subscription_text(k->subscription), "ask", k->ask, "approved",
                            k->approved, "groups", groups);
    if (row != NULL && k->name != NULL)
        json_object_set_new(row, "name", out_string(slice_z(k->name)));
    if (row != NULL && w->presence) {
        json_object_set_new(row, "state", json_string(burble_contact_state_text(k->state)));
        json_object_set_new(row, "resources", resources_json(k));
    }
    return row;
}

static void cell(struct buf *line, const char *text, size_t width)
{
    size_t columns = text_width(slice_z(text), TEXT_NAME);
    (void)text_show(slice_z(text), TEXT_NAME, line);
    for (; columns < width + 2; columns++)
        buf_byte(line, ' ');
}

/* Address, state, subscription, name, groups. */
static void contact_line(struct work *w, const struct burble_contact *k, size_t width)
{
    struct buf line = {0};
    cell(&line, k->jid, width);
    if (w->presence)
        cell(&line, burble_contact_state_text(k->state), sizeof("unknown") - 1);
    cell(&line, k->ask ? "asked" : burble_subscription_text(k->subscription), sizeof("asked") - 1);
    if (k->name != NULL)
        (void)text_show(slice_z(k->name), TEXT_NAME, &line);
    for (size_t i = 0; i < k->group_count; i++) {
        buf_lit(&line, " [");
        (void)text_show(slice_z(k->groups[i]), TEXT_NAME, &line);
        buf_byte(&line, ']');
    }
    size_t len = buf_len(&line);
    while (len > 0 && buf_slice(&line).ptr[len - 1] == ' ')
        len--;
    buf_truncate(&line, len);
    buf_byte(&line, '\n');
    (void)out_bytes(&w->session.app->out, buf_slice(&line));
    buf_free(&line);
}

static void list(struct work *w)
{
    struct out *o = &w->session.app->out;
    size_t width = 0, n = burble_roster_count(w->roster);
    for (size_t i = 0; i < n; i++) {
        size_t columns = text_width(slice_z(burble_roster_at(w->roster, i)->jid), TEXT_NAME);
        width = columns > width ? columns : width;
    }
    width = width > JID_COLUMNS_MAX ? JID_COLUMNS_MAX : width;
    for (size_t i = 0; i < n; i++) {
        const struct burble_contact *k = burble_roster_at(w->roster, i);
        if (o->json)
            (void)out_json(o, contact_json(w, "contact", k));
        else
            contact_line(w, k, width);
    }
    w->listed = true;
    if (!w->watch)
        session_end(&w->session, EXIT_DONE);
}

static void stop_when_unread(struct work *w)
{
    if (!out_open(&w->session.app->out))
        session_end(&w->session, EXIT_INTERRUPTED);
}

/* --------------------------------------------------------------------- who is there, who is not */

static void tick(void *arg);

static void start_ticking(struct work *w)
{
    if (!w->ticking)
        w->ticking = burble_loop_alarm(w->session.loop, TICK_MS, tick, w, NULL) == 0;
}

static void show_presence(struct work *w, const struct burble_contact *k,
                          const struct burble_resource *x)
{
    struct out *o = &w->session.app->out;
    bool there = x != NULL && x->available;
    if (o->json) {
        json_t *row = contact_json(w, "presence", k);
        if (row != NULL && x != NULL)
            json_object_set_new(row, "resource", out_string(slice_z(x->resource)));
        (void)out_json(o, row);
    } else {
        const char *state = there                               ? burble_show_text(x->show)
                            : x != NULL && x->hidden            ? "hiding"
                            : k->state == BURBLE_CONTACT_HIDDEN ? "hiding"
                                                                : "gone";
        (void)out_line(o, "%s is %s%s%s", x != NULL ? x->jid : k->jid, state,
                       there && x->status != NULL ? ": " : "",
                       there && x->status != NULL ? x->status : "");
    }
    stop_when_unread(w);
}

static void suspect(struct work *w, const char *jid)
{
    for (size_t i = 0; i < w->suspect_count; i++)
        if (strcmp(w->suspects[i].jid, jid) == 0)
            return;
    w->suspects = mem_resize(w->suspects, w->suspect_count + 1, sizeof(*w->suspects));
    w->suspects[w->suspect_count++] = (struct suspect){.jid = mem_copy(slice_z(jid))};
    start_ticking(w);
}

static void on_presence(struct burble_roster *r, const struct burble_contact *k,
                        const struct burble_resource *x, void *arg)
{
    struct work *w = arg;
    (void)r;
    w->quiet = 0;
    if (!w->watch || !w->listed || w->session.ending)
        return;
    if (k->state == BURBLE_CONTACT_OFFLINE)
        suspect(w, k->jid);
    show_presence(w, k, x);
}

static void next_probes(struct work *w);

static void on_probe(struct burble_roster *r, const struct burble_contact *k,
                     const struct burble_probe *probe, void *arg)
{
    struct work *w = arg;
    (void)r;
    w->probing--;
    if (!w->listed)
        next_probes(w);
    else if (k != NULL && probe->state == BURBLE_CONTACT_HIDDEN && probe->answered == 0)
        show_presence(w, k, NULL);
}

/* Those who should be seen, and are not. */
static void next_probes(struct work *w)
{
    while (w->probing < PROBES_AT_ONCE && w->probe_next < burble_roster_count(w->roster)) {
        const struct burble_contact *k = burble_roster_at(w->roster, w->probe_next++);
        if (k->state == BURBLE_CONTACT_OFFLINE &&
            burble_roster_probe(w->roster, k->jid, on_probe, w) == 0)
            w->probing++;
    }
    if (w->probing == 0)
        list(w);
}

static void ask_for_suspects(struct work *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->suspect_count; i++) {
        struct suspect *s = &w->suspects[i];
        if (++s->ticks < SUSPECT_TICKS) {
            w->suspects[n++] = *s;
            continue;
        }
        const struct burble_contact *k = burble_roster_find(w->roster, s->jid);
        if (k != NULL && k->state == BURBLE_CONTACT_OFFLINE &&
            burble_roster_probe(w->roster, s->jid, on_probe, w) == 0)
            w->probing++;
        mem_free(s->jid);
    }
    w->suspect_count = n;
}

static void tick(void *arg)
{
    struct work *w = arg;
    w->ticking = false;
    if (w->session.ending)
        return;
    ask_for_suspects(w);
    if (!w->settled && (++w->ticks >= SETTLE_TICKS || ++w->quiet >= QUIET_TICKS)) {
        w->settled = true;
        if (w->probe)
            next_probes(w);
        else
            list(w);
    }
    if (!w->settled || w->suspect_count > 0)
        start_ticking(w);
}

/* ------------------------------------------------------------------------------------- changes */

/* The server answers in order: what it says of subscriptions comes before this. */
static void fenced(struct burble *c, const struct burble_iq *answer, void *arg)
{
    struct work *w = arg;
    (void)c, (void)answer;
    session_end(&w->session, w->errors > 0 ? EXIT_REFUSED : EXIT_DONE);
}

static void fence(struct work *w)
{
    if (burble_get(w->session.client, burble_domain(w->session.client),
                   "<ping xmlns='urn:xmpp:ping'/>", 10000, fenced, w, NULL) != 0)
        session_end(&w->session, EXIT_DONE);
}

static void done(struct burble *c, const struct burble_iq *answer, void *arg)
{
    struct work *w = arg;
    (void)c;
    if (answer->outcome != BURBLE_IQ_RESULT)
        session_refused(&w->session, w->jid_count == 1 ? w->jids[0] : "the roster", answer->outcome,
                        &answer->error);
    else if (--w->open == 0)
        fence(w);
}

static int change(struct work *w, const char *jid)
{
    const struct app *app = w->session.app;
    const char *groups[GROUPS_MAX];
    size_t count = 0;
    switch (w->action) {
    case ADD:
        while (count < GROUPS_MAX &&
               (groups[count] = options_get_nth(&app->options, "group", (unsigned)count)) != NULL)
            count++;
        w->open++;
        return burble_roster_set(w->roster, jid, app_option(app, "name"), groups, count, done, w);
    case REMOVE:
        w->open++;
        return burble_roster_remove(w->roster, jid, done, w);
    case SUBSCRIBE:
        return burble_roster_subscribe(w->roster, jid, app_option(app, "message"));
    case UNSUBSCRIBE:
        return burble_roster_unsubscribe(w->roster, jid);
    case APPROVE:
        return burble_roster_approve(w->roster, jid);
    default:
        return burble_roster_cancel(w->roster, jid);
    }
}

static void change_all(struct work *w)
{
    for (size_t i = 0; i < w->jid_count; i++) {
        int err = change(w, w->jids[i]);
        if (err == 0)
            continue;
        fail(w, w->jids[i], err);
        return;
    }
    if (w->open == 0)
        fence(w);
}

/* --------------------------------------------------------------------------- what comes of itself
 */

static void on_ready(struct burble_roster *r, const struct burble_stanza_error *error, void *arg)
{
    struct work *w = arg;
    (void)r;
    if (error != NULL) {
        session_refused(&w->session, "the roster", BURBLE_IQ_ERROR, error);
        return;
    }
    keep(w);
    if (w->action != LIST) {
        change_all(w);
    } else if (!w->presence) {
        list(w);
    } else if (!w->announced) {
        w->announced = true;
        /* Below 0: no message is meant for us. */
        int err = burble_set_presence(w->session.client, BURBLE_SHOW_ONLINE, NULL, -1, NULL);
        if (err != 0)
            fail(w, "the presence", err);
        start_ticking(w);
    }
}

static void on_changed(struct burble_roster *r, const struct burble_contact *k, void *arg)
{
    struct work *w = arg;
    (void)r;
    keep(w);
    if (!w->watch || !w->listed || w->session.ending)
        return;
    if (w->session.app->out.json)
        (void)out_json(&w->session.app->out, contact_json(w, "changed", k));
    else
        contact_line(w, k, 0);
    stop_when_unread(w);
}

static void on_removed(struct burble_roster *r, const char *jid, void *arg)
{
    struct work *w = arg;
    struct out *o = &w->session.app->out;
    (void)r;
    keep(w);
    if (!w->watch || !w->listed || w->session.ending)
        return;
    if (o->json)
        (void)out_json(o,
                       json_pack("{s:s, s:o}", "kind", "removed", "jid", out_string(slice_z(jid))));
    else
        (void)out_line(o, "%s is no contact any more", jid);
    stop_when_unread(w);
}

static void on_request(struct burble_roster *r, const char *jid, const char *status, void *arg)
{
    struct work *w = arg;
    struct out *o = &w->session.app->out;
    (void)r;
    if (w->action != LIST || w->session.ending)
        return;
    if (o->json) {
        json_t *row = json_pack("{s:s, s:o}", "kind", "request", "jid", out_string(slice_z(jid)));
        if (row != NULL && status != NULL)
            json_object_set_new(row, "status", out_string(slice_z(status)));
        (void)out_json(o, row);
    } else {
        (void)out_line(o, "%s asks to see your presence%s%s", jid, status != NULL ? ": " : "",
                       status != NULL ? status : "");
    }
    stop_when_unread(w);
}

/* A subscription that could not be asked for. */
static void presence(struct session *s, const struct burble_presence *p)
{
    struct work *w = s->arg;
    if (w->action == LIST || p->type != BURBLE_PRESENCE_ERROR)
        return;
    session_say_error(p->from, &p->error);
    w->errors++;
}

/* ------------------------------------------------------------------------------------ the command
 */

static int open_roster(struct work *w)
{
    struct buf cache = {0};
    struct burble_roster_config config =
        BURBLE_ROSTER_CONFIG(.arg = w, .ready = on_ready, .changed = on_changed,
                             .removed = on_removed, .request = on_request, .presence = on_presence);
    int status = state_open(w->session.app, "contacts", &w->cache);
    if (status == 0)
        status = state_read(w->session.app, &w->cache, &cache);
    if (status != 0)
        return status;
    config.cache = buf_slice(&cache).ptr;
    config.cache_len = buf_len(&cache);
    int err = burble_roster_new(w->session.client, &config, &w->roster);
    if (err == BURBLE_ERR_CORRUPT) { /* it is only a cache */
        config.cache_len = 0;
        err = burble_roster_new(w->session.client, &config, &w->roster);
    }
    buf_free(&cache);
    return err == 0
               ? 0
               : app_fail(w->session.app, EXIT_REFUSED, "cannot start: %s", burble_error_text(err));
}

static int read_action(struct app *app, struct work *w, int argc, char **argv)
{
    if (argc == 0)
        return 0;
    while (w->action < DENY && strcmp(argv[0], ACTIONS[w->action]) != 0)
        w->action++;
    if (strcmp(argv[0], ACTIONS[w->action]) != 0)
        return app_fail(app, EXIT_USAGE,
                        "expected add, remove, subscribe, unsubscribe, approve, deny or list, "
                        "not \"%s\"",
                        argv[0]);
    w->jids = argv + 1;
    w->jid_count = (size_t)argc - 1;
    if ((w->action == LIST) == (w->jid_count > 0))
        return app_fail(app, EXIT_USAGE,
                        w->action == LIST ? "list takes no address" : "%s needs an address",
                        argv[0]);
    return 0;
}

static int run(struct app *app, int argc, char **argv)
{
    static const struct session_ops OPS = {.presence = presence};
    struct work w = {.cache = {.lock_fd = -1},
                     .probe = app_option(app, "probe") != NULL,
                     .watch = app_option(app, "watch") != NULL};
    w.presence = w.probe || w.watch || app_option(app, "presence") != NULL;
    int status = read_action(app, &w, argc, argv);
    if (status != 0)
        return status;
    status = session_open(
        app, &OPS, &w, &(struct session_options){.stay = w.watch && w.action == LIST}, &w.session);
    if (status == 0)
        status = open_roster(&w);
    if (status == 0)
        status = session_run(&w.session);
    session_close(&w.session);
    state_close(&w.cache);
    while (w.suspect_count > 0)
        mem_free(w.suspects[--w.suspect_count].jid);
    mem_free(w.suspects);
    return status;
}

const struct command CMD_ROSTER = {
    .name = "roster",
    .shown = "[ACTION JID...]",
    .args_max = COMMAND_MANY,
    .account = true,
    .options = OPTIONS,
    .line = "list and change contacts, see who is there",
    .help = "Without an action, lists the contacts: address, subscription, name, groups.\n"
            "The actions: add (with --name and --group; also changes them), remove,\n"
            "subscribe (ask to see their presence), unsubscribe, approve (let them see\n"
            "yours), deny (do not, or not any more).\n"
            "With --presence it says who is there; with --probe those who are not are\n"
            "asked for, and who is connected all the same is \"hidden\". With --watch it\n"
            "stays and tells what changes, who asks to see your presence, and of those\n"
            "who go, whether they only hide.",
    .run = run,
};
