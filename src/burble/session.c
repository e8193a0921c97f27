/* A connected account for a command. */
#include "burble/session.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "burble/password.h"
#include "burble/private_file.h"
#include "burble/state.h"
#include "io/files.h"
#include "io/signals.h"

/* A command that does not stay gives up a server that is silent for so long, and then does not
 * answer for so long. */
enum { SILENCE_MS = 15000, ANSWER_MS = 10000 };
enum { ONLINE_MS = 30000, PEM_BYTES_MAX = 16 << 20 };

struct session_inside {
    struct state state;
    int signals;
    bool stands; /* there was a session */
    bool said;   /* why it ended was said */
    char *why;   /* with .silent: it is still to be said */
    struct burble_trust *trust;
};

int session_exit_code(enum burble_why why)
{
    switch (why) {
    case BURBLE_WHY_NONE:
    case BURBLE_WHY_LEFT:
        return EXIT_DONE;
    case BURBLE_WHY_PASSWORD:
    case BURBLE_WHY_NO_MECHANISM:
    case BURBLE_WHY_DOWNGRADE:
    case BURBLE_WHY_UNPROVEN:
    case BURBLE_WHY_CERTIFICATE:
    case BURBLE_WHY_NO_TLS:
    case BURBLE_WHY_LOGIN:
        return EXIT_LOGIN;
    case BURBLE_WHY_NOT_XMPP:
    case BURBLE_WHY_BAD_XML:
    case BURBLE_WHY_REDIRECT:
        return EXIT_PROTOCOL;
    case BURBLE_WHY_CONFLICT:
    case BURBLE_WHY_BIND:
    case BURBLE_WHY_MEMORY:
    case BURBLE_WHY_REGISTRATION:
        return EXIT_REFUSED;
    default:
        return EXIT_UNREACHABLE;
    }
}

void session_save(struct session *s)
{
    void *bytes;
    size_t len;
    if (!state_held(&s->inside->state))
        return;
    if (s->ops->saving != NULL)
        s->ops->saving(s);
    if (burble_save(s->client, &bytes, &len) != 0)
        return;
    if (state_write(s->app, &s->inside->state, slice_of(bytes, len)) == 0)
        burble_saved(s->client);
    if (bytes != NULL)
        mem_wipe(bytes, len);
    free(bytes);
}

static void ended(struct session *s, const struct burble_state_event *e)
{
    int code = session_exit_code(e->why);
    session_save(s); /* what nobody has confirmed; and the session, where it was suspended */
    if (code != EXIT_DONE && !s->inside->said) {
        if (s->options.silent)
            s->inside->why = mem_copy(slice_z(e->text));
        else
            out_error("%s", e->text);
        s->inside->said = true;
    }
    if (!s->ending) {
        s->ending = true;
        s->status = code;
    } else if (s->status == EXIT_DONE) {
        s->status = code;
    }
    burble_loop_stop(s->loop);
}

static void on_state(struct session *s, const struct burble_state_event *e)
{
    out_detail(&s->app->out, "%s%s%s", burble_state_text(e->state), *e->text != '\0' ? ": " : "",
               e->text);
    if (e->state == BURBLE_ONLINE) {
        s->inside->stands = true;
        out_detail(&s->app->out, "%s as %s, %s%s%s", e->resumed ? "resumed" : "logged in",
                   burble_jid(s->client),
                   burble_tls_version(s->client) != NULL ? burble_tls_version(s->client)
                                                         : "without TLS",
                   burble_mechanism(s->client) != NULL ? ", " : "",
                   burble_mechanism(s->client) != NULL ? burble_mechanism(s->client) : "");
        if (s->ops->online != NULL)
            s->ops->online(s, e->resumed);
    } else if (e->state == BURBLE_OFFLINE) {
        ended(s, e);
    } else if (e->state == BURBLE_WAITING) {
        if (!s->options.silent)
            out_note(&s->app->out, "%s; trying again in %u s", e->text, (e->retry_ms + 999) / 1000);
        if (s->ops->offline != NULL)
            s->ops->offline(s, e);
    }
}

