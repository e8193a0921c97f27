/* Somebody in a room, for tests/test_client_rooms.py:
 *
 *   rooms JID HOST PORT CA_FILE [no-resume] [no-history] [raw]
 *
 * The password is the first line of standard input; then each line is a command:
 *
 *   join ROOM NICK [PASSWORD]   make ROOM NICK (with the default configuration)   leave [STATUS]
 *   say TEXT   to NICK TEXT   subject TEXT   nick NICK   who   lose
 *   role NICK ROLE [REASON]   affiliation JID AFFILIATION [REASON]   list AFFILIATION
 *   set NAME VALUE   config   destroy [REASON]   invite JID [REASON]   send JID [REASON]
 *   decline ROOM JID [REASON]   catch-up   quit
 *
 * What happens is said on standard output, a line each; with raw the XML goes to standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burble/answers.h"
#include "burble/archive.h"
#include "burble/burble_loop.h"
#include "burble/room.h"

struct driver {
    struct burble_loop *loop;
    struct burble *c;
    struct burble_room *room;
    unsigned flags;
    int history;
    bool losing;
    char input[8192];
    size_t filled;
};

static const char *or_dash(const char *s)
{
    return s != NULL && *s != '\0' ? s : "-";
}

/* ------------------------------------------------------------------------------------ callbacks */

static void on_joined(struct burble_room *r, const struct burble_room_joined *e, void *arg)
{
    (void)r, (void)arg;
    printf("joined %s%s%s\n", e->nick, e->again ? " again" : "", e->created ? " created" : "");
}

static void on_left(struct burble_room *r, const struct burble_room_left *e, void *arg)
{
    (void)r, (void)arg;
    printf("left: %s reason=%s actor=%s%s\n", e->text, or_dash(e->reason), or_dash(e->actor),
           e->again ? " again" : "");
}

static void on_changed(struct burble_room *r, const struct burble_room_change *e, void *arg)
{
    const struct burble_occupant *o = e->occupant;
    (void)r, (void)arg;
    if (e->what & BURBLE_OCCUPANT_JOINED)
        printf("%s came\n", o->nick);
    if (e->what & BURBLE_OCCUPANT_LEFT)
        printf("%s went: %s reason=%s\n", o->nick, burble_room_why_text(e->why),
               or_dash(e->reason));
    if (e->what & BURBLE_OCCUPANT_NICK)
        printf("%s was %s\n", o->nick, e->nick_before);
    if (e->what & (BURBLE_OCCUPANT_ROLE | BURBLE_OCCUPANT_AFFILIATION))
        printf("%s is %s %s\n", o->nick, burble_role_text(o->role),
               burble_affiliation_text(o->affiliation));
    if (e->what & BURBLE_OCCUPANT_SHOW)
        printf("%s shows %s\n", o->nick, burble_show_text(o->show));
}

static void on_message(struct burble_room *r, const struct burble_room_message *e, void *arg)
{
    (void)r, (void)arg;
    printf("%s: %s%s%s%s", or_dash(e->nick), or_dash(e->message->body), e->own ? " own" : "",
           e->history ? " history" : "", e->private_ ? " private" : "");
    if (e->message->type == BURBLE_MESSAGE_ERROR)
        printf(" error=%s", e->message->error.condition);
    printf("\n");
}

static void on_subject(struct burble_room *r, const char *subject, const char *nick, bool first,
                       void *arg)
{
    (void)r, (void)arg;
    printf("subject %s by %s%s\n", or_dash(subject), or_dash(nick), first ? " first" : "");
}

static void on_configured(struct burble_room *r, int shows_jids, int logged, void *arg)
{
    (void)r, (void)arg;
    printf("configured jids=%d logged=%d\n", shows_jids, logged);
}

static void on_declined(struct burble_room *r, const char *jid, const char *reason, void *arg)
{
    (void)r, (void)arg;
    printf("declined by %s: %s\n", jid, or_dash(reason));
}

static void on_done(struct burble_room *r, const struct burble_room_result *e, void *arg)
{
    struct burble_xml x = burble_xml_child(e->payload, "jabber:x:data", "x");
    (void)r, (void)arg;
    printf("done %s%s\n", e->outcome == BURBLE_IQ_RESULT ? "well" : e->text,
           burble_xml_some(x) ? " form" : "");
}

static void on_item(struct burble_room *r, const struct burble_room_item *e, void *arg)
{
    (void)r, (void)arg;
    printf("item %s %s\n", or_dash(e->jid), burble_affiliation_text(e->affiliation));
}

static void on_invitation(struct burble *c, const struct burble_invitation *e, void *arg)
{
    (void)c, (void)arg;
    printf("invited to %s by %s%s: %s\n", e->room, e->from, e->direct ? " directly" : "",
           or_dash(e->reason));
}

