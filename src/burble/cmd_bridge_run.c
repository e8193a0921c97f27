/* burble bridge run: both directions for as long as it runs (S7). What those who are allowed write
 * to the account is posted and shown as status; what is new in the timeline comes as messages. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "burble/answers.h"
#include "burble/bridge.h"
#include "burble/bridge_options.h"
#include "burble/disco.h"
#include "io/clock.h"

enum { POLL_MAX_S = 3600, DEVICES_MAX = 32, LAST_MS = 5000, AGAIN_AT_ONCE_S = 1 };

static const struct option_row OPTIONS[] = {
    BRIDGE_ROWS,
    {"allow", "JID", "post what this address writes", 0, true},
    {"own-status", NULL, "post what other devices of the account show", 0, false},
    {"timeline", "NAME", "home or public (twitter: user, friends): home", 0, false},
    {"poll", "SECONDS", "between looks at the timeline: 60", 0, false},
    {"rate", "N", "messages of one address in a minute: 60", 0, false},
    {"max-age", "SECONDS", "of messages that waited somewhere: 3600", 0, false},
    {NULL, NULL, NULL, 0, false},
};

struct shown {
    char *resource, *status;
};

struct run {
    struct bridge b;
    struct bot_rules rules;
    const char *to[BRIDGE_TO_MAX];
    size_t to_count;
    bool status, own_status, pep;
    unsigned poll_s;
    struct blog_call *look;
    uint64_t alarm;  /* of the next look */
    uint32_t wait_s; /* after looks that failed; 0: the last one was good */
    size_t unsent;   /* messages of the last look that the server has not taken */
    char next_since[BRIDGE_ID_BYTES];
    char half[BRIDGE_ID_BYTES]; /* post for which there was no room any more, "" none, */
    size_t half_to;             /* from this address on */
    struct shown shown[DEVICES_MAX];
    size_t shown_next;
    bool settled; /* what is there when we come has come */
};

static void look(void *arg);

static void look_in(struct run *w, uint32_t s)
{
    if (w->to_count == 0 || w->alarm != 0)
        return;
    if (burble_loop_alarm(w->b.session->loop, s * 1000, look, w, &w->alarm) != 0)
        out_error("out of memory; the timeline is not looked at any more");
}

/* ------------------------------------------------------------------------ from XMPP to the
 * microblog
 */

static void answer(struct run *w, const char *to, const char *what, const char *text)
{
    struct buf line = {0}, clean = {0};
    struct burble_message_options o = {.type = BURBLE_CHAT};
    (void)buf_printf(&line, "%s%s", what, text);
    bot_clean(buf_slice(&line), BOT_REPLY_BYTES_MAX, &clean);
    int err = clean.failed
                  ? ERR_MEMORY
                  : burble_say(w->b.session->client, to, buf_slice(&clean).ptr, &o, NULL, NULL);
    if (err != 0)
        out_error("the answer to %s was not sent: %s", to, burble_error_text(err));
    buf_free(&line);
    buf_free(&clean);
}

static void show_status(struct run *w, const char *text)
{
    if (w->status)
        (void)burble_set_presence(w->b.session->client, BURBLE_SHOW_ONLINE, text, 0, NULL);
}

/* from NULL: it is a status of our own. */
static void take(struct run *w, const char *text, const char *from)
{
    struct bridge_item *i = bridge_queue_add(&w->b.queue, text, from);
    if (i == NULL) {
        if (from != NULL)
            answer(w, from, "", "Too much is waiting for the microblog; this was not taken.");
        else
            out_error("too much is waiting for the microblog; a status was not taken");
        return;
    }
    i->for_blog = true;
    i->for_pep = w->pep;
    bridge_queue_set_status(&w->b.queue, text);
    (void)bridge_queue_save(&w->b.queue);
    if (from != NULL)
        show_status(w, text);
    if (burble_state(w->b.session->client) == BURBLE_ONLINE)
        bridge_publish(&w->b);
    bridge_pump(&w->b);
}

