/* A client with everything that the library has, for tests/test_client_rows_*.py:
 *
 *   everything JID HOST PORT CA_FILE FOLDER [ROOM]
 *
 * The password is the first line of standard input. A line of output for all that changes:
 * contacts, messages, bookmarks, occupants. Files that are offered, by whomever, are saved in the
 * folder. The server tells it what to ask: a message of the domain, "ask WORD", is answered by
 * "WORD OUTCOME" when the answer has come. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burble/adhoc.h"
#include "burble/answers.h"
#include "burble/archive.h"
#include "burble/avatar.h"
#include "burble/blocking.h"
#include "burble/bookmarks.h"
#include "burble/burble_loop.h"
#include "burble/caps.h"
#include "burble/chat.h"
#include "burble/file.h"
#include "burble/message.h"
#include "burble/presence.h"
#include "burble/pubsub.h"
#include "burble/register.h"
#include "burble/room.h"
#include "burble/roster.h"
#include "burble/upload.h"
#include "burble/vcard.h"

#define FRIEND "friend@example.test"

struct everything {
    struct burble_roster *roster;
    struct burble_chat *chat;
    struct burble_blocklist *blocked;
    struct burble_bookmarks *bookmarks;
    struct burble_room *room;
    struct burble_adhoc *command;
    const char *folder;
};

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    (void)putchar('\n');
    (void)fflush(stdout);
}

static const char *text(const char *s)
{
    return s != NULL ? s : "-";
}

/* --------------------------------------------------------------------------------- what changes */

static void contact(struct burble_roster *r, const struct burble_contact *contact, void *arg)
{
    (void)r, (void)arg;
    say("contact %s %s", contact->jid, text(contact->name));
}

static void contact_gone(struct burble_roster *r, const char *jid, void *arg)
{
    (void)r, (void)arg;
    say("contact-gone %s", jid);
}

static void blocked(struct burble_blocklist *b, const char *jid, bool is, void *arg)
{
    (void)b, (void)arg;
    say("blocked %s %d", text(jid), is);
}

static void bookmark(struct burble_bookmarks *b, const struct burble_bookmark *m, void *arg)
{
    (void)b, (void)arg;
    say("bookmark %s %s", m->jid, text(m->name));
}

static void bookmark_gone(struct burble_bookmarks *b, const char *jid, void *arg)
{
    (void)b, (void)arg;
    say("bookmark-gone %s", jid);
}

static void avatar(struct burble *c, const struct burble_avatar *a, void *arg)
{
    (void)c, (void)arg;
    say("avatar %s %s", a->jid, text(a->id));
}

static void occupant(struct burble_room *room, const struct burble_room_change *change, void *arg)
{
    (void)change, (void)arg;
    say("occupants %zu", burble_room_occupants(room));
}

static void joined(struct burble_room *room, const struct burble_room_joined *joined, void *arg)
{
    (void)joined, (void)arg;
    say("joined %s", burble_room_nick(room));
}

static void in_room(struct burble_room *room, const struct burble_room_message *m, void *arg)
{
    struct burble_retraction taken;
    (void)room, (void)arg;
    if (burble_message_retraction(m->message, &taken))
        say("retraction in %s", text(m->nick));
    else
        say("said %s %s", text(m->nick), text(m->message->body));
}

static void invited(struct burble *c, const struct burble_invitation *invitation, void *arg)
{
    (void)c, (void)arg;
    say("invitation %s", invitation->room);
}

/* --------------------------------------------------------------------------------------- files */

static void data(struct burble_file *f, const void *bytes, size_t len, void *arg)
{
    (void)f;
    if (write((int)(long)arg, bytes, len) != (ssize_t)len)
        abort();
}

static void file_end(struct burble_file *f, enum burble_file_end end, const char *why, void *arg)
{
    say("file %d %s: %s", (int)end, burble_file_about(f)->name, why);
    (void)close((int)(long)arg);
    burble_file_free(&f);
}

static void offered(struct burble *c, struct burble_file *f, void *arg)
{
    static const struct burble_file_handlers handlers = {
        .size = sizeof(handlers), .data = data, .end = file_end};
    const struct everything *e = arg;
    char name[BURBLE_FILE_NAME_BYTES], path[1024];
    (void)c;
    burble_file_safe_name(burble_file_about(f)->name, name);
    (void)snprintf(path, sizeof(path), "%s/%s", e->folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd < 0 || burble_file_accept(f, &handlers, (void *)(long)fd) != 0)
        burble_file_free(&f);
}