static void show_xml(const struct burble_xml_event *x)
{
    out_error("%s %.*s", x->out ? "out" : "in ", (int)x->len, x->text);
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct session *s = arg;
    const struct session_ops *ops = s->ops;
    (void)c;
    if (ops->event != NULL)
        ops->event(s, e);
    switch (e->kind) {
    case BURBLE_EVENT_STATE:
        on_state(s, e->state);
        return;
    case BURBLE_EVENT_MESSAGE:
        if (ops->message != NULL)
            ops->message(s, e->message);
        return;
    case BURBLE_EVENT_PRESENCE:
        if (ops->presence != NULL)
            ops->presence(s, e->presence);
        return;
    case BURBLE_EVENT_SENT:
        if (ops->sent != NULL)
            ops->sent(s, e->sent);
        return;
    case BURBLE_EVENT_STANZA:
        if (ops->stanza != NULL)
            ops->stanza(s, e->stanza);
        return;
    case BURBLE_EVENT_XML:
        if (s->app->debug)
            show_xml(e->xml);
        return;
    case BURBLE_EVENT_BAD:
        out_detail(&s->app->out, "refused a stanza of %s: %s",
                   e->bad->from != NULL ? e->bad->from : "the server", e->bad->why);
        return;
    case BURBLE_EVENT_SAVE:
        session_save(s);
        return;
    }
}

static void on_signal(int fd, unsigned events, void *arg)
{
    struct session *s = arg;
    (void)events;
    for (int number; (number = signals_next(fd)) != 0;) {
        if (s->ending && number == SIGHUP)
            continue; /* the terminal is gone, which was seen otherwise already */
        if (s->ending && s->ops->hurry != NULL)
            s->ops->hurry(s);
        if (s->ending)
            _exit(EXIT_INTERRUPTED); /* the second one is in a hurry */
        session_end(s, EXIT_INTERRUPTED);
    }
}

/* Nobody reads standard output any more (C09). */
static void on_output_closed(int fd, unsigned events, void *arg)
{
    struct session *s = arg;
    (void)events;
    (void)burble_loop_watch(s->loop, fd, 0, NULL, NULL);
    s->app->out.closed = true;
    session_end(s, EXIT_INTERRUPTED);
}