static void message(struct session *s, const struct burble_message *m)
{
    struct run *w = s->arg;
    struct now now = clock_now();
    struct bot_said said = {.message = m, .text = m->body, .to = m->from, .who = m->from_bare};
    if (s->ending || m->type == BURBLE_GROUPCHAT || w->rules.all)
        return;
    switch (bot_judge(&w->rules, &said, burble_jid(s->client), now.mono_ms, now.wall_ms)) {
    case BOT_YES:
        if (strlen(m->body) > BRIDGE_TEXT_BYTES_MAX)
            answer(w, m->from, "", "That is too long.");
        else if (m->body[strspn(m->body, " \t\r\n")] != '\0')
            take(w, m->body, m->from);
        return;
    case BOT_DENIED:
        answer(w, m->from, "", "Access denied");
        return;
    case BOT_TOO_MANY:
        answer(w, m->from, "", "That is too much; wait a minute.");
        return;
    case BOT_NEVER:
    case BOT_SILENT:
        return;
    }
}

/* What a device of the account has shown; a place for it. */
static struct shown *shown_by(struct run *w, const char *resource)
{
    struct shown *at = &w->shown[w->shown_next];
    for (size_t i = 0; i < DEVICES_MAX; i++)
        if (w->shown[i].resource != NULL && strcmp(w->shown[i].resource, resource) == 0)
            return &w->shown[i];
    w->shown_next = (w->shown_next + 1) % DEVICES_MAX;
    mem_free(at->resource);
    mem_free(at->status);
    *at = (struct shown){.resource = mem_copy(slice_z(resource))};
    return at;
}

/* What another device of the account shows. What is there when we come is nothing new. */
static void presence(struct session *s, const struct burble_presence *p)
{
    struct run *w = s->arg;
    if (!w->own_status || p->type != BURBLE_AVAILABLE || p->resource == NULL ||
        strcmp(p->from_bare, burble_bare_jid(s->client)) != 0 ||
        strcmp(p->from, burble_jid(s->client)) == 0)
        return;
    struct shown *d = shown_by(w, p->resource);
    const char *text = p->status != NULL ? p->status : "";
    const char *before = d->status != NULL ? d->status : w->b.queue.status;
    bool news = before == NULL || strcmp(before, text) != 0;
    mem_free(d->status);
    d->status = mem_copy(slice_z(text));
    if (news && w->settled && text[strspn(text, " \t\r\n")] != '\0' &&
        strlen(text) <= BRIDGE_TEXT_BYTES_MAX)
        take(w, text, NULL);
}

static void settled(struct burble *c, const struct burble_iq *answer, void *arg)
{
    struct run *w = arg;
    (void)c;
    w->settled = answer->outcome != BURBLE_IQ_GONE;
}

static void told(struct bridge *b, struct bridge_item *i, const struct blog_result *r)
{
    struct run *w = b->work;
    if (r->outcome == BLOG_DONE) {
        const char *what = r->posts[0].link != NULL ? r->posts[0].link : r->posts[0].id;
        out_detail(&b->app->out, "microblog: %s", what);
        if (i->from != NULL)
            answer(w, i->from, "Posted: ", what);
        return;
    }
    bool kept = r->outcome != BLOG_REFUSED;
    out_error("microblog: %s%s", r->why, kept ? "; trying again later" : "");
    if (i->from != NULL && (!kept || !i->told))
        answer(w, i->from,
               kept ? "Not posted yet, it is tried again later: " : "Not posted: ", r->why);
}

static void pep_failed(struct bridge *b, const char *why)
{
    (void)b;
    out_error("PEP: %s", why);
}

static void idle(struct bridge *b)
{
    (void)b;
}

/* ------------------------------------------------------------------------ from the microblog to
 * XMPP
 */

static void forget_sent(struct run *w)
{
    if (w->unsent > 0 || w->next_since[0] == '\0')
        return;
    memcpy(w->b.queue.since, w->next_since, sizeof(w->next_since));
    w->next_since[0] = '\0';
    (void)bridge_queue_save(&w->b.queue);
}

/* Is it the id of a message of the last look? Others were sent before a restart. */
static bool is_ours(const struct run *w, const char *id)
{
    char post[BRIDGE_ID_BYTES];
    const char *end = strrchr(id, '-');
    if (strncmp(id, "post-", 5) != 0 || end < id + 5 || (size_t)(end - id - 5) >= sizeof(post))
        return false;
    snprintf(post, sizeof(post), "%.*s", (int)(end - id - 5), id + 5);
    return blog_newer(post, w->b.queue.since);
}

static void sent(struct session *s, const struct burble_sent_event *e)
{
    struct run *w = s->arg;
    if (e->error != 0)
        out_error("a message was not sent: %s", burble_error_text(e->error));
    bridge_sent(&w->b, e);
    if (e->id != NULL && is_ours(w, e->id) && w->unsent > 0) {
        w->unsent--;
        forget_sent(w);
    }
}

