/* `burble bot --exec`: a program per message, of those who may (S12). The message is data (V71):
 * words behind the program's own, which it does not take for options; the name of a command in the
 * table; BURBLE_BODY in its environment. A shell reads it only where that was asked for. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "burble/bot.h"
#include "burble/child.h"
#include "burble/words.h"

extern char **environ;

struct job {
    struct list link;
    struct bot *bot;
    struct child *child; /* NULL: it waits */
    struct bot_pending *said;
};

struct named {
    char *name;
    struct config_strings words; /* the program and its first arguments */
};

struct exec {
    struct config_strings own; /* the program for all messages; empty: the table, or the shell */
    bool shell, dashes;
    struct named table[BOT_COMMANDS_MAX];
    size_t table_count;
    struct list waiting, running;
    unsigned waiting_count, running_count;
    char **env; /* ours, and room for the three of a job behind it */
    size_t env_count;
};

static void job_free(struct job *j)
{
    child_free(&j->child);
    list_remove(&j->link);
    mem_free(j);
}

/* It was answered: both are saved at once. */
static void job_end(struct job *j)
{
    bot_pending_done(j->bot, j->said);
    bot_pending_save(j->bot);
    job_free(j);
}

static void reply(struct job *j, const char *text)
{
    (void)bot_reply(j->bot, j->said->to, j->said->type, text);
}

static void start_next(struct bot *b);

static void say_result(struct job *j, const struct child_result *r)
{
    struct buf text = {0};
    struct slice said = r->out.len > 0 ? r->out : r->err;
    bot_clean(said, BOT_REPLY_BYTES_MAX, &text);
    if (!text.failed)
        buf_truncate(&text, buf_len(&text) - 1); /* the NUL */
    bool some = buf_len(&text) > 0;
    const char *gap = some ? "\n" : "";
    if (r->late)
        (void)buf_printf(&text, "%s(stopped: it took longer than %u s)", gap, j->bot->time_s);
    else if (r->cut)
        (void)buf_printf(&text, "%s(cut after %u bytes)", gap, j->bot->size);
    else if (!some && WIFSIGNALED(r->status))
        (void)buf_printf(&text, "(ended by signal %d)", WTERMSIG(r->status));
    else if (!some && WEXITSTATUS(r->status) != 0)
        (void)buf_printf(&text, "(failed with status %d)", WEXITSTATUS(r->status));
    else if (!some)
        (void)buf_lit(&text, "(no output)");
    (void)buf_byte(&text, '\0');
    reply(j, text.failed ? "(out of memory)" : buf_slice(&text).ptr);
    buf_free(&text);
}

static void job_done(struct child *c, const struct child_result *r, void *arg)
{
    struct job *j = arg;
    struct bot *b = j->bot;
    struct exec *x = b->work;
    (void)c;
    say_result(j, r);
    job_end(j);
    x->running_count--;
    start_next(b);
}

/* --------------------------------------------------------------------------------- what is started
 */

static void say_commands(struct exec *x, struct job *j)
{
    struct buf known = {0};
    (void)buf_lit(&known, "Unknown command. There are:");
    for (size_t i = 0; i < x->table_count; i++)
        (void)buf_printf(&known, " %s", x->table[i].name);
    (void)buf_byte(&known, '\0');
    reply(j, known.failed ? "Unknown command." : buf_slice(&known).ptr);
    buf_free(&known);
}

static const struct config_strings *find_command(const struct exec *x, const char *name)
{
    for (size_t i = 0; i < x->table_count; i++)
        if (strcmp(x->table[i].name, name) == 0)
            return &x->table[i].words;
    return NULL;
}

/* Would the program take words of the message for options? Not behind a "--" of its own. */
static bool dashes(const struct exec *x, const struct config_strings *own,
                   const struct config_strings *said, uint32_t from)
{
    if (x->dashes || strcmp(own->items[own->count - 1], "--") == 0)
        return false;
    for (uint32_t i = from; i < said->count; i++)
        if (said->items[i][0] == '-')
            return true;
    return false;
}

/* The program and its arguments, in an array of texts that are others', ended by NULL. NULL: it is
 * not to be run, and why was said. */
static char **build(struct exec *x, struct job *j, const struct config_strings *said)
{
    const struct config_strings *own = &x->own;
    uint32_t from = 0;
    if (x->table_count > 0) {
        own = said->count > 0 ? find_command(x, said->items[0]) : NULL;
        from = 1;
    }
    if (own == NULL) {
        say_commands(x, j);
        return NULL;
    }
    if (dashes(x, own, said, from)) {
        reply(j, "Words that begin with \"-\" are not taken here.");
        return NULL;
    }
    size_t n = own->count, more = said->count - from;
    char **argv = mem_array(n + more + 1, sizeof(*argv));
    memcpy(argv, own->items, n * sizeof(*argv));
    if (more > 0)
        memcpy(argv + n, said->items + from, more * sizeof(*argv));
    return argv;
}

/* NAME=value; on the heap. What XML carries has no NUL. */
static char *variable(const char *name, const char *value)
{
    struct buf b = {0};
    buf_printf(&b, "%s=%s", name, value);
    char *copy = mem_copy(buf_slice(&b));
    buf_free(&b);
    return copy;
}