static bool anybody(struct burble *c, const char *from, void *arg)
{
    (void)c, (void)from, (void)arg;
    return true;
}

/* -------------------------------------------------------------------------------------- asking */

static void info(struct burble *c, const struct burble_disco_info *a, void *arg)
{
    (void)c;
    say("%s %d", (char *)arg, (int)a->outcome);
}

static void items(struct burble *c, const struct burble_disco_items *a, void *arg)
{
    (void)c;
    say("%s %d", (char *)arg, (int)a->outcome);
}

static void software(struct burble *c, const struct burble_software *a, void *arg)
{
    (void)c;
    say("%s %d", (char *)arg, (int)a->outcome);
}

static void clock_told(struct burble *c, const struct burble_clock *a, void *arg)
{
    (void)c;
    say("%s %d", (char *)arg, (int)a->outcome);
}

static void activity(struct burble *c, const struct burble_activity *a, void *arg)
{
    (void)c;
    say("%s %d", (char *)arg, (int)a->outcome);
}

static void vcard(struct burble *c, const struct burble_vcard_answer *a, void *arg)
{
    (void)c;
    say("%s %d", (char *)arg, (int)a->outcome);
}

static void slot(struct burble *c, const struct burble_slot *a, void *arg)
{
    (void)c;
    say("%s %d", (char *)arg, (int)a->outcome);
}

static void registration(struct burble *c, const struct burble_registration *a, void *arg)
{
    (void)c;
    say("%s %d", (char *)arg, (int)a->outcome);
}

static void published(struct burble *c, const struct burble_pubsub_items *a, void *arg)
{
    (void)c;
    say("%s %d", (char *)arg, (int)a->outcome);
}

static void archived(struct burble *c, const struct burble_message *m, void *arg)
{
    (void)c, (void)arg;
    say("archived %s %s", m->from, text(m->body));
}

static void archive_end(struct burble *c, const struct burble_archive_result *a, void *arg)
{
    (void)c;
    say("%s %d", (char *)arg, (int)a->outcome);
}

static void room_item(struct burble_room *room, const struct burble_room_item *item, void *arg)
{
    (void)room, (void)arg;
    say("item %s", text(item->jid));
}

static void room_done(struct burble_room *room, const struct burble_room_result *a, void *arg)
{
    (void)room;
    say("%s %d", (char *)arg, (int)a->outcome);
}

static void step(struct burble_adhoc *a, const struct burble_adhoc_step *s, void *arg)
{
    struct everything *e = arg;
    say("command %d", (int)s->outcome);
    burble_adhoc_free(&a);
    e->command = NULL;
}

/* "quit" ends the client. */
static int ask(struct everything *e, struct burble *c, const char *word)
{
    static char *const WORDS[] = {"info",    "items",  "version", "time",   "last",
                                  "vcard",   "slot",   "ibr",     "pubsub", "archive",
                                  "members", "config", "command"};
    const struct burble_upload upload = {
        .name = "x.png", .size = 100, .service = "upload.example.test"};
    size_t i = 0;
    if (strcmp(word, "quit") == 0) {
        burble_disconnect(c);
        return 0;
    }
    while (i < sizeof(WORDS) / sizeof(WORDS[0]) && strcmp(WORDS[i], word) != 0)
        i++;
    switch (i) {
    case 0:
        return burble_disco_info(c, FRIEND, "n", info, WORDS[i], NULL);
    case 1:
        return burble_disco_items(c, FRIEND, "n", NULL, items, WORDS[i], NULL);
    case 2:
        return burble_version_of(c, FRIEND, software, WORDS[i], NULL);
    case 3:
        return burble_time_of(c, FRIEND, clock_told, WORDS[i], NULL);
    case 4:
        return burble_last_of(c, FRIEND, activity, WORDS[i], NULL);
    case 5:
        return burble_vcard_get(c, FRIEND, vcard, WORDS[i], NULL);
    case 6:
        return burble_upload_slot(c, &upload, slot, WORDS[i]);
    case 7:
        return burble_registration_ask(c, "gateway.example.test", registration, WORDS[i], NULL);
    case 8:
        return burble_pubsub_items(c, FRIEND, "n", NULL, published, WORDS[i], NULL);
    case 9:
        return burble_archive_query(
            c, &BURBLE_ARCHIVE_QUERY(.message = archived, .done = archive_end, .arg = WORDS[i]),
            NULL);
    case 10:
        return burble_room_list(e->room, BURBLE_MEMBER, room_item, room_done, WORDS[i]);
    case 11:
        return burble_room_get_config(e->room, room_done, WORDS[i]);
    default:
        return e->command != NULL
                   ? BURBLE_ERR_BUSY
                   : burble_adhoc_run(c, "gateway.example.test", "n", step, e, &e->command);
    }
}

