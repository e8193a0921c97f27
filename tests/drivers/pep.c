/* A client with everything around personal eventing, for tests/test_client_pep.py:
 *
 *   pep JID HOST PORT CA_FILE [raw]
 *
 * The password is the first line of standard input; each further one is a command. What happens and
 * what is answered is a line each of standard output; with raw the XML goes to standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burble/answers.h"
#include "burble/avatar.h"
#include "burble/bookmarks.h"
#include "burble/burble_loop.h"
#include "burble/caps.h"
#include "burble/presence.h"
#include "burble/roster.h"
#include "burble/vcard.h"

enum { LINE_BYTES = 4096 };

struct pep {
    struct burble_loop *loop;
    struct burble *c;
    struct burble_bookmarks *bookmarks;
    struct burble_xml vcard; /* that came last */
    char line[LINE_BYTES];
    size_t len;
};

static const char *or_dash(const char *text)
{
    return text != NULL && *text != '\0' ? text : "-";
}

static const char *outcome(enum burble_iq_outcome o, const struct burble_stanza_error *e)
{
    return o == BURBLE_IQ_RESULT ? "ok" : e->condition;
}

/* ----------------------------------------------------------------------------------- what happens
 */

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    (void)c, (void)arg;
    if (e->kind == BURBLE_EVENT_STATE && e->state->state == BURBLE_ONLINE)
        printf("online %s\n", burble_jid(c));
    else if (e->kind == BURBLE_EVENT_STATE && e->state->state == BURBLE_OFFLINE)
        printf("offline %s\n", e->state->text);
    else if (e->kind == BURBLE_EVENT_BAD)
        printf("bad %s: %s\n", or_dash(e->bad->from), e->bad->why);
    else if (e->kind == BURBLE_EVENT_XML)
        fprintf(stderr, "%s %.*s\n", e->xml->out ? "out" : "in", (int)e->xml->len, e->xml->text);
}

static void on_known(struct burble *c, const char *jid, void *arg)
{
    (void)c, (void)arg;
    printf("caps %s\n", jid);
}

static void on_pubsub(struct burble *c, const struct burble_pubsub_event *e, void *arg)
{
    (void)c, (void)arg;
    printf("event %d %s %s %s %s %s\n", (int)e->kind, e->from, e->own ? "own" : "other", e->node,
           or_dash(e->id), or_dash(burble_xml_text(e->payload)));
}

static void on_avatar(struct burble *c, const struct burble_avatar *a, void *arg)
{
    (void)c, (void)arg;
    printf("avatar %s %s %u %s\n", a->jid, or_dash(a->id), a->bytes, or_dash(a->type));
}

static void on_bookmarks(struct burble_bookmarks *b, const struct burble_stanza_error *e, void *arg)
{
    (void)arg;
    printf("bookmarks %s %zu\n", e != NULL ? e->condition : "ok", burble_bookmarks_count(b));
}

static void on_changed(struct burble_bookmarks *b, const struct burble_bookmark *k, void *arg)
{
    (void)b, (void)arg;
    printf("bookmark %s %s %s %s\n", k->jid, or_dash(k->name), or_dash(k->nick),
           k->autojoin ? "auto" : "-");
}

static void on_removed(struct burble_bookmarks *b, const char *jid, void *arg)
{
    (void)b, (void)arg;
    printf("unbookmark %s\n", jid);
}

static void on_roster(struct burble_roster *r, const struct burble_stanza_error *e, void *arg)
{
    (void)arg;
    printf("roster %s %zu\n", e != NULL ? e->condition : "ok", burble_roster_count(r));
}

/* -------------------------------------------------------------------------------- what is answered
 */

static void on_done(struct burble *c, const struct burble_iq *answer, void *arg)
{
    (void)c;
    printf("done %s %s\n", (const char *)arg, outcome(answer->outcome, &answer->error));
}

static void on_published(struct burble *c, const struct burble_published *p, void *arg)
{
    (void)c;
    printf("done %s %s %s\n", (const char *)arg, outcome(p->outcome, &p->error), or_dash(p->id));
}

static void on_items(struct burble *c, const struct burble_pubsub_items *items, void *arg)
{
    (void)c, (void)arg;
    for (size_t i = 0; i < items->count; i++)
        printf("item %s %s\n", or_dash(items->items[i].id),
               or_dash(burble_xml_text(items->items[i].payload)));
    printf("items %s %zu\n", outcome(items->outcome, &items->error), items->count);
}

static void on_picture(struct burble *c, const struct burble_picture *p, void *arg)
{
    (void)c, (void)arg;
    printf("picture %s %.*s\n", outcome(p->outcome, &p->error), (int)p->len,
           p->data != NULL ? (const char *)p->data : "");
}

static void on_vcard(struct burble *c, const struct burble_vcard_answer *a, void *arg)
{
    struct pep *p = arg;
    (void)c;
    burble_xml_free(&p->vcard);
    if (a->outcome == BURBLE_IQ_RESULT)
        p->vcard = burble_xml_copy(a->vcard.xml);
    printf("vcard %s %s %s\n", outcome(a->outcome, &a->error), or_dash(a->vcard.nickname),
           or_dash(a->vcard.full_name));
}