static bool is_pipe(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static void too_late(void *arg)
{
    struct session *s = arg;
    if (s->inside->stands || s->ending)
        return;
    s->inside->said = true;
    out_error("no session within the time that was given");
    session_end(s, EXIT_UNREACHABLE);
}

static int text_jid(const struct account *a, struct buf *out)
{
    buf_add(out, slice_z(a->jid));
    if (a->resource != NULL) {
        buf_byte(out, '/');
        buf_add(out, slice_z(a->resource));
    }
    return buf_byte(out, '\0');
}

enum burble_security session_security(enum account_tls tls)
{
    return tls == ACCOUNT_TLS_STARTTLS ? BURBLE_STARTTLS
           : tls == ACCOUNT_TLS_DIRECT ? BURBLE_DIRECT_TLS
           : tls == ACCOUNT_TLS_NONE   ? BURBLE_TLS_NONE
                                       : BURBLE_TLS;
}

void session_warn(const struct account *a)
{
    if (a->tls == ACCOUNT_TLS_NONE)
        out_error("warning: without TLS everybody on the way can read and change everything");
}

/* The authorities of the account, else the loop takes the system's. */
static int own_authorities(struct session *s)
{
    const char *path = s->app->account.ca_file;
    struct buf pem = {0};
    int status = 0;
    if (path == NULL)
        return 0;
    errno = 0;
    if (file_read(path, PEM_BYTES_MAX, &pem, NULL) != 0)
        status = app_fail(s->app, EXIT_USAGE, "%s cannot be read%s%s", path, errno != 0 ? ": " : "",
                          errno != 0 ? strerror(errno) : "");
    if (status == 0)
        s->inside->trust = burble_trust_new(buf_slice(&pem).ptr, buf_len(&pem), NULL, 0, NULL, 0);
    if (status == 0 && (buf_len(&pem) == 0 || s->inside->trust == NULL))
        status = app_fail(s->app, EXIT_USAGE, "%s holds no certificates (PEM)", path);
    buf_free(&pem);
    return status;
}

/* The own certificate for EXTERNAL, with the authorities that the loop would take. */
static int own_certificate(struct session *s)
{
    const struct account *a = &s->app->account;
    const char *ca = a->ca_file != NULL ? a->ca_file : "/etc/ssl/certs/ca-certificates.crt";
    struct buf anchors = {0}, chain = {0}, key = {0};
    int status = own_authorities(s);
    if (a->certificate == NULL || status != 0)
        return status;
    burble_trust_free(&s->inside->trust);
    (void)file_read(ca, PEM_BYTES_MAX, &anchors, NULL);
    if (file_read(a->certificate, PEM_BYTES_MAX, &chain, NULL) != 0)
        status = app_fail(s->app, EXIT_USAGE, "%s cannot be read", a->certificate);
    if (status == 0)
        status = private_file_read(s->app, a->key, "the key", false, PEM_BYTES_MAX, &key);
    if (status == 0)
        s->inside->trust =
            burble_trust_new(buf_slice(&anchors).ptr, buf_len(&anchors), buf_slice(&chain).ptr,
                             buf_len(&chain), buf_slice(&key).ptr, buf_len(&key));
    if (status == 0 && s->inside->trust == NULL)
        status = app_fail(s->app, EXIT_USAGE, "%s and %s are no certificate with its key",
                          a->certificate, a->key);
    buf_free(&anchors);
    buf_free(&chain);
    password_free(&key);
    return status;
}

static int make_client(struct session *s, const char *password, struct slice state)
{
    const struct account *a = &s->app->account;
    struct buf jid = {0};
    const char **pins = mem_array(a->pins.count + 1, sizeof(*pins));
    for (uint32_t i = 0; i < a->pins.count; i++)
        pins[i] = a->pins.items[i];
    int err = text_jid(a, &jid);
    struct burble_config config =
        BURBLE_CONFIG(.jid = jid.ptr, .password = password, .on_event = on_event, .arg = s,
                      .host = a->host != NULL || a->port == 0 ? a->host : strchr(a->jid, '@') + 1,
                      .port = (uint16_t)a->port, .security = session_security(a->tls),
                      .proxy = a->proxy, .pins = pins, .mechanism = a->mechanism,
                      .software = "burble", .flags = s->options.flags, .state = state.ptr,
                      .state_len = state.len, .trust = s->inside->trust);
    if (!s->options.stay) {
        config.flags |= BURBLE_NO_RECONNECT;
        config.silence_ms = SILENCE_MS;
        config.answer_ms = ANSWER_MS;
    }
    if (s->options.purpose == NULL)
        config.flags |= BURBLE_NO_FAST;
    if (s->options.sure && state_held(&s->inside->state))
        config.flags |= BURBLE_ACK_SAVED;
    if (s->app->debug)
        config.flags |= BURBLE_RAW_XML;
    if (err == 0)
        err = burble_new(&config, &s->client);
    if (err == ERR_CORRUPT) {
        out_note(&s->app->out, "what was kept of the last session is damaged; beginning anew");
        config.state = NULL;
        config.state_len = 0;
        err = burble_new(&config, &s->client);
    }
    mem_free(pins);
    buf_free(&jid);
    return err;
}

static int start(struct session *s)
{
    struct buf password = {0}, state = {0};
    struct burble_loop_config config =
        BURBLE_LOOP_CONFIG(.ca_file = s->app->account.ca_file,
                           .nameservers = getenv("BURBLE_NAMESERVERS"));
    int status = own_certificate(s);
    session_warn(&s->app->account);
    if (status == 0 && s->options.password.ptr == NULL)
        status = app_password(s->app, &password);
    else if (status == 0 && (buf_reserve(&password, s->options.password.len + 1) != 0 ||
                             buf_add(&password, s->options.password) != 0))
        status = app_fail(s->app, EXIT_REFUSED, "out of memory");
    if (status == 0 && s->options.purpose != NULL)
        status = state_open(s->app, s->options.purpose, &s->inside->state);
    if (status == 0 && s->options.purpose != NULL)
        status = state_read(s->app, &s->inside->state, &state);
    if (status == 0 && buf_byte(&password, '\0') != 0)
        status = app_fail(s->app, EXIT_REFUSED, "out of memory");
    int err = status == 0 ? burble_loop_new(&config, &s->loop) : 0;
    if (err == 0 && status == 0)
        err = make_client(s, buf_len(&password) > 1 ? buf_slice(&password).ptr : NULL,
                          buf_slice(&state));
    password_free(&password);
    password_free(&state);
    if (err == ERR_SYNTAX)
        status = app_fail(s->app, EXIT_USAGE,
                          config.nameservers != NULL && s->loop == NULL
                              ? "BURBLE_NAMESERVERS is no list of addresses"
                              : "the account's address or proxy is none");
    else if (err != 0)
        status = app_fail(s->app, EXIT_REFUSED, "cannot start: %s", burble_error_text(err));
    return status;
}

int session_open(struct app *app, const struct session_ops *ops, void *arg,
                 const struct session_options *o, struct session *out)
{
    *out = (struct session){.app = app, .ops = ops, .arg = arg};
    if (o != NULL)
        out->options = *o;
    out->inside = mem_new(struct session_inside);
    out->inside->signals = -1;
    out->inside->state.lock_fd = -1;
    int status = start(out);
    if (status != 0)
        return status;
    int err = signals_open(&out->inside->signals);
    if (err == 0)
        err = burble_loop_watch(out->loop, out->inside->signals, BURBLE_READ, on_signal, out);
    if (err == 0 && is_pipe(STDOUT_FILENO))
        err = burble_loop_watch(out->loop, STDOUT_FILENO, BURBLE_HANGUP, on_output_closed, out);
    if (err == 0)
        err = burble_loop_add(out->loop, out->client);
    if (err == 0 && !out->options.stay)
        err = burble_loop_alarm(out->loop,
                                out->options.online_ms != 0 ? out->options.online_ms : ONLINE_MS,
                                too_late, out, NULL);
    if (err == 0)
        err = burble_connect(out->client);
    return err == 0 ? 0 : app_fail(app, EXIT_REFUSED, "cannot start: %s", burble_error_text(err));
}

int session_run(struct session *s)
{
    while (!s->ending || burble_state(s->client) != BURBLE_OFFLINE) {
        int err = burble_loop_run(s->loop);
        if (err != 0)
            return app_fail(s->app, EXIT_REFUSED, "%s", burble_error_text(err));
        if (burble_state(s->client) == BURBLE_OFFLINE)
            break;
    }
    return s->status;
}

int session_run_with(struct session *s, void (*turn)(void *arg), void *arg)
{
    while (!s->ending || burble_state(s->client) != BURBLE_OFFLINE) {
        if (burble_loop_wait(s->loop, -1) != 0)
            return app_fail(s->app, EXIT_REFUSED, "the loop cannot run inside of itself");
        turn(arg);
    }
    return s->status;
}

void session_say_end(const struct session *s)
{
    if (s->inside->why != NULL)
        out_error("%s", s->inside->why);
}

void session_end(struct session *s, int code)
{
    if (s->ending)
        return;
    s->ending = true;
    s->status = code;
    bool leaves = s->options.leaves && burble_state(s->client) == BURBLE_ONLINE;
    if (state_held(&s->inside->state) && s->options.stay && !leaves)
        burble_suspend(s->client); /* it is saved when that is done */
    else
        burble_disconnect(s->client);
}

void session_close(struct session *s)
{
    burble_free(&s->client);
    burble_loop_free(&s->loop);
    if (s->inside == NULL)
        return;
    if (s->inside->signals >= 0)
        signals_close(&s->inside->signals);
    state_close(&s->inside->state);
    burble_trust_free(&s->inside->trust);
    mem_free(s->inside->why);
    mem_free(s->inside);
    s->inside = NULL;
}

void session_error_text(const struct burble_stanza_error *e, struct buf *out)
{
    buf_add(out, slice_z(*e->text != '\0' ? e->text : e->condition));
    if (*e->text != '\0')
        (void)buf_printf(out, " (%s)", e->condition);
}

void session_say_error(const char *who, const struct burble_stanza_error *error)
{
    struct buf text = {0};
    session_error_text(error, &text);
    out_error("%s: %.*s", who, SLICE_ARG(buf_slice(&text)));
    buf_free(&text);
}

void session_refused(struct session *s, const char *what, enum burble_iq_outcome outcome,
                     const struct burble_stanza_error *error)
{
    if (outcome == BURBLE_IQ_GONE && !s->options.stay)
        return; /* the session is about to end, and says why */
    session_say_error(what, error);
    s->inside->said = true;
    session_end(s, outcome == BURBLE_IQ_TIMEOUT ? EXIT_UNREACHABLE : EXIT_REFUSED);
}