/* ----------------------------------------------------------------------------------- the client */

static void on_message(struct everything *e, struct burble *c, const struct burble_message *m)
{
    struct burble_retraction taken;
    if (m->body != NULL && strcmp(m->from, burble_domain(c)) == 0 &&
        strncmp(m->body, "ask ", 4) == 0) {
        int err = ask(e, c, m->body + 4);
        if (err != 0)
            say("%s: %s", m->body, burble_error_text(err));
    } else if (burble_message_retraction(m, &taken)) {
        say("retraction of %s", m->from);
    } else {
        say("message %s %s %s", m->from, m->replaces != NULL ? "corrects" : "says", text(m->body));
    }
    if (m->marker == BURBLE_MARKABLE)
        (void)burble_chat_displayed(e->chat, m);
}

static void on_event(struct burble *c, const struct burble_event *event, void *arg)
{
    struct everything *e = arg;
    if (event->kind == BURBLE_EVENT_MESSAGE)
        on_message(e, c, event->message);
    else if (event->kind == BURBLE_EVENT_STATE && event->state->state == BURBLE_ONLINE &&
             !event->state->resumed)
        (void)burble_set_presence(c, BURBLE_SHOW_ONLINE, NULL, 0, NULL);
    else if (event->kind == BURBLE_EVENT_STATE && event->state->state == BURBLE_OFFLINE)
        say("offline %s", event->state->text);
}

static int begin(struct everything *e, struct burble *c, const char *room)
{
    static const struct burble_room_handlers in = {
        .joined = joined, .changed = occupant, .message = in_room};
    int err = burble_caps_start(c, "https://example.org/everything", NULL, NULL);
    if (err == 0)
        err = burble_answer_usual(c);
    if (err == 0)
        err = burble_roster_new(
            c, &BURBLE_ROSTER_CONFIG(.arg = e, .changed = contact, .removed = contact_gone),
            &e->roster);
    if (err == 0)
        err = burble_chat_new(c, &BURBLE_CHAT_CONFIG(.flags = 0), &e->chat);
    if (err == 0)
        err = burble_blocklist_new(c, &BURBLE_BLOCKLIST_CONFIG(.arg = e, .changed = blocked),
                                   &e->blocked);
    if (err == 0)
        err = burble_bookmarks_new(
            c, &BURBLE_BOOKMARKS_CONFIG(.arg = e, .changed = bookmark, .removed = bookmark_gone),
            &e->bookmarks);
    if (err == 0)
        err = burble_on_avatar(c, avatar, e);
    if (err == 0)
        err = burble_on_invitation(c, invited, e);
    if (err == 0)
        err = burble_file_listen(c, anybody, offered, e);
    if (err == 0 && room != NULL)
        err = burble_room_join(c, room, &BURBLE_ROOM_CONFIG(.nick = "me", .handlers = in, .arg = e),
                               &e->room);
    return err;
}

int main(int argc, char **argv)
{
    static char pem[65536], password[256];
    struct everything e = {0};
    struct burble *c = NULL;
    if (argc < 6 || fgets(password, sizeof(password), stdin) == NULL)
        return 2;
    password[strcspn(password, "\n")] = '\0';
    e.folder = argv[5];
    FILE *file = fopen(argv[4], "r");
    size_t len = file != NULL ? fread(pem, 1, sizeof(pem), file) : 0;
    if (file != NULL)
        (void)fclose(file);
    struct burble_trust *trust = burble_trust_new(pem, len, NULL, 0, NULL, 0);
    struct burble_config config =
        BURBLE_CONFIG(.jid = argv[1], .password = password, .host = argv[2],
                      .port = (uint16_t)strtoul(argv[3], NULL, 10), .security = BURBLE_STARTTLS,
                      .trust = trust, .on_event = on_event, .arg = &e);
    int err = trust == NULL ? BURBLE_ERR_SYNTAX : burble_new(&config, &c);
    burble_trust_free(&trust);
    if (err == 0)
        err = begin(&e, c, argc > 6 ? argv[6] : NULL);
    if (err == 0)
        err = burble_run(c);
    burble_free(&c);
    if (err != 0)
        fprintf(stderr, "%s\n", burble_error_text(err));
    return err != 0;
}
