/* Edits accounts.conf as text: finds where the list and its groups begin and end by the tokens of
 * libconfig's grammar, and cuts or inserts there. Pure. */
#include "burble/account_edit.h"

#include <string.h>

#include "base/err.h"
#include "burbled/config_schema.h"
#include "burbled/config_text.h"

struct span {
    size_t from, to; /* bytes of the text; from == to: there is none */
};

struct layout {
    struct span list; /* between the brackets of "accounts" */
    bool has_list;
    struct span groups[ACCOUNTS_MAX];
    struct span commas[ACCOUNTS_MAX]; /* behind each of them */
    size_t count;
    struct span default_setting; /* with what ends it */
};

/* Whose value is being read at the top of the file. */
enum setting { SETTING_OTHER, SETTING_ACCOUNTS, SETTING_DEFAULT };

static void bracket(struct layout *l, enum setting setting, int depth, char c, struct span at)
{
    if (setting != SETTING_ACCOUNTS)
        return;
    if (c == '(' && depth == 1)
        l->list = (struct span){at.to, at.to};
    else if (c == ')' && depth == 0)
        l->list.to = at.from;
    else if (c == '{' && depth == 2 && l->count < ACCOUNTS_MAX)
        l->groups[l->count].from = at.from;
    else if (c == '}' && depth == 1 && l->count < ACCOUNTS_MAX)
        l->groups[l->count++].to = at.to;
    l->has_list = true;
}

static struct layout layout_of(struct slice text)
{
    struct layout l = {0};
    struct config_scan scan = {.text = text, .line = 1};
    enum setting setting = SETTING_OTHER;
    int depth = 0;
    for (;;) {
        struct config_token t = config_scan_next(&scan);
        if (t.type == CONFIG_TOKEN_END)
            return l;
        struct span at = {(size_t)(t.text.ptr - text.ptr), scan.at};
        char c = t.type == CONFIG_TOKEN_OTHER ? t.text.ptr[0] : '\0';
        if (t.type == CONFIG_TOKEN_NAME && depth == 0) {
            setting = slice_is(t.text, "accounts")  ? SETTING_ACCOUNTS
                      : slice_is(t.text, "default") ? SETTING_DEFAULT
                                                    : SETTING_OTHER;
            if (setting == SETTING_DEFAULT)
                l.default_setting = at;
        } else if (depth == 0 && setting == SETTING_DEFAULT) {
            l.default_setting.to = at.to;
            if (c == ';' || c == ',')
                setting = SETTING_OTHER;
        } else if (c == '(' || c == '{' || c == '[') {
            bracket(&l, setting, ++depth, c, at);
        } else if (c == ')' || c == '}' || c == ']') {
            bracket(&l, setting, --depth, c, at);
        } else if (c == ',' && setting == SETTING_ACCOUNTS && depth == 1 && l.count > 0) {
            l.commas[l.count - 1] = at;
        }
    }
}

static void quoted(struct buf *out, struct slice text)
{
    buf_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            buf_byte(out, '\\');
        buf_byte(out, text.ptr[i]);
    }
    buf_byte(out, '"');
}

static void format_strings(struct buf *out, const struct config_strings *list)
{
    buf_lit(out, "[");
    for (uint32_t i = 0; i < list->count; i++) {
        buf_add(out, slice_z(i > 0 ? ", " : ""));
        quoted(out, slice_z(list->items[i]));
    }
    buf_lit(out, "]");
}

/* One key, when it says anything. */
static void format_key(struct buf *out, const struct account *a, const struct config_key *key)
{
    const char *field = (const char *)a + key->offset;
    const char *text = NULL;
    struct config_strings list = {0};
    uint32_t number = 0;
    if (key->type == CONFIG_KEY_STRING)
        memcpy(&text, field, sizeof(text));
    else if (key->type == CONFIG_KEY_STRINGS)
        memcpy(&list, field, sizeof(list));
    else
        memcpy(&number, field, sizeof(number));
    if (text == NULL && list.count == 0 && number == 0)
        return;
    buf_printf(out, "        %s = ", key->name);
    if (text != NULL)
        quoted(out, slice_z(text));
    else if (list.count > 0)
        format_strings(out, &list);
    else if (key->type == CONFIG_KEY_CHOICE)
        quoted(out, slice_z(key->choices[number]));
    else
        buf_printf(out, "%u", (unsigned)number);
    buf_lit(out, ";\n");
}

static void format(struct buf *out, const struct account *a)
{
    buf_lit(out, "\n    {\n");
    for (size_t i = 0; i < ACCOUNT_SCHEMA.count; i++)
        format_key(out, a, &ACCOUNT_SCHEMA.keys[i]);
    buf_lit(out, "    }");
}

static void add_part(struct buf *out, struct slice text, size_t from, size_t to)
{
    if (to > from)
        buf_add(out, slice_of(text.ptr + from, to - from));
}

/* The result is at most this much longer than the text. */
static int reserve(struct buf *out, struct slice text)
{
    return buf_reserve(out, text.len + ACCOUNT_FILE_BYTES_MAX);
}

