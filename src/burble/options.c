/* The command line. Options may stand anywhere, "--" ends them; a password has no place in it
 * (C13). */
#include "burble/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "burble/exit_code.h"
#include "burble/out.h"

enum { NAME_BYTES = 64, WORD_BYTES_MAX = 1 << 20 };

static int usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int usage(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    out_verror(fmt, args);
    va_end(args);
    return EXIT_USAGE;
}

static int usage_of(const struct command *c)
{
    out_error("Usage: burble %s%s%s", c->name, c->shown[0] != '\0' ? " " : "", c->shown);
    return EXIT_USAGE;
}

static int refuse_password(void)
{
    return usage("a password is never taken from the command line: other users of this machine can "
                 "read it there, and the shell remembers it.\n"
                 "Type it when asked, or use --password-file, --password-fd, --password-stdin, "
                 "--password-command or BURBLE_PASSWORD.");
}

static bool is_password_option(const char *word)
{
    return strcmp(word, "-p") == 0 || strncmp(word, "--pass", 6) == 0 ||
           strncmp(word, "--pw", 4) == 0;
}

static int unknown_option(const struct command *c, struct slice word)
{
    const struct option_row *near =
        word.len > 3 ? command_option_nearest(c, slice_from(word, 2)) : NULL;
    const char *of = c != NULL ? c->name : "";
    if (near != NULL)
        return usage("%s%sthere is no option \"%.*s\"; did you mean \"--%s\"?", of,
                     c != NULL ? ": " : "", SLICE_ARG(word), near->name);
    return usage("%s%sthere is no option \"%.*s\". Try: burble help%s%s", of, c != NULL ? ": " : "",
                 SLICE_ARG(word), c != NULL ? " " : "", of);
}

static int add_value(struct options *o, const struct option_row *row, const char *value)
{
    if (!row->repeat && options_get(o, row->name) != NULL)
        return usage("\"--%s\" is given twice", row->name);
    if (o->count == OPTIONS_MAX)
        return usage("there are more than %d options", (int)OPTIONS_MAX);
    o->values[o->count++] = (struct option_value){row, value};
    return 0;
}

/* argv[*at] begins with "-" and is longer. */
static int read_option(struct options *o, char **argv, int argc, int *at)
{
    const char *word = argv[*at], *value = NULL;
    struct slice name = slice_z(word);
    const struct option_row *row = NULL;
    if (word[1] == '-') {
        name.len = slice_find(name, '=');
        value = word[name.len] == '=' ? word + name.len + 1 : NULL;
        row = command_option(o->command, slice_from(name, 2));
    } else if (word[2] == '\0') {
        row = command_option_letter(o->command, word[1]);
    }
    if (row == NULL)
        return is_password_option(word) ? refuse_password() : unknown_option(o->command, name);
    if (row->value == NULL) {
        if (value != NULL)
            return usage("\"--%s\" takes no value", row->name);
        if (strcmp(row->name, "help") == 0) {
            o->help = true;
            return 0;
        }
        return add_value(o, row, "");
    }
    if (value == NULL && *at + 1 < argc)
        value = argv[++*at];
    if (value == NULL)
        return usage("\"--%s\" needs a value: --%s %s", row->name, row->name, row->value);
    return add_value(o, row, value);
}

static int unknown_command(const char *first, const char *second)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof(name), "%s%s%s", first, second != NULL ? " " : "",
             second != NULL ? second : "");
    struct slice near = command_nearest(slice_z(name));
    if (near.len > 0)
        return usage("there is no command \"%s\"; did you mean \"burble %.*s\"?", name,
                     SLICE_ARG(near));
    return usage("there is no command \"%s\". Try: burble help%s%s", name,
                 second != NULL ? " " : "", second != NULL ? first : "");
}

/* A word that is no option: it belongs to the name of the command, or is an argument of it. */
static int read_word(struct options *o, char *word, const char **group)
{
    char name[NAME_BYTES];
    size_t len = strlen(word);
    if (len > WORD_BYTES_MAX || !utf8_valid(slice_of(word, len)))
        return usage("words are UTF-8 and have at most %d bytes", (int)WORD_BYTES_MAX);
    if (o->command != NULL) {
        o->args[o->arg_count++] = word;
        return 0;
    }
    if (*group != NULL) {
        int n = snprintf(name, sizeof(name), "%s %s", *group, word);
        o->command = n < NAME_BYTES ? command_find(slice_z(name)) : NULL;
        return o->command != NULL ? 0 : unknown_command(*group, word);
    }
    o->command = command_find(slice_of(word, len));
    if (o->command == NULL && command_is_group(slice_of(word, len)))
        *group = word;
    else if (o->command == NULL)
        return unknown_command(word, NULL);
    return 0;
}

static int read_help(struct options *o)
{
    struct options topic = {0};
    const char *group = NULL;
    int status = 0;
    for (int i = 0; status == 0 && topic.command == NULL && i < o->arg_count; i++)
        status = read_word(&topic, o->args[i], &group);
    o->help = true;
    o->command = topic.command;
    o->topic = topic.command == NULL ? group : NULL;
    return status;
}

static int check_args(const struct options *o)
{
    const struct command *c = o->command;
    unsigned count = (unsigned)o->arg_count;
    if (count > c->args_max && c->password)
        return refuse_password();
    if (count > c->args_max)
        out_error("\"%s\" does not take so many words", c->name);
    else if (count < c->args_min)
        out_error("\"%s\" needs %s", c->name, c->args_min == 1 ? "an argument" : "more arguments");
    else
        return 0;
    return usage_of(c);
}

int options_read(int argc, char **argv, struct options *out)
{
    bool ended = false;
    const char *group = NULL;
    *out = (struct options){0};
    out->args = mem_array((size_t)argc + 1, sizeof(*out->args));
    for (int i = 1; i < argc; i++) {
        int status = 0;
        if (!ended && strcmp(argv[i], "--") == 0)
            ended = true;
        else if (!ended && argv[i][0] == '-' && argv[i][1] != '\0')
            status = read_option(out, argv, argc, &i);
        else
            status = read_word(out, argv[i], &group);
        if (status != 0)
            return status;
    }
    if (options_get(out, "version") != NULL)
        return 0;
    if (out->command == &CMD_HELP)
        return read_help(out);
    if (out->help || (out->command == NULL && group == NULL)) {
        out->topic = group;
        out->help = true;
        return 0;
    }
    if (out->command == NULL)
        return usage("\"%s\" needs one more word. Try: burble help %s", group, group);
    return check_args(out);
}

void options_free(struct options *o)
{
    mem_free(o->args);
    *o = (struct options){0};
}

const char *options_get_nth(const struct options *o, const char *name, size_t i)
{
    for (size_t j = 0; j < o->count; j++) {
        const struct option_value *v = &o->values[j];
        if (strcmp(v->row->name, name) == 0 && i-- == 0)
            return v->value;
    }
    return NULL;
}

const char *options_get(const struct options *o, const char *name)
{
    return options_get_nth(o, name, 0);
}