static int hand_on(struct run *w, const struct blog_post *p, size_t number)
{
    struct buf line = {0}, clean = {0};
    char id[BRIDGE_ID_BYTES + 32];
    struct burble_message_options o = {.type = BURBLE_CHAT, .id = id};
    (void)buf_printf(&line, "%s%s%s%s: %s%s%s", p->name != NULL ? p->name : "",
                     p->name != NULL ? " (" : "", p->author, p->name != NULL ? ")" : "", p->text,
                     p->link != NULL ? "\n" : "", p->link != NULL ? p->link : "");
    bot_clean(buf_slice(&line), BOT_REPLY_BYTES_MAX, &clean);
    /* The same after a crash, so that whoever has it knows. */
    snprintf(id, sizeof(id), "post-%s-%zu", p->id, number);
    int err = clean.failed ? ERR_MEMORY
                           : burble_say(w->b.session->client, w->to[number], buf_slice(&clean).ptr,
                                        &o, NULL, NULL);
    if (err == 0)
        w->unsent++;
    else if (err == ERR_SYNTAX) /* it never will be */
        out_error("a post was not sent to %s: %s", w->to[number], burble_error_text(err));
    buf_free(&line);
    buf_free(&clean);
    return err == ERR_SYNTAX ? 0 : err;
}

/* To everybody. False: the session takes no more now; the rest has to wait. */
static bool hand_out(struct run *w, const struct blog_post *p)
{
    size_t n = strcmp(w->half, p->id) == 0 ? w->half_to : 0;
    w->half[0] = '\0';
    for (; n < w->to_count; n++)
        if (hand_on(w, p, n) != 0) {
            memcpy(w->half, p->id, sizeof(p->id));
            w->half_to = n;
            out_detail(&w->b.app->out, "the queue of the session is full; the rest waits");
            return false;
        }
    return true;
}

static void looked(const struct blog_result *r, void *arg)
{
    struct run *w = arg;
    bool first = w->b.queue.since[0] == '\0', room = true;
    w->look = NULL;
    if (r->outcome != BLOG_DONE) {
        w->wait_s = bridge_backoff(w->wait_s, r->retry_after_s);
        out_error("microblog: the timeline: %s; trying again later", r->why);
        look_in(w, w->wait_s > w->poll_s ? w->wait_s : w->poll_s);
        return;
    }
    w->wait_s = 0;
    if (w->b.call != NULL) { /* what is being posted may be in it already, and is not known yet */
        look_in(w, AGAIN_AT_ONCE_S);
        return;
    }
    for (size_t i = 0; i < r->count && room; i++) {
        const struct blog_post *p = &r->posts[i];
        if (!blog_newer(p->id, w->b.queue.since) || !blog_newer(p->id, w->next_since))
            continue;
        /* What is there at the first start is no news, and what we post is none to us. */
        room = first || bridge_queue_is_own(&w->b.queue, p->id) || hand_out(w, p);
        if (room)
            memcpy(w->next_since, p->id, sizeof(p->id));
    }
    bool more = r->count == BRIDGE_POSTS_MAX && !first && w->next_since[0] != '\0';
    if (first && r->count == 0)
        memcpy(w->next_since, "0", 2); /* from now on all is new */
    forget_sent(w);
    look_in(w, more || !room ? AGAIN_AT_ONCE_S : w->poll_s);
}

static void look(void *arg)
{
    struct run *w = arg;
    w->alarm = 0;
    if (w->b.session->ending)
        return;
    /* One thing at a time: what is being posted would look like somebody's, and what was not taken
     * by the server would be read again. */
    if (w->b.call != NULL || w->unsent > 0 || burble_state(w->b.session->client) != BURBLE_ONLINE) {
        look_in(w, AGAIN_AT_ONCE_S);
        return;
    }
    int err = blog_look(&w->b.blog, w->b.queue.since, looked, w, &w->look);
    if (err != 0) {
        out_error("the timeline cannot be asked for: %s", err_text(err));
        look_in(w, w->poll_s);
    }
}

/* ------------------------------------------------------------------------------------------- life
 */