static void on_service(struct burble *c, const struct burble_disco_info *info, void *arg)
{
    (void)c, (void)arg;
    printf("service %s %s\n", outcome(info->outcome, &info->error), info->from);
}

static void on_config(struct burble *c, const struct burble_iq *answer, struct burble_form *form,
                      void *arg)
{
    (void)c, (void)arg;
    printf("config %s %s\n", outcome(answer->outcome, &answer->error),
           form != NULL ? or_dash(burble_form_value(form, "pubsub#access_model")) : "-");
}

static void on_own(struct burble *c, const struct burble_pubsub_own *own, void *arg)
{
    (void)c;
    printf("own %s %s %zu %zu\n", (const char *)arg, outcome(own->outcome, &own->error),
           own->subscription_count, own->affiliation_count);
}

static void on_software(struct burble *c, const struct burble_software *s, void *arg)
{
    (void)c, (void)arg;
    printf("version %s %s\n", outcome(s->outcome, &s->error), or_dash(s->name));
}

static void on_clock(struct burble *c, const struct burble_clock *k, void *arg)
{
    (void)c, (void)arg;
    printf("time %s %lld\n", outcome(k->outcome, &k->error), (long long)k->wall_ms);
}

static void on_activity(struct burble *c, const struct burble_activity *a, void *arg)
{
    (void)c, (void)arg;
    printf("last %s\n", outcome(a->outcome, &a->error));
}

/* ------------------------------------------------------------------------------------- commands */

enum { WORDS = 4 };

/* Those of eventing; -1: it is another one. */
static int publish_command(struct pep *p, char *const *w)
{
    struct burble *c = p->c;
    if (strcmp(w[0], "publish") == 0)
        return burble_pubsub_publish(c, NULL, w[1], w[2], w[3], NULL, 0, on_published, "publish");
    if (strcmp(w[0], "private") == 0)
        return burble_pubsub_publish(c, NULL, w[1], w[2], w[3], burble_pubsub_private(), 0,
                                     on_published, "private");
    if (strcmp(w[0], "make-private") == 0)
        return burble_pubsub_publish(c, NULL, w[1], w[2], w[3], burble_pubsub_private(),
                                     BURBLE_PUBLISH_CONFIGURE, on_published, "make-private");
    if (strcmp(w[0], "retract") == 0)
        return burble_pubsub_retract(c, NULL, w[1], w[2], true, on_done, "retract");
    if (strcmp(w[0], "items") == 0)
        return burble_pubsub_items(c, w[2], w[1], NULL, on_items, p, NULL);
    if (strcmp(w[0], "config") == 0)
        return burble_pubsub_get_config(c, NULL, w[1], on_config, p);
    if (strcmp(w[0], "delete") == 0)
        return burble_pubsub_delete(c, NULL, w[1], on_done, "delete");
    if (strcmp(w[0], "affiliations") == 0)
        return burble_pubsub_affiliations(c, NULL, NULL, on_own, "affiliations");
    if (strcmp(w[0], "watch") == 0)
        return burble_on_pubsub_event(c, w[1], BURBLE_EVENTS_NOTIFY, on_pubsub, p);
    return 1;
}

static int card_command(struct pep *p, char *const *w)
{
    struct burble *c = p->c;
    struct burble_vcard card = {.nickname = w[1], .full_name = w[2], .xml = p->vcard};
    if (strcmp(w[0], "vcard") == 0)
        return burble_vcard_get(c, w[1], on_vcard, p, NULL);
    if (strcmp(w[0], "vcard-set") == 0)
        return burble_vcard_set(c, &card, on_done, "vcard-set");
    if (strcmp(w[0], "vcard4") == 0)
        return burble_vcard4_get(c, w[1], on_vcard, p, NULL);
    if (strcmp(w[0], "vcard4-set") == 0)
        return burble_vcard4_set(c, &card, on_done, "vcard4-set");
    if (strcmp(w[0], "avatar-set") == 0)
        return burble_avatar_publish(c, w[1], strlen(w[1]), "image/png", 0, 0, NULL, on_published,
                                     "avatar-set");
    if (strcmp(w[0], "avatar-remove") == 0)
        return burble_avatar_remove(c, on_published, "avatar-remove");
    if (strcmp(w[0], "picture") == 0)
        return burble_avatar_fetch(c, w[1], w[2], on_picture, p, NULL);
    return 1;
}

