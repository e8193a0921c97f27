/* Logs in some times in a row with one client, for tests/test_client_login.py:
 *
 *   login JID HOST PORT CA_FILE TIMES [register] [no-sasl2] [digest-md5] [talk] [inactive] [raw]
 *
 * The password is the first line of standard input. A line for each session: address, TLS version,
 * mechanism; in the end why there is no further one. With talk, a session lasts until the roster
 * and a message to itself have come, and prints what it heard. With inactive nobody looks. With
 * raw the XML goes to standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burble/burble_loop.h"
#include "burble/message.h"
#include "burble/roster.h"

struct login {
    unsigned left; /* sessions still to come */
    enum burble_why why;
    bool talk;
    struct burble *c;
};

/* The roster is there: say something to the own session. */
static void on_roster(struct burble_roster *r, const struct burble_stanza_error *error, void *arg)
{
    struct login *l = arg;
    printf("roster %zu%s\n", burble_roster_count(r), error != NULL ? " refused" : "");
    (void)burble_say(l->c, burble_jid(l->c), "there and back", NULL, NULL, NULL);
}

static void on_message(struct burble *c, const struct burble_message *m)
{
    if (m->body == NULL || m->origin != BURBLE_LIVE)
        return;
    printf("heard %s\n", m->body);
    burble_disconnect(c);
}

static void on_state(struct login *l, struct burble *c, const struct burble_state_event *e)
{
    if (e->state == BURBLE_ONLINE) {
        l->left--;
        printf("%s %s %s\n", burble_jid(c), burble_tls_version(c), burble_mechanism(c));
        if (!l->talk)
            burble_disconnect(c);
    } else if (e->state == BURBLE_OFFLINE && e->why == BURBLE_WHY_LEFT && l->left > 0) {
        (void)burble_connect(c);
    } else if (e->state == BURBLE_OFFLINE) {
        l->why = e->why;
        if (e->why == BURBLE_WHY_REGISTRATION)
            printf("registration ");
        printf("%s %s\n", e->condition != NULL ? e->condition : "-", e->text);
    }
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    if (e->kind == BURBLE_EVENT_STATE)
        on_state(arg, c, e->state);
    else if (e->kind == BURBLE_EVENT_MESSAGE && ((struct login *)arg)->talk)
        on_message(c, e->message);
    else if (e->kind == BURBLE_EVENT_XML)
        fprintf(stderr, "%s %.*s\n", e->xml->out ? "out" : "in", (int)e->xml->len, e->xml->text);
}

static unsigned flag_of(const char *word)
{
    return strcmp(word, "register") == 0     ? BURBLE_REGISTER
           : strcmp(word, "no-sasl2") == 0   ? BURBLE_NO_SASL2
           : strcmp(word, "digest-md5") == 0 ? BURBLE_ALLOW_DIGEST_MD5
           : strcmp(word, "raw") == 0        ? BURBLE_RAW_XML
                                             : 0;
}

int main(int argc, char **argv)
{
    static char pem[65536], password[256];
    struct login l = {0};
    struct burble *c;
    unsigned flags = BURBLE_NO_RECONNECT;
    bool inactive = false;
    if (argc < 6 || fgets(password, sizeof(password), stdin) == NULL)
        return 2;
    password[strcspn(password, "\n")] = '\0';
    FILE *file = fopen(argv[4], "r");
    size_t len = file != NULL ? fread(pem, 1, sizeof(pem), file) : 0;
    if (file != NULL)
        (void)fclose(file);
    for (int i = 6; i < argc; i++) {
        flags |= flag_of(argv[i]);
        l.talk = l.talk || strcmp(argv[i], "talk") == 0;
        inactive = inactive || strcmp(argv[i], "inactive") == 0;
    }
    l.left = (unsigned)strtoul(argv[5], NULL, 10);
    struct burble_trust *trust = burble_trust_new(pem, len, NULL, 0, NULL, 0);
    struct burble_config config =
        BURBLE_CONFIG(.jid = argv[1], .password = password, .host = argv[2],
                      .port = (uint16_t)strtoul(argv[3], NULL, 10), .security = BURBLE_STARTTLS,
                      .trust = trust, .flags = flags, .on_event = on_event, .arg = &l);
    int err = trust == NULL ? BURBLE_ERR_SYNTAX : burble_new(&config, &c);
    burble_trust_free(&trust);
    if (err == 0) {
        struct burble_roster *roster;
        l.c = c;
        burble_set_active(c, !inactive);
        if (l.talk)
            err =
                burble_roster_new(c, &BURBLE_ROSTER_CONFIG(.arg = &l, .ready = on_roster), &roster);
        if (err == 0)
            err = burble_run(c);
        burble_free(&c);
    }
    if (err != 0)
        fprintf(stderr, "%s\n", burble_error_text(err));
    return err != 0 || l.why != BURBLE_WHY_LEFT;
}