static void online(struct session *s, bool resumed)
{
    struct run *w = s->arg;
    if (!resumed)
        (void)burble_set_presence(s->client, BURBLE_SHOW_ONLINE,
                                  w->status ? w->b.queue.status : NULL, 0, NULL);
    if (resumed)
        w->settled = true;
    else
        w->settled = burble_get(s->client, burble_domain(s->client),
                                "<ping xmlns='urn:xmpp:ping'/>", 0, settled, w, NULL) != 0;
    bridge_publish(&w->b);
    bridge_send(&w->b);
}

static int read_options(struct app *app, struct run *w)
{
    w->status = app_option(app, "no-status") == NULL;
    w->own_status = app_option(app, "own-status") != NULL;
    w->pep = app_option(app, "pep") != NULL;
    w->poll_s = BRIDGE_POLL_S;
    int status = app_option_number(app, "poll", 1, POLL_MAX_S, &w->poll_s);
    if (status == 0)
        status = bridge_read_to(app, w->to, &w->to_count);
    if (status == 0)
        status = bot_rules_init(&w->rules, app);
    if (status == 0 && w->to_count == 0 && w->rules.all && !w->own_status)
        status =
            app_fail(app, EXIT_USAGE,
                     "nothing to do: --allow JID and --own-status are what is posted, --to JID "
                     "gets what is new");
    return status == 0 ? bridge_open(app, &w->b) : status;
}

static int begin(struct run *w, struct session *s)
{
    int status = bridge_begin(&w->b, s);
    int err = status == 0 ? burble_answer_usual(s->client) : 0;
    if (err == 0 && status == 0)
        err = burble_set_identity(s->client, "client", "bot", NULL);
    if (err != 0)
        status = app_fail(w->b.app, EXIT_REFUSED, "%s", burble_error_text(err));
    if (status == 0) {
        bridge_pump(&w->b);
        look_in(w, 0);
    }
    return status;
}

static void hurry(void *arg)
{
    *(bool *)arg = true;
}

/* What is being posted is heard out, for a moment: else it would be posted again the next time. */
static void hear_out(struct run *w, struct session *s)
{
    bool late = false;
    uint64_t alarm = 0;
    w->b.stopping = true;
    if (w->b.call == NULL || burble_loop_alarm(s->loop, LAST_MS, hurry, &late, &alarm) != 0)
        return;
    while (w->b.call != NULL && !late && burble_loop_wait(s->loop, -1) == 0)
        ;
    burble_loop_unalarm(s->loop, alarm);
}

static int run(struct app *app, int argc, char **argv)
{
    static const struct session_ops OPS = {
        .online = online, .message = message, .presence = presence, .sent = sent};
    /* What other devices get and send is none of ours, so no copies of it. */
    static const struct session_options options = {
        .stay = true, .purpose = "bridge", .flags = BURBLE_NO_CARBONS};
    struct session s = {0};
    struct run *w = mem_new(struct run);
    (void)argc, (void)argv;
    w->b.told = told;
    w->b.pep_failed = pep_failed;
    w->b.idle = idle;
    w->b.work = w;
    int status = read_options(app, w);
    if (status == 0)
        status = session_open(app, &OPS, w, &options, &s);
    if (status == 0)
        status = begin(w, &s);
    if (status == 0) {
        status = session_run(&s);
        hear_out(w, &s);
    }
    blog_cancel(&w->look);
    if (status == EXIT_INTERRUPTED && state_held(&w->b.queue.state)) {
        w->unsent = 0; /* the session was saved with them */
        forget_sent(w);
    }
    if (s.loop != NULL)
        burble_loop_unalarm(s.loop, w->alarm);
    bridge_close(&w->b);
    session_close(&s);
    bot_rules_free(&w->rules);
    for (size_t i = 0; i < DEVICES_MAX; i++) {
        mem_free(w->shown[i].resource);
        mem_free(w->shown[i].status);
    }
    mem_free(w);
    return status;
}

const struct command CMD_BRIDGE_RUN = {
    .name = "bridge run",
    .shown = "",
    .account = true,
    .options = OPTIONS,
    .line = "stand between XMPP and a microblog, both ways",
    .help = "What those whom --allow names write to the account is posted to the microblog\n"
            "and shown as status, and they are told what became of it. What is new in the\n"
            "timeline comes as messages to those whom --to names; what was there at the\n"
            "first start, and what the bridge has posted, is not.\n\n"
            "What one side does not take waits, is tried again later and later, and\n"
            "outlives a restart. Secrets: as for `burble bridge post`.",
    .run = run,
};
