/* burble chat: full-screen chat in a terminal. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "burble/tui.h"
#include "burble/tui_rescue.h"
#include "burble/tui_terminal.h"
#include "burble/tui_view.h"
#include "io/random.h"

enum { ERRORS_MAX = 8192 }; /* bytes of what was written to standard error */

static const struct option_row OPTIONS[] = {
    {"join", "ROOM", "enter a room at the beginning", 0, true},
    {"nick", "NAME", "nickname in rooms", 0, false},
    {NULL, NULL, NULL, 0, false},
};

static int zone_s(int64_t now_ms)
{
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm;
    return localtime_r(&seconds, &tm) != NULL ? (int)tm.tm_gmtoff : 0;
}

void tui_draw_now(struct tui *t)
{
    int rows, columns;
    int64_t now_ms = tui_now(t);
    t->model.ending = t->session.ending;
    t->model.pasting = t->paste.open;
    tui_terminal_size(&rows, &columns);
    if (rows != t->grid.rows || columns != t->grid.columns)
        tui_grid_resize(&t->grid, rows, columns);
    tui_draw(&t->model, &t->grid, now_ms, zone_s(now_ms));
    tui_terminal_show(&t->grid, t->redraw);
    if (t->model.bell)
        tui_terminal_bell();
    t->model.bell = false;
    t->redraw = false;
    t->drawn = true;
}

/* ------------------------------------------------------------------------------------------ loop
 */

/* The second Ctrl-C, or signal, does not wait for the server's farewell. */
static void in_a_hurry(struct session *s)
{
    (void)s;
    tui_terminal_close();
    tui_rescue_errors_end();
    _exit(EXIT_INTERRUPTED);
}

static void typed(int fd, unsigned events, void *arg)
{
    struct tui *t = arg;
    struct tui_key k;
    if ((events & BURBLE_HANGUP) != 0) {
        session_end(&t->session, EXIT_INTERRUPTED);
        (void)burble_loop_watch(t->session.loop, fd, 0, NULL, NULL);
        return;
    }
    while ((k = tui_terminal_key()).kind != TUI_KEY_NONE) {
        if (!t->session.ending)
            tui_key(t, k);
        else if (k.kind == TUI_KEY_CONTROL && k.code == 'c')
            in_a_hurry(&t->session);
    }
}

/* Ctrl-Z: all that the shell has started together stops here, and goes on here. Where nobody could
 * let it go on (no job control), the system does not stop it. */
void tui_suspend(struct tui *t)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    tui_terminal_pause();
    (void)signal(SIGTSTP, SIG_DFL);
    (void)kill(0, SIGTSTP);
    (void)sigprocmask(SIG_UNBLOCK, &stop, NULL);
    (void)sigprocmask(SIG_BLOCK, &stop, NULL);
    tui_terminal_resume();
    t->redraw = true;
    tui_changed(t);
}

static void signalled(int fd, unsigned events, void *arg)
{
    struct signalfd_siginfo info;
    struct tui *t = arg;
    (void)events;
    while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTSTP) {
            tui_suspend(t);
        } else if (info.ssi_signo == SIGCONT) { /* stopped by another signal: the shell was here */
            tui_terminal_pause();
            tui_terminal_resume();
            t->redraw = true;
        }
    }
    tui_changed(t);
}

/* At the end of each turn of the loop that changed something: one drawing for all of it. */
static void turn(void *arg)
{
    struct tui *t = arg;
    if (!t->drawn || t->model.ending != t->session.ending)
        tui_draw_now(t);
}

static int watch_signals(struct tui *t)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    sigaddset(&set, SIGTSTP);
    sigaddset(&set, SIGCONT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    t->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return t->signals < 0
               ? BURBLE_ERR_FULL
               : burble_loop_watch(t->session.loop, t->signals, BURBLE_READ, signalled, t);
}

/* --------------------------------------------------------------------------------- standard error
 */