static void on_archived(struct burble *c, const struct burble_message *m, void *arg)
{
    (void)c, (void)arg;
    printf("archived %s: %s\n", m->from, or_dash(m->body));
}

static void on_archive_done(struct burble *c, const struct burble_archive_result *r, void *arg)
{
    (void)c, (void)arg;
    printf("caught up %u%s %s\n", r->count, r->complete ? " complete" : "", r->text);
}

/* The server has answered, so it has seen the presence as well: messages to the account come here.
 */
static void on_pong(struct burble *c, const struct burble_pong *e, void *arg)
{
    (void)c, (void)arg;
    if (e->there)
        printf("available\n");
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct driver *d = arg;
    if (e->kind == BURBLE_EVENT_XML)
        fprintf(stderr, "%s %.*s\n", e->xml->out ? "out" : "in", (int)e->xml->len, e->xml->text);
    if (e->kind != BURBLE_EVENT_STATE)
        return;
    if (e->state->state == BURBLE_ONLINE) {
        (void)burble_set_presence(c, BURBLE_SHOW_ONLINE, NULL, 0, NULL);
        printf("online %s%s\n", burble_jid(c), e->state->resumed ? " resumed" : "");
        (void)burble_ping(c, NULL, 0, on_pong, d, NULL);
    } else if (e->state->state == BURBLE_OFFLINE && d->losing) {
        d->losing = false;
        (void)burble_connect(c);
    } else if (e->state->state == BURBLE_OFFLINE) {
        printf("offline %s\n", e->state->text);
        burble_loop_stop(d->loop);
    }
}

/* ------------------------------------------------------------------------------------- commands */

static int join(struct driver *d, const char *room, const char *nick, const char *password,
                unsigned flags)
{
    struct burble_room_config config =
        BURBLE_ROOM_CONFIG(.nick = nick, .password = *password != '\0' ? password : NULL,
                           .flags = flags, .history_max = d->history, .arg = d,
                           .handlers = {.joined = on_joined,
                                        .left = on_left,
                                        .changed = on_changed,
                                        .message = on_message,
                                        .subject = on_subject,
                                        .configured = on_configured,
                                        .declined = on_declined});
    burble_room_free(&d->room);
    return burble_room_join(d->c, room, &config, &d->room);
}

static int who(struct driver *d)
{
    const struct burble_occupant *o = burble_room_next(d->room, NULL);
    printf("who %zu:", burble_room_occupants(d->room));
    for (; o != NULL; o = burble_room_next(d->room, o))
        printf(" %s(%s %s%s%s)", o->nick, burble_role_text(o->role),
               burble_affiliation_text(o->affiliation), o->self ? " self" : "",
               o->id != NULL ? " id" : "");
    printf("\n");
    return 0;
}

static enum burble_role role_of(const char *name)
{
    enum burble_role role = BURBLE_MODERATOR;
    while (role > BURBLE_ROLE_NONE && strcmp(burble_role_text(role), name) != 0)
        role--;
    return role;
}

static enum burble_affiliation affiliation_of(const char *name)
{
    enum burble_affiliation a = BURBLE_OWNER;
    while (a > BURBLE_AFFILIATION_NONE && strcmp(burble_affiliation_text(a), name) != 0)
        a--;
    return a;
}

static int moderate(struct driver *d, const char *verb, const char *a, const char *b,
                    const char *rest)
{
    struct burble_room *r = d->room;
    const char *reason = *rest != '\0' ? rest : NULL;
    if (strcmp(verb, "role") == 0)
        return burble_room_set_role(r, a, role_of(b), reason, on_done, d);
    if (strcmp(verb, "affiliation") == 0)
        return burble_room_set_affiliation(r, a, affiliation_of(b), reason, on_done, d);
    if (strcmp(verb, "list") == 0)
        return burble_room_list(r, affiliation_of(a), on_item, on_done, d);
    if (strcmp(verb, "set") == 0)
        return burble_room_configure(r, &(struct burble_room_setting){a, b}, 1, on_done, d);
    if (strcmp(verb, "config") == 0)
        return burble_room_get_config(r, on_done, d);
    if (strcmp(verb, "invite") == 0)
        return burble_room_invite(r, a, b, false);
    if (strcmp(verb, "send") == 0)
        return burble_room_invite(r, a, b, true);
    if (strcmp(verb, "decline") == 0)
        return burble_invitation_decline(d->c, a, b, reason);
    if (strcmp(verb, "catch-up") == 0)
        return burble_archive_catch_up(d->c, burble_room_jid(r), NULL, 1, on_archived,
                                       on_archive_done, d, NULL);
    return BURBLE_ERR_NOT_FOUND;
}

