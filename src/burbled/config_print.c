/* The option reference, printed from the schema as Markdown. */
#include "burbled/config.h"

#include <string.h>

#include "burbled/config_schema.h"

static void print_type(const struct config_key *key, FILE *to)
{
    switch (key->type) {
    case CONFIG_KEY_BOOL:
        fputs("`true` or `false`", to);
        break;
    case CONFIG_KEY_NUMBER:
        fprintf(to, "number, %u to %u", (unsigned)key->min, (unsigned)key->max);
        break;
    case CONFIG_KEY_CHOICE:
        for (size_t i = 0; key->choices[i] != NULL; i++)
            fprintf(to, "%s`\"%s\"`", i == 0 ? "" : ", ", key->choices[i]);
        break;
    case CONFIG_KEY_STRING:
        fputs(key->expected, to);
        break;
    case CONFIG_KEY_STRINGS:
        fprintf(to, "array, each %s", key->expected);
        break;
    case CONFIG_KEY_GROUP:
        fputs("group", to);
        break;
    case CONFIG_KEY_LIST:
        fputs("list of groups", to);
        break;
    }
}

static void print_default(const struct config_key *key, FILE *to)
{
    if (key->required)
        fputs("**required**", to);
    else if (key->type == CONFIG_KEY_STRING && key->def_text != NULL)
        fprintf(to, "`\"%s\"`", key->def_text);
    else if (key->def_text != NULL)
        fputs(key->def_text, to);
    else if (key->type == CONFIG_KEY_BOOL)
        fputs(key->def != 0 ? "`true`" : "`false`", to);
    else if (key->type == CONFIG_KEY_NUMBER)
        fprintf(to, "`%u`", (unsigned)key->def);
    else if (key->type == CONFIG_KEY_CHOICE)
        fprintf(to, "`\"%s\"`", key->choices[key->def]);
    else
        fputs("–", to);
}

static void print_group(const struct config_group *group, FILE *to)
{
    fputs("| Key | Value | Default | Meaning |\n|---|---|---|---|\n", to);
    for (size_t i = 0; i < group->count; i++) {
        const struct config_key *key = &group->keys[i];
        fprintf(to, "| `%s` | ", key->name);
        print_type(key, to);
        fputs(" | ", to);
        print_default(key, to);
        fprintf(to, " | %s |\n", key->doc);
    }
    fputc('\n', to);
}

static void print_limits(FILE *to)
{
    fputs("| Key | Id | Default | Unit | Range | Meaning | `rate = false` |\n"
          "|---|---|---|---|---|---|---|\n",
          to);
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++) {
        const struct config_limit *l = &CONFIG_LIMIT_TABLE[i];
        fprintf(to, "| `%s` | %s | %u | %s | %u–%u | %s | %s |\n", l->name, l->id, (unsigned)l->def,
                config_unit_name(l->unit), (unsigned)l->min, (unsigned)l->max, l->doc,
                l->off == CONFIG_LIMIT_STAYS ? "stays" : "off");
    }
    fputc('\n', to);
}

void config_print_schema(FILE *to)
{
    fputs("# Options of the configuration file\n\n"
          "Printed by `burbled --print-options`; change `src/burbled/config_schema.c` or\n"
          "`src/burbled/config_limits.h`, not this page. `burbled -c FILE --check` tells every\n"
          "error of a file with its line.\n\n"
          "## Top level\n\n",
          to);
    print_group(&CONFIG_ROOT, to);
    for (size_t i = 0; i < CONFIG_ROOT.count; i++) {
        const struct config_key *key = &CONFIG_ROOT.keys[i];
        if (key->group == NULL || key->group == &CONFIG_LIMITS_GROUP)
            continue;
        fprintf(to, "## `%s`: %s\n\n", key->name, key->doc);
        print_group(key->group, to);
        for (size_t j = 0; j < key->group->count; j++) {
            const struct config_key *inner = &key->group->keys[j];
            if (inner->group == NULL)
                continue;
            fprintf(to, "### `%s.%s`: %s\n\n", key->name, inner->name, inner->doc);
            print_group(inner->group, to);
        }
    }
    fputs("## `limits`: each is there to survive an attack\n\n"
          "`rate = false` switches rate limits off, for load tests; sizes, counts and deadlines\n"
          "stay. `burblectl limits` shows the values in force.\n\n",
          to);
    print_limits(to);
}
