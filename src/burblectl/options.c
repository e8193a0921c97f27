/* The command line. Options may stand anywhere, "--" ends them; a password has no place in it. */
#include "burblectl/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "burblectl/output.h"
#include "burbled/control_request.h"
#include "burbled/control_row.h"

enum { WORDS_MAX = 8, NAME_BYTES = 64 };

struct words {
    const char *items[WORDS_MAX];
    size_t count;
};

static int usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int usage(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    output_verror(fmt, args);
    va_end(args);
    fputs("Try: burblectl help\n", stderr);
    return CONTROL_USAGE;
}

static int refuse_password(void)
{
    fputs("burblectl: a password is never taken from the command line: other users of this machine "
          "can read it there, and the shell remembers it.\n"
          "Type it when asked, give it as a line of standard input, or use --generate.\n",
          stderr);
    return CONTROL_USAGE;
}

static bool is_password_option(const char *word)
{
    return strcmp(word, "-p") == 0 || strncmp(word, "--pass", 6) == 0 ||
           strncmp(word, "--pw", 4) == 0;
}

/* An option with a value: "-c FILE", "--data-dir DIR", "--data-dir=DIR". True when word is it; the
 * value is NULL when it is missing. */
static bool with_value(const char *word, const char *name, char **argv, int argc, int *at,
                       const char **out)
{
    size_t len = strlen(name);
    if (strncmp(word, name, len) != 0 || (word[len] != '\0' && word[len] != '='))
        return false;
    *out = word[len] == '=' ? word + len + 1 : *at + 1 < argc ? argv[++*at] : NULL;
    return true;
}

static int read_option(const char *word, char **argv, int argc, int *at, struct options *out)
{
    const char **value = NULL;
    if (is_password_option(word))
        return refuse_password();
    if (strcmp(word, "--json") == 0)
        out->json = true;
    else if (strcmp(word, "--version") == 0)
        out->version = true;
    else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        out->help = true;
    else if (strcmp(word, "--generate") == 0)
        out->generate = true;
    else if (strcmp(word, "--yes") == 0 || strcmp(word, "-y") == 0)
        out->yes = true;
    else if (with_value(word, "--data-dir", argv, argc, at, &out->data_dir))
        value = &out->data_dir;
    else if (with_value(word, "-c", argv, argc, at, &out->config) ||
             with_value(word, "--config", argv, argc, at, &out->config))
        value = &out->config;
    else
        return usage("there is no option \"%s\"", word);
    if (value != NULL && (*value == NULL || (*value)[0] == '\0'))
        return usage("\"%s\" needs a path behind it", word);
    return 0;
}

/* The command of the first words; *used_out of them are its name. */
static const struct command *match(const struct words *w, size_t *used_out)
{
    char name[NAME_BYTES];
    if (w->count >= 2) {
        int n = snprintf(name, sizeof(name), "%s %s", w->items[0], w->items[1]);
        const struct command *two = n < NAME_BYTES ? command_find(slice_z(name)) : NULL;
        *used_out = 2;
        if (two != NULL)
            return two;
    }
    *used_out = 1;
    return command_find(slice_z(w->items[0]));
}

static int unknown(const struct words *w)
{
    char name[NAME_BYTES];
    bool group = command_is_group(slice_z(w->items[0]));
    snprintf(name, sizeof(name), "%s%s%s", w->items[0], w->count > 1 ? " " : "",
             w->count > 1 ? w->items[1] : "");
    if (group && w->count == 1) {
        output_error("\"%s\" needs one more word", name);
        fprintf(stderr, "Try: burblectl help %s\n", w->items[0]);
        return CONTROL_USAGE;
    }
    output_error("there is no command \"%s\"", group ? name : w->items[0]);
    const struct command *near = command_nearest(slice_z(group ? name : w->items[0]));
    if (near == NULL && !group)
        near = command_nearest(slice_z(name));
    if (near != NULL)
        fprintf(stderr, "Did you mean \"burblectl %s\"?\n", near->name);
    fputs("Try: burblectl help\n", stderr);
    return CONTROL_USAGE;
}

static int take_args(const struct words *w, size_t used, struct options *out)
{
    const struct command *c = out->command;
    size_t wanted = 0;
    while (wanted < COMMAND_ARGS_MAX && c->args[wanted].key != NULL)
        wanted++;
    if (w->count - used > wanted) {
        if (c->password)
            return refuse_password();
        return usage("\"%s\" does not take so many words", c->name);
    }
    for (size_t i = 0; i < wanted; i++) {
        if (used + i >= w->count) {
            if (!c->args[i].required)
                break;
            output_error("\"%s\" needs an argument", c->name);
            fprintf(stderr, "Usage: burblectl %s %s\n", c->name, c->args[i].shown);
            return CONTROL_USAGE;
        }
        struct slice arg = slice_z(w->items[used + i]);
        if (arg.len == 0 || arg.len > CONTROL_VALUE_BYTES_MAX || !utf8_valid(arg))
            return usage("%s cannot be empty, longer than 1,024 bytes, or anything but UTF-8",
                         c->args[i].shown);
        out->args[out->arg_count++] = arg.ptr;
    }
    return 0;
}

static int read_help(const struct words *w, struct options *out)
{
    struct words topic = {0};
    size_t used = 0;
    for (size_t i = w->count > 0 && strcmp(w->items[0], "help") == 0 ? 1 : 0; i < w->count; i++)
        topic.items[topic.count++] = w->items[i];
    out->help = true;
    out->command = topic.count > 0 ? match(&topic, &used) : NULL;
    if (topic.count == 0 || out->command != NULL)
        return 0;
    if (topic.count > 1 || !command_is_group(slice_z(topic.items[0])))
        return unknown(&topic);
    out->topic = topic.items[0];
    return 0;
}

int options_read(int argc, char **argv, struct options *out)
{
    struct words words = {0};
    bool ended = false;
    *out = (struct options){0};
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        int status = 0;
        if (!ended && strcmp(word, "--") == 0)
            ended = true;
        else if (!ended && word[0] == '-' && word[1] != '\0')
            status = read_option(word, argv, argc, &i, out);
        else if (words.count < WORDS_MAX)
            words.items[words.count++] = word;
        else
            status = usage("too many words");
        if (status != 0)
            return status;
    }
    if (out->version)
        return 0;
    size_t used = 0;
    if (out->help || words.count == 0 || strcmp(words.items[0], "help") == 0)
        return read_help(&words, out);
    out->command = match(&words, &used);
    if (out->command == NULL)
        return unknown(&words);
    if (out->generate && !out->command->password)
        return usage("\"%s\" takes no --generate", out->command->name);
    if (out->yes && !out->command->confirm)
        return usage("\"%s\" takes no --yes", out->command->name);
    return take_args(&words, used, out);
}