/* all: everything behind the verb; a, b, rest: its first words and what is left. */
static int command(struct driver *d, const char *verb, const char *all, const char *a,
                   const char *b, const char *rest)
{
    if (strcmp(verb, "join") == 0)
        return join(d, a, b, rest, 0);
    if (strcmp(verb, "make") == 0)
        return join(d, a, b, rest, BURBLE_ROOM_INSTANT);
    if (strcmp(verb, "leave") == 0)
        return burble_room_leave(d->room, all);
    if (strcmp(verb, "say") == 0)
        return burble_room_say(d->room, all, NULL, NULL, NULL);
    if (strcmp(verb, "to") == 0)
        return burble_room_say_to(d->room, a, b, NULL, NULL, NULL);
    if (strcmp(verb, "subject") == 0)
        return burble_room_set_subject(d->room, all);
    if (strcmp(verb, "nick") == 0)
        return burble_room_set_nick(d->room, all, on_done, d);
    if (strcmp(verb, "destroy") == 0)
        return burble_room_destroy(d->room, all, NULL, on_done, d);
    if (strcmp(verb, "who") == 0)
        return who(d);
    if (strcmp(verb, "lose") == 0) {
        d->losing = true;
        burble_suspend(d->c);
        return 0;
    }
    if (strcmp(verb, "quit") == 0) {
        burble_disconnect(d->c);
        return 0;
    }
    return moderate(d, verb, a, b, rest);
}

static char *word(char **at)
{
    char *start = *at, *end = start + strcspn(start, " ");
    *at = *end != '\0' ? end + 1 : end;
    *end = '\0';
    return start;
}

static void line(struct driver *d, char *text)
{
    char all[2048];
    char *at = text;
    const char *verb = word(&at);
    (void)snprintf(all, sizeof(all), "%s", at);
    const char *a = word(&at), *b = word(&at);
    int err = command(d, verb, all, a, b, at);
    if (err != 0)
        printf("%s: %s\n", verb, burble_error_text(err));
}

static void on_input(int fd, unsigned events, void *arg)
{
    struct driver *d = arg;
    char *end;
    (void)events;
    ssize_t n = read(fd, d->input + d->filled, sizeof(d->input) - 1 - d->filled);
    if (n <= 0) {
        (void)burble_loop_watch(d->loop, fd, 0, NULL, NULL);
        burble_disconnect(d->c);
        return;
    }
    d->filled += (size_t)n;
    d->input[d->filled] = '\0';
    while ((end = strchr(d->input, '\n')) != NULL) {
        *end = '\0';
        line(d, d->input);
        d->filled -= (size_t)(end + 1 - d->input);
        memmove(d->input, end + 1, d->filled + 1);
    }
}

static void flags_of(struct driver *d, int argc, char **argv)
{
    for (int i = 5; i < argc; i++) {
        if (strcmp(argv[i], "no-resume") == 0)
            d->flags |= BURBLE_NO_RESUME;
        if (strcmp(argv[i], "no-history") == 0)
            d->history = -1;
        if (strcmp(argv[i], "raw") == 0)
            d->flags |= BURBLE_RAW_XML;
    }
}

/* One byte at a time, so that what follows is left for the loop. */
static bool read_password(char *out, size_t max)
{
    size_t n = 0;
    while (n < max - 1 && read(STDIN_FILENO, out + n, 1) == 1 && out[n] != '\n')
        n++;
    out[n] = '\0';
    return n > 0;
}

int main(int argc, char **argv)
{
    static struct driver d;
    char password[256];
    struct burble_loop_config loop = BURBLE_LOOP_CONFIG(.ca_file = argc > 4 ? argv[4] : NULL);
    if (argc < 5 || !read_password(password, sizeof(password)))
        return 2;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    flags_of(&d, argc, argv);
    struct burble_config config =
        BURBLE_CONFIG(.jid = argv[1], .password = password, .host = argv[2],
                      .port = (uint16_t)strtoul(argv[3], NULL, 10), .security = BURBLE_STARTTLS,
                      .flags = d.flags, .on_event = on_event, .arg = &d);
    int err = burble_loop_new(&loop, &d.loop);
    if (err == 0)
        err = burble_new(&config, &d.c);
    if (err == 0)
        err = burble_loop_add(d.loop, d.c);
    if (err == 0)
        err = burble_on_invitation(d.c, on_invitation, &d);
    if (err == 0)
        err = burble_loop_watch(d.loop, STDIN_FILENO, BURBLE_READ, on_input, &d);
    if (err == 0)
        err = burble_connect(d.c);
    if (err == 0)
        err = burble_loop_run(d.loop);
    burble_room_free(&d.room);
    burble_free(&d.c);
    burble_loop_free(&d.loop);
    if (err != 0)
        fprintf(stderr, "%s\n", burble_error_text(err));
    return err != 0;
}