int account_edit_add(struct slice text, const struct account *a, struct buf *out)
{
    struct layout l = layout_of(text);
    if (reserve(out, text) != 0)
        return ERR_MEMORY;
    if (!l.has_list) {
        /* a comment that has no end would swallow what stands behind it */
        bool open = text.len > 0 && memmem(text.ptr, text.len, "/*", 2) != NULL;
        size_t at = open ? 0 : text.len;
        bool new_line = at > 0 && text.ptr[at - 1] != '\n';
        add_part(out, text, 0, at);
        buf_add(out, slice_z(new_line ? "\naccounts = (" : "accounts = ("));
        format(out, a);
        buf_lit(out, "\n);\n");
        add_part(out, text, at, text.len);
    } else {
        size_t at = l.count > 0 ? l.groups[l.count - 1].to : l.list.from;
        add_part(out, text, 0, at);
        buf_add(out, slice_z(l.count > 0 ? "," : ""));
        format(out, a);
        buf_add(out, slice_z(l.count > 0 ? "" : "\n"));
        add_part(out, text, at, text.len);
    }
    return out->failed ? ERR_MEMORY : 0;
}

/* Spaces around a span that had lines of its own go with it. */
static struct span whole_lines(struct slice text, struct span s)
{
    struct span wide = s;
    while (wide.from > 0 && (text.ptr[wide.from - 1] == ' ' || text.ptr[wide.from - 1] == '\t'))
        wide.from--;
    while (wide.to < text.len && (text.ptr[wide.to] == ' ' || text.ptr[wide.to] == '\t'))
        wide.to++;
    bool begins = wide.from == 0 || text.ptr[wide.from - 1] == '\n';
    bool ends = wide.to < text.len && text.ptr[wide.to] == '\n';
    if (!begins || !ends)
        return s;
    wide.to++;
    return wide;
}

int account_edit_remove(struct slice text, size_t at, struct buf *out)
{
    struct layout l = layout_of(text);
    if (at >= l.count)
        return ERR_NOT_FOUND;
    struct span cut = l.groups[at], comma = l.commas[at];
    if (comma.from == comma.to && at > 0)
        comma = l.commas[at - 1];
    if (reserve(out, text) != 0)
        return ERR_MEMORY;
    if (comma.from == cut.to) {
        cut.to = comma.to;
        comma = (struct span){0, 0};
    }
    cut = whole_lines(text, cut);
    struct span first = comma.from < cut.from ? comma : cut;
    struct span second = comma.from < cut.from ? cut : comma;
    add_part(out, text, 0, first.from);
    if (second.to > 0) {
        add_part(out, text, first.to, second.from);
        add_part(out, text, second.to, text.len);
    } else {
        add_part(out, text, first.to, text.len);
    }
    return out->failed ? ERR_MEMORY : 0;
}

int account_edit_default(struct slice text, struct slice name, struct buf *out)
{
    struct layout l = layout_of(text);
    struct span at = l.default_setting;
    if (reserve(out, text) != 0)
        return ERR_MEMORY;
    if (name.len == 0 && at.to > at.from)
        at = whole_lines(text, at);
    add_part(out, text, 0, at.from);
    if (name.len > 0) {
        buf_printf(out, "default = \"%.*s\";", SLICE_ARG(name));
        buf_add(out, slice_z(at.from == at.to ? "\n" : ""));
    }
    add_part(out, text, at.to, text.len);
    return out->failed ? ERR_MEMORY : 0;
}

/* The string, or the strings side by side that are one, of this key in a group. */
static struct span value_of(struct slice group, const char *key)
{
    struct config_scan scan = {.text = group, .line = 1};
    struct span at = {0};
    bool ours = false;
    int depth = 0;
    for (;;) {
        struct config_token t = config_scan_next(&scan);
        char c = t.type == CONFIG_TOKEN_OTHER ? t.text.ptr[0] : '\0';
        if (ours && t.type == CONFIG_TOKEN_STRING) {
            size_t from = at.to > 0 ? at.from : (size_t)(t.text.ptr - group.ptr);
            at = (struct span){from, scan.at};
        } else if (t.type == CONFIG_TOKEN_END || (ours && at.to > 0)) {
            return at;
        } else if (t.type == CONFIG_TOKEN_NAME) {
            ours = depth == 1 && slice_eq(t.text, slice_z(key));
        } else if (c == '(' || c == '{' || c == '[') {
            depth++;
        } else if (c == ')' || c == '}' || c == ']') {
            depth--;
        }
    }
}

int account_edit_password(struct slice text, size_t at, struct slice password, struct buf *out)
{
    struct layout l = layout_of(text);
    if (at >= l.count)
        return ERR_NOT_FOUND;
    struct span group = l.groups[at];
    struct span value =
        value_of(slice_of(text.ptr + group.from, group.to - group.from), "password");
    if (value.to == 0)
        return ERR_NOT_FOUND;
    if (reserve(out, text) != 0)
        return ERR_MEMORY;
    add_part(out, text, 0, group.from + value.from);
    quoted(out, password);
    add_part(out, text, group.from + value.to, text.len);
    return out->failed ? ERR_MEMORY : 0;
}
