/* `burble bot --exec`: a program per message, of those who may (S12). The message is data: words
 * for the program, or the name of a command in the table; a shell only where it was asked for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "burble/bot.h"
#include "burble/child.h"

struct job {
    struct list link;
    struct bot *bot;
    struct child *child; /* NULL: it waits */
    enum burble_message_type type;
    char *to, *from_bare, *body;
};

struct named {
    char *name;
    struct bot_words words; /* the program and its first arguments */
};

struct exec {
    char **argv; /* of the program for all messages; NULL: the table, or the shell */
    int argc;
    bool shell;
    struct named table[BOT_COMMANDS_MAX];
    size_t table_count;
    struct list waiting, running;
    unsigned waiting_count, running_count;
};

static void job_free(struct job *j)
{
    child_free(&j->child);
    list_remove(&j->link);
    mem_free(j->to);
    mem_free(j->from_bare);
    mem_free(j->body);
    mem_free(j);
}

static void reply(struct job *j, const char *text)
{
    (void)bot_reply(j->bot->session, j->to, j->type, text);
}

static void start_next(struct bot *b);

static void say_result(struct job *j, const struct child_result *r)
{
    struct buf text = {0}, clean = {0};
    struct slice said = r->out.len > 0 ? r->out : r->err;
    (void)buf_add(&text, said);
    if (r->late)
        (void)buf_printf(&text, "%s(stopped: it took longer than %u s)", said.len > 0 ? "\n" : "",
                         j->bot->time_s);
    else if (r->cut)
        (void)buf_printf(&text, "\n(cut after %u bytes)", j->bot->size);
    else if (said.len == 0 && WIFSIGNALED(r->status))
        (void)buf_printf(&text, "(ended by signal %d)", WTERMSIG(r->status));
    else if (said.len == 0 && WEXITSTATUS(r->status) != 0)
        (void)buf_printf(&text, "(failed with status %d)", WEXITSTATUS(r->status));
    bot_clean(buf_slice(&text), &clean);
    reply(j, clean.failed ? "(out of memory)" : buf_len(&clean) > 1 ? clean.ptr : "(no output)");
    buf_free(&text);
    buf_free(&clean);
}

static void job_done(struct child *c, const struct child_result *r, void *arg)
{
    struct job *j = arg;
    struct bot *b = j->bot;
    struct exec *x = b->work;
    (void)c;
    say_result(j, r);
    job_free(j);
    x->running_count--;
    start_next(b);
}

/* Fixed words, then those of the message. False: the message is not to be run, and why is said. */
static bool build(struct exec *x, struct job *j, struct bot_words *said, char **argv)
{
    size_t n = 0, from = 0;
    if (x->shell) {
        argv[n++] = (char *)(void *)"/bin/sh";
        argv[n++] = (char *)(void *)"-c";
        argv[n++] = j->body;
        argv[n] = NULL;
        return true;
    }
    if (!bot_words_split(slice_z(j->body), said)) {
        reply(j, "A quote is not closed, or there are too many words.");
        return false;
    }
    for (int i = 0; i < x->argc; i++)
        argv[n++] = x->argv[i];
    if (x->table_count > 0) {
        struct named *found = NULL;
        for (size_t i = 0; i < x->table_count && said->count > 0; i++)
            if (strcmp(x->table[i].name, said->argv[0]) == 0)
                found = &x->table[i];
        if (found == NULL) {
            struct buf known = {0};
            (void)buf_lit(&known, "Unknown command. There are:");
            for (size_t i = 0; i < x->table_count; i++)
                (void)buf_printf(&known, " %s", x->table[i].name);
            (void)buf_byte(&known, '\0');
            reply(j, known.failed ? "Unknown command." : known.ptr);
            buf_free(&known);
            return false;
        }
        for (size_t i = 0; i < found->words.count; i++)
            argv[n++] = found->words.argv[i];
        from = 1;
    }
    for (size_t i = from; i < said->count; i++)
        argv[n++] = said->argv[i];
    argv[n] = NULL;
    return n > 0;
}

