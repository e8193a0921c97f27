/* burble chat: full-screen chat in a terminal. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "burble/tui.h"
#include "burble/tui_terminal.h"
#include "burble/tui_view.h"

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

static void draw(struct tui *t)
{
    int rows, columns;
    int64_t now_ms = tui_now(t);
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

/* ------------------------------------------------------------------------------------------ keys
 */

static void go(struct tui *t, int step, int absolute)
{
    enum { MAX = 2000 };
    struct tui_entry *entries = mem_array(MAX, sizeof(*entries));
    int n = (int)tui_entries(&t->model, entries, MAX), at = -1;
    for (int i = 0; i < n; i++)
        if (t->model.current != NULL && entries[i].talk == t->model.current)
            at = i;
    if (n > 0) {
        int to = absolute >= 0 ? absolute : at < 0 ? (step > 0 ? 0 : n - 1) : (at + step + n) % n;
        if (to < n) {
            char *jid = mem_copy(slice_z(entries[to].jid));
            if (entries[to].talk != NULL)
                tui_show(t, entries[to].talk);
            else
                tui_open(t, jid);
            mem_free(jid);
        }
    }
    mem_free(entries);
}

static void tab(struct tui *t)
{
    struct tui_talk *next = tui_next_unread(&t->model);
    if (editor_text(&t->model.editor).len > 0)
        tui_complete(t);
    else if (next != NULL)
        tui_show(t, next);
}

void tui_scroll(struct tui *t, bool up)
{
    struct tui_talk *k = t->model.current;
    size_t page = (size_t)tui_page(&t->grid), step = page > 2 ? page - 2 : 1;
    if (k == NULL)
        return;
    tui_changed(t);
    if (!up) {
        k->scroll = k->scroll > step ? k->scroll - step : 0;
        return;
    }
    size_t wanted = k->scroll + step, before = k->scroll;
    k->scroll = wanted;
    draw(t); /* cuts it to what there is */
    if (k->scroll < wanted)
        tui_older(t, k, k->scroll == before);
}

/* A page is shown: it can be scrolled, and any other key closes it. False: the key is to do what it
 * does. */
static bool turned(struct tui *t, struct tui_key k)
{
    bool closes = k.kind == TUI_KEY_ENTER || k.kind == TUI_KEY_OTHER || k.kind == TUI_KEY_HELP ||
                  (k.kind == TUI_KEY_TEXT && (k.code == ' ' || k.code == 'q'));
    if (t->model.page == NULL)
        return false;
    if (k.kind == TUI_KEY_PAGE_UP || k.kind == TUI_KEY_UP)
        t->model.page_top -= k.kind == TUI_KEY_UP ? 1 : tui_page(&t->grid);
    else if (k.kind == TUI_KEY_PAGE_DOWN || k.kind == TUI_KEY_DOWN)
        t->model.page_top += k.kind == TUI_KEY_DOWN ? 1 : tui_page(&t->grid);
    else
        tui_set(&t->model.page, NULL);
    return closes || t->model.page != NULL;
}

static void enter(struct tui *t)
{
    char *line = editor_take(&t->model.editor);
    if (*line != '\0')
        tui_enter(t, line);
    mem_free(line);
}

static void control(struct tui *t, uint32_t code)
{
    switch (code) {
    case 'c':
        session_end(&t->session, EXIT_DONE);
        return;
    case 'n':
        go(t, 1, -1);
        return;
    case 'p':
        go(t, -1, -1);
        return;
    case 'l':
        t->redraw = true;
        return;
    case 'w':
        editor_key(&t->model.editor, EDITOR_KILL_WORD);
        return;
    case 'u':
        editor_key(&t->model.editor, EDITOR_KILL_LINE);
        return;
    case 'k':
        editor_key(&t->model.editor, EDITOR_KILL_REST);
        return;
    case 'a':
        editor_key(&t->model.editor, EDITOR_HOME);
        return;
    case 'e':
        editor_key(&t->model.editor, EDITOR_END);
        return;
    default:
        return;
    }
}

static bool edits(struct tui *t, enum tui_key_kind kind)
{
    static const struct {
        enum tui_key_kind key;
        enum editor_key does;
    } EDITS[] = {
        {TUI_KEY_LEFT, EDITOR_LEFT},
        {TUI_KEY_RIGHT, EDITOR_RIGHT},
        {TUI_KEY_WORD_LEFT, EDITOR_WORD_LEFT},
        {TUI_KEY_WORD_RIGHT, EDITOR_WORD_RIGHT},
        {TUI_KEY_UP, EDITOR_OLDER},
        {TUI_KEY_DOWN, EDITOR_NEWER},
        {TUI_KEY_HOME, EDITOR_HOME},
        {TUI_KEY_BACKSPACE, EDITOR_BACKSPACE},
        {TUI_KEY_DELETE, EDITOR_DELETE},
    };
    for (size_t i = 0; i < sizeof(EDITS) / sizeof(EDITS[0]); i++)
        if (EDITS[i].key == kind) {
            editor_key(&t->model.editor, EDITS[i].does);
            return true;
        }
    return false;
}