static int run_it(struct bot *b, struct job *j, char **argv)
{
    struct exec *x = b->work;
    struct child_config config = {.argv = argv,
                                  .env = x->env,
                                  .time_ms = b->time_s * 1000,
                                  .output_max = b->size,
                                  .done = job_done,
                                  .arg = j};
    char **own = x->env + x->env_count;
    own[0] = variable("BURBLE_FROM", j->said->who);
    own[1] = variable("BURBLE_BODY", j->said->text);
    int err = child_start(b->session->loop, &config, &j->child);
    mem_free(own[0]);
    mem_free(own[1]);
    own[0] = own[1] = NULL;
    if (err == 0)
        return 0;
    reply(j, err == ERR_NOT_FOUND ? "There is no such program." : "The program cannot be started.");
    out_error("%s cannot be started: %s", argv[0], err_text(err));
    return err;
}

/* True when it runs; else why not was said. */
static bool start(struct bot *b, struct job *j)
{
    struct exec *x = b->work;
    struct config_strings said = {0};
    char sh[] = "/bin/sh", c[] = "-c";
    char *shell[] = {sh, c, j->said->text, NULL};
    if (x->shell)
        return run_it(b, j, shell) == 0;
    if (!words_split(slice_z(j->said->text), &said)) {
        reply(j, "A quote is not closed, or there are too many words.");
        return false;
    }
    char **argv = build(x, j, &said);
    bool runs = argv != NULL && run_it(b, j, argv) == 0;
    mem_free(argv);
    words_free(&said);
    return runs;
}

static void start_next(struct bot *b)
{
    struct exec *x = b->work;
    while (x->running_count < b->parallel && !list_empty(&x->waiting)) {
        struct job *j = CONTAINER_OF(list_pop(&x->waiting), struct job, link);
        x->waiting_count--;
        if (start(b, j)) {
            list_push(&x->running, &j->link);
            x->running_count++;
        } else {
            job_end(j);
        }
    }
}

static void exec_again(struct bot *b, struct bot_pending *p)
{
    struct exec *x = b->work;
    struct job *j = mem_new(struct job);
    *j = (struct job){.bot = b, .said = p};
    list_push(&x->waiting, &j->link);
    x->waiting_count++;
    start_next(b);
}

static void exec_message(struct bot *b, const struct bot_said *said)
{
    struct exec *x = b->work;
    const char *refusal = NULL;
    if (strlen(said->text) > BOT_BODY_BYTES_MAX)
        refusal = "That is too long.";
    else if (x->waiting_count >= BOT_QUEUE_MAX || bot_pending_full(b, strlen(said->text)))
        refusal = "Too much is waiting; try again later.";
    if (refusal != NULL) {
        (void)bot_reply(b, said->to, said->message->type, refusal);
        return;
    }
    exec_again(b, bot_pending_add(b, said, SLICE_NONE));
}

/* ------------------------------------------------------------------------------- the command line
 */

/* NAME=PROGRAM ARG... */
static int read_table(struct bot *b, struct exec *x)
{
    const char *row;
    for (size_t i = 0; (row = options_get_nth(&b->app->options, "command", i)) != NULL; i++) {
        struct slice text = slice_z(row);
        size_t at = slice_find(text, '=');
        if (at == text.len || at == 0 || x->table_count == BOT_COMMANDS_MAX)
            return app_fail(b->app, EXIT_USAGE, "--command is NAME=PROGRAM [ARG...], not \"%s\"",
                            row);
        struct named *n = &x->table[x->table_count++];
        n->name = mem_copy(slice_of(row, at));
        if (!words_split(slice_from(text, at + 1), &n->words) || n->words.count == 0)
            return app_fail(b->app, EXIT_USAGE, "--command %s: no program, or an open quote",
                            n->name);
    }
    return 0;
}

static void take_environment(struct exec *x)
{
    while (environ[x->env_count] != NULL)
        x->env_count++;
    x->env = mem_array(x->env_count + 3, sizeof(*x->env));
    memcpy(x->env, environ, x->env_count * sizeof(*x->env));
}

static int exec_begin(struct bot *b, int argc, char **argv)
{
    struct exec *x = mem_new(struct exec);
    b->work = x;
    list_init(&x->waiting);
    list_init(&x->running);
    x->own = (struct config_strings){.items = argv, .count = (uint32_t)argc};
    x->shell = app_option(b->app, "shell") != NULL;
    x->dashes = app_option(b->app, "dashes") != NULL;
    take_environment(x);
    int status = read_table(b, x);
    if (status != 0)
        return status;
    if (b->rules.all)
        return app_fail(b->app, EXIT_USAGE,
                        "--exec runs programs for others: say for whom, with --allow JID");
    if ((argc > 0) + (x->table_count > 0) + (x->shell ? 1 : 0) != 1)
        return app_fail(b->app, EXIT_USAGE,
                        "--exec takes a program behind \"--\", or --command, or --shell");
    if (x->shell)
        out_error("warning: --shell: whoever is allowed can do here what you can");
    return 0;
}

static void exec_end(struct bot *b)
{
    struct exec *x = b->work;
    if (x == NULL)
        return;
    while (!list_empty(&x->waiting))
        job_free(CONTAINER_OF(x->waiting.next, struct job, link));
    while (!list_empty(&x->running))
        job_free(CONTAINER_OF(x->running.next, struct job, link));
    for (size_t i = 0; i < x->table_count; i++) {
        mem_free(x->table[i].name);
        words_free(&x->table[i].words);
    }
    mem_free(x->env);
    mem_free(x);
    b->work = NULL;
}

const struct bot_mode BOT_EXEC = {
    .begin = exec_begin, .message = exec_message, .again = exec_again, .end = exec_end};