static void start(struct job *j)
{
    struct bot *b = j->bot;
    struct exec *x = b->work;
    struct bot_words said = {0};
    char **argv = mem_array(2 * BOT_WORDS_MAX + (size_t)x->argc + 4, sizeof(*argv));
    int err = ERR_SYNTAX;
    bool good = build(x, j, &said, argv);
    if (good) {
        struct child_config config = {.argv = argv,
                                      .time_ms = b->time_s * 1000,
                                      .output_max = b->size,
                                      .done = job_done,
                                      .arg = j};
        (void)setenv("BURBLE_FROM", j->from_bare, 1);
        (void)setenv("BURBLE_BODY", j->body, 1);
        err = child_start(b->session->loop, &config, &j->child);
        if (err != 0) {
            reply(j, err == ERR_NOT_FOUND ? "There is no such program."
                                          : "The program cannot be started.");
            out_error("%s cannot be started: %s", argv[0], err_text(err));
        }
    }
    bot_words_free(&said);
    mem_free(argv);
    if (err != 0) {
        job_free(j);
        return;
    }
    list_push(&x->running, &j->link);
    x->running_count++;
}

static void start_next(struct bot *b)
{
    struct exec *x = b->work;
    while (x->running_count < b->parallel && !list_empty(&x->waiting)) {
        struct job *j = CONTAINER_OF(list_pop(&x->waiting), struct job, link);
        x->waiting_count--;
        start(j);
    }
}

static void exec_message(struct bot *b, const struct burble_message *m)
{
    struct exec *x = b->work;
    bool room = m->type == BURBLE_GROUPCHAT;
    const char *to = room ? m->from_bare : m->from;
    if (x->waiting_count >= BOT_QUEUE_MAX) {
        (void)bot_reply(b->session, to, m->type, "Too much is waiting; try again later.");
        return;
    }
    struct job *j = mem_new(struct job);
    *j = (struct job){.bot = b,
                      .type = m->type,
                      .to = mem_copy(slice_z(to)),
                      .from_bare = mem_copy(slice_z(m->from_bare)),
                      .body = mem_copy(slice_z(m->body))};
    list_push(&x->waiting, &j->link);
    x->waiting_count++;
    start_next(b);
}

/* NAME=PROGRAM ARG... */
static int read_table(struct bot *b, struct exec *x)
{
    const char *row;
    for (size_t i = 0; (row = options_get_nth(&b->app->options, "command", i)) != NULL; i++) {
        size_t at = slice_find(slice_z(row), '=');
        if (row[at] == '\0' || at == 0 || x->table_count == BOT_COMMANDS_MAX)
            return app_fail(b->app, EXIT_USAGE, "--command is NAME=PROGRAM [ARG...], not \"%s\"",
                            row);
        struct named *n = &x->table[x->table_count++];
        n->name = mem_copy(slice_of(row, at));
        if (!bot_words_split(slice_z(row + at + 1), &n->words) || n->words.count == 0)
            return app_fail(b->app, EXIT_USAGE, "--command %s: no program, or an open quote",
                            n->name);
    }
    return 0;
}

static int exec_begin(struct bot *b, int argc, char **argv)
{
    struct exec *x = mem_new(struct exec);
    b->work = x;
    list_init(&x->waiting);
    list_init(&x->running);
    x->argv = argv;
    x->argc = argc;
    x->shell = app_option(b->app, "shell") != NULL;
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
        out_note(&b->app->out, "--shell: whoever is allowed can do here what you can");
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
        bot_words_free(&x->table[i].words);
    }
    mem_free(x);
    b->work = NULL;
}

const struct bot_mode BOT_EXEC = {.begin = exec_begin, .message = exec_message, .end = exec_end};