static int other_command(struct pep *p, char *const *w)
{
    struct burble *c = p->c;
    struct burble_bookmark k = {.jid = w[1], .name = w[2], .nick = w[3], .autojoin = w[3] != NULL};
    if (strcmp(w[0], "bookmark") == 0)
        return burble_bookmarks_set(p->bookmarks, &k, on_done, "bookmark");
    if (strcmp(w[0], "unbookmark") == 0)
        return burble_bookmarks_remove(p->bookmarks, w[1], on_done, "unbookmark");
    if (strcmp(w[0], "find") == 0)
        return burble_find_service(c, &(struct burble_service){.category = w[1]}, on_service, p);
    if (strcmp(w[0], "version") == 0)
        return burble_version_of(c, w[1], on_software, p, NULL);
    if (strcmp(w[0], "time") == 0)
        return burble_time_of(c, w[1], on_clock, p, NULL);
    if (strcmp(w[0], "last") == 0)
        return burble_last_of(c, w[1], on_activity, p, NULL);
    if (strcmp(w[0], "supports") == 0) {
        printf("supports %d\n", burble_caps_supports(c, w[1], w[2]));
        return 0;
    }
    if (strcmp(w[0], "quit") == 0) {
        burble_disconnect(c);
        return 0;
    }
    return 1;
}

static void command(struct pep *p, char *line)
{
    char *w[WORDS] = {NULL}, *rest = line;
    for (size_t i = 0; i < WORDS && rest != NULL; i++) {
        w[i] = rest;
        rest = i + 1 < WORDS ? strchr(rest, ' ') : NULL;
        if (rest != NULL)
            *rest++ = '\0';
    }
    int err = publish_command(p, w);
    if (err == 1)
        err = card_command(p, w);
    if (err == 1)
        err = other_command(p, w);
    if (err != 0)
        printf("error %s %s\n", w[0], err == 1 ? "unknown" : burble_error_text(err));
}

static void readable(int fd, unsigned events, void *arg)
{
    struct pep *p = arg;
    char *end;
    ssize_t n = read(fd, p->line + p->len, sizeof(p->line) - 1 - p->len);
    (void)events;
    if (n <= 0) {
        (void)burble_loop_watch(p->loop, fd, 0, NULL, NULL);
        burble_disconnect(p->c);
        return;
    }
    p->len += (size_t)n;
    p->line[p->len] = '\0';
    while ((end = strchr(p->line, '\n')) != NULL) {
        *end = '\0';
        command(p, p->line);
        p->len -= (size_t)(end + 1 - p->line);
        memmove(p->line, end + 1, p->len + 1);
    }
}

/* ------------------------------------------------------------------------------------ the program
 */

static int set_up(struct pep *p)
{
    struct burble_roster *roster;
    const struct burble_bookmarks_config bookmarks =
        BURBLE_BOOKMARKS_CONFIG(.ready = on_bookmarks, .changed = on_changed,
                                .removed = on_removed);
    int err = burble_answer_usual(p->c);
    if (err == 0)
        err = burble_set_identity(p->c, "client", "bot", "Tester");
    if (err == 0)
        err = burble_caps_start(p->c, "https://example.org/tester", on_known, p);
    if (err == 0)
        err = burble_roster_new(p->c, &BURBLE_ROSTER_CONFIG(.ready = on_roster), &roster);
    if (err == 0)
        err = burble_on_avatar(p->c, on_avatar, p);
    if (err == 0)
        err = burble_bookmarks_new(p->c, &bookmarks, &p->bookmarks);
    if (err == 0)
        err = burble_set_presence(p->c, BURBLE_SHOW_ONLINE, NULL, 0, NULL);
    if (err == 0)
        err = burble_loop_watch(p->loop, STDIN_FILENO, BURBLE_READ, readable, p);
    return err;
}

int main(int argc, char **argv)
{
    static struct pep p;
    static char pem[65536], password[256];
    size_t at = 0;
    if (argc < 5)
        return 2;
    /* By single bytes: what is behind it belongs to the loop. */
    while (at < sizeof(password) - 1 && read(STDIN_FILENO, &password[at], 1) == 1 &&
           password[at] != '\n')
        at++;
    password[at] = '\0';
    setvbuf(stdout, NULL, _IOLBF, 0);
    FILE *file = fopen(argv[4], "r");
    size_t len = file != NULL ? fread(pem, 1, sizeof(pem), file) : 0;
    if (file != NULL)
        (void)fclose(file);
    struct burble_trust *trust = burble_trust_new(pem, len, NULL, 0, NULL, 0);
    struct burble_config config =
        BURBLE_CONFIG(.jid = argv[1], .password = password, .host = argv[2],
                      .port = (uint16_t)strtoul(argv[3], NULL, 10), .security = BURBLE_STARTTLS,
                      .trust = trust,
                      .flags = BURBLE_NO_RECONNECT | (argc > 5 ? BURBLE_RAW_XML : 0),
                      .software = "Tester", .on_event = on_event);
    int err = trust == NULL ? BURBLE_ERR_SYNTAX : burble_loop_new(NULL, &p.loop);
    if (err == 0)
        err = burble_new(&config, &p.c);
    if (err == 0)
        err = burble_loop_add(p.loop, p.c);
    if (err == 0)
        err = set_up(&p);
    if (err == 0)
        err = burble_connect(p.c);
    if (err == 0)
        err = burble_loop_run(p.loop);
    if (err != 0)
        fprintf(stderr, "%s\n", burble_error_text(err));
    burble_xml_free(&p.vcard);
    burble_free(&p.c);
    if (p.loop != NULL)
        burble_loop_free(&p.loop);
    burble_trust_free(&trust);
    return err != 0;
}