static void key(struct tui *t, struct tui_key k)
{
    tui_changed(t);
    if (turned(t, k))
        return;
    if (edits(t, k.kind)) {
        tui_typing(t);
        return;
    }
    switch (k.kind) {
    case TUI_KEY_TEXT:
        editor_insert(&t->model.editor, k.code);
        tui_typing(t);
        return;
    case TUI_KEY_ENTER:
        enter(t);
        return;
    case TUI_KEY_END:
        if (editor_text(&t->model.editor).len == 0 && t->model.current != NULL)
            t->model.current->scroll = 0;
        editor_key(&t->model.editor, EDITOR_END);
        return;
    case TUI_KEY_PAGE_UP:
        tui_scroll(t, true);
        return;
    case TUI_KEY_PAGE_DOWN:
        tui_scroll(t, false);
        return;
    case TUI_KEY_TAB:
        tab(t);
        return;
    case TUI_KEY_HELP:
        tui_enter(t, "/help");
        return;
    case TUI_KEY_CONTROL:
        control(t, k.code);
        return;
    case TUI_KEY_ALT:
        if (k.code >= '1' && k.code <= '9')
            go(t, 0, (int)(k.code - '1'));
        return;
    default:
        return;
    }
}

/* ------------------------------------------------------------------------------------------ loop
 */

/* The second Ctrl-C does not wait for the server's farewell. */
static void in_a_hurry(void)
{
    tui_terminal_close();
    _exit(EXIT_INTERRUPTED);
}

static void typed(int fd, unsigned events, void *arg)
{
    struct tui *t = arg;
    struct tui_key k;
    (void)fd;
    if ((events & BURBLE_HANGUP) != 0) {
        session_end(&t->session, EXIT_INTERRUPTED);
        (void)burble_loop_watch(t->session.loop, fd, 0, NULL, NULL);
        return;
    }
    while ((k = tui_terminal_key()).kind != TUI_KEY_NONE) {
        if (!t->session.ending)
            key(t, k);
        else if (k.kind == TUI_KEY_CONTROL && k.code == 'c')
            in_a_hurry();
    }
}

static void resized(int fd, unsigned events, void *arg)
{
    struct signalfd_siginfo info;
    (void)events;
    while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        ;
    tui_changed(arg);
}

/* At the end of each turn of the loop that changed something: one drawing for all of it. */
static void turn(void *arg)
{
    struct tui *t = arg;
    if (!t->drawn)
        draw(t);
}

static int watch_size(struct tui *t, int *fd_out)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    *fd_out = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return *fd_out < 0 ? BURBLE_ERR_FULL
                       : burble_loop_watch(t->session.loop, *fd_out, BURBLE_READ, resized, t);
}

static int run_screen(struct tui *t, const char *jid)
{
    const char *why, *room;
    int size = -1;
    if (!tui_terminal_open(&why))
        return app_fail(t->app, EXIT_USAGE, "%s", why);
    int err = watch_size(t, &size);
    if (err == 0)
        err = burble_loop_watch(t->session.loop, tui_terminal_fd(), BURBLE_READ, typed, t);
    int status = err == 0 ? tui_network_start(t) : EXIT_REFUSED;
    for (size_t i = 0; status == 0 && (room = options_get_nth(&t->app->options, "join", i)) != NULL;
         i++)
        tui_join(t, room, app_option(t->app, "nick"), NULL);
    if (status == 0 && jid != NULL)
        tui_open(t, jid);
    if (status == 0) {
        draw(t);
        status = session_run_with(&t->session, turn, t);
    }
    tui_terminal_close();
    (void)burble_loop_watch(t->session.loop, tui_terminal_fd(), 0, NULL, NULL);
    if (size >= 0) {
        (void)burble_loop_watch(t->session.loop, size, 0, NULL, NULL);
        close(size);
    }
    session_say_end(&t->session);
    return status;
}

static int run(struct app *app, int argc, char **argv)
{
    struct tui t = {.app = app};
    list_init(&t.model.talks);
    t.model.own = mem_copy(slice_z(app->account.jid));
    t.model.connection = "connecting";
    app->out.verbose = app->debug = false; /* the screen is ours */
    int status = session_open(
        app, &TUI_OPS, &t,
        &(struct session_options){.stay = true, .leaves = true, .purpose = "chat", .silent = true},
        &t.session);
    if (status == 0)
        status = run_screen(&t, argc > 0 ? argv[0] : NULL);
    session_close(&t.session);
    tui_model_free(&t.model);
    tui_grid_free(&t.grid);
    mem_free(t.typing_to);
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