/* Each line once, in the status line now and on the terminal at the end. */
static void complain(struct tui *t, struct slice line)
{
    struct slice all = buf_slice(&t->errors);
    tui_notice(&t->model, "%.*s", SLICE_ARG(line));
    tui_changed(t);
    for (struct slice rest = all; rest.len > 0;) {
        size_t end = slice_find(rest, '\n');
        if (slice_eq(slice_of(rest.ptr, end), line))
            return;
        rest = slice_from(rest, end < rest.len ? end + 1 : end);
    }
    if (all.len + line.len < ERRORS_MAX) {
        (void)buf_add(&t->errors, line);
        (void)buf_byte(&t->errors, '\n');
    }
}

static void complained(int fd, unsigned events, void *arg)
{
    char bytes[2048];
    ssize_t n;
    (void)events;
    while ((n = read(fd, bytes, sizeof(bytes))) > 0)
        for (struct slice rest = slice_of(bytes, (size_t)n); rest.len > 0;) {
            size_t end = slice_find(rest, '\n');
            if (end > 0)
                complain(arg, slice_of(rest.ptr, end));
            rest = slice_from(rest, end < rest.len ? end + 1 : end);
        }
}

static void watch_errors(struct tui *t)
{
    t->complaints = tui_rescue_errors();
    if (t->complaints >= 0 &&
        burble_loop_watch(t->session.loop, t->complaints, BURBLE_READ, complained, t) != 0)
        tui_rescue_errors_end();
}

static void end_screen(struct tui *t)
{
    tui_terminal_close();
    if (t->complaints >= 0) {
        complained(t->complaints, BURBLE_READ, t);
        (void)burble_loop_watch(t->session.loop, t->complaints, 0, NULL, NULL);
    }
    tui_rescue_errors_end();
    if (buf_len(&t->errors) > 0)
        (void)fwrite(buf_slice(&t->errors).ptr, 1, buf_len(&t->errors), stderr);
    (void)burble_loop_watch(t->session.loop, tui_terminal_fd(), 0, NULL, NULL);
    if (t->signals >= 0) {
        (void)burble_loop_watch(t->session.loop, t->signals, 0, NULL, NULL);
        close(t->signals);
    }
}

static int run_screen(struct tui *t, const char *jid)
{
    const char *why, *room;
    if (!tui_terminal_open(&why))
        return app_fail(t->app, EXIT_USAGE, "%s", why);
    watch_errors(t);
    int err = watch_signals(t);
    if (err == 0)
        err = burble_loop_watch(t->session.loop, tui_terminal_fd(), BURBLE_READ, typed, t);
    int status = err == 0 ? tui_network_start(t) : EXIT_REFUSED;
    for (size_t i = 0; status == 0 && (room = options_get_nth(&t->app->options, "join", i)) != NULL;
         i++)
        tui_join(t, room, app_option(t->app, "nick"), NULL);
    if (status == 0 && jid != NULL)
        tui_open(t, jid);
    if (status == 0) {
        tui_draw_now(t);
        status = session_run_with(&t->session, turn, t);
    }
    end_screen(t);
    session_say_end(&t->session);
    return status;
}

static int run(struct app *app, int argc, char **argv)
{
    struct tui t = {.app = app, .signals = -1, .complaints = -1};
    struct session_ops ops = TUI_OPS;
    list_init(&t.model.talks);
    random_bytes(&t.model.key, sizeof(t.model.key));
    t.model.own = mem_copy(slice_z(app->account.jid));
    t.model.connection = "connecting";
    ops.hurry = in_a_hurry;
    app->out.verbose = app->debug = false; /* the screen is ours */
    int status = session_open(
        app, &ops, &t,
        &(struct session_options){.stay = true, .leaves = true, .purpose = "chat", .silent = true},
        &t.session);
    if (status == 0)
        status = run_screen(&t, argc > 0 ? argv[0] : NULL);
    session_close(&t.session);
    tui_model_free(&t.model);
    tui_grid_free(&t.grid);
    tui_paste_free(&t.paste);
    buf_free(&t.errors);
    mem_free(t.typing_to);
    mem_free(t.last_id);
    return status;
}

const struct command CMD_CHAT = {
    .name = "chat",
    .shown = "[JID]",
    .args_max = 1,
    .account = true,
    .options = OPTIONS,
    .line = "chat in the terminal",
    .help = "Contacts at the left, the conversation beside them, what you type below. /help\n"
            "lists the commands and keys, Ctrl-C ends.",
    .run = run,
};
