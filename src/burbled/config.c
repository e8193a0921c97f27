/* Loading of a configuration: the bytes of the file, libconfig, the schema, the checks. libconfig
 * stops at the first setting that stands twice; that one is renamed and the text is read again, so
 * that one run shows every error. */
#include "burbled/config.h"

#include <errno.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "burbled/config_read.h"
#include "burbled/config_schema.h"
#include "burbled/config_text.h"
#include "io/files.h"

enum { NAMES_MAX = 20000, DUPLICATES_MAX = 32, DEPTH_MAX = 32, INCLUDES_MAX = 16 };

/* The bytes of a file, or an error about it. */
static bool read_file(const char *path, struct config_errors *errors, struct buf *out)
{
    int err = file_read(path, CONFIG_FILE_BYTES_MAX, out, NULL);
    if (err == ERR_LIMIT)
        config_errors_add(errors, false, path, 0, NULL, "expected at most %d bytes",
                          (int)CONFIG_FILE_BYTES_MAX);
    else if (err == ERR_IO)
        config_errors_add(errors, false, path, 0, NULL, "expected a file that can be read");
    else if (err != 0)
        config_errors_add(errors, false, path, 0, NULL, "cannot be read: %s", err_text(err));
    return err == 0;
}

/* Numbers that libconfig would cut to 32 or 64 bits without a word. False when libconfig should not
 * be given the text: its time grows with the square of the settings, and it tells the end of the
 * file where a text has no closing quote. */
static bool check_text(const struct config_reader *r, const char *name, struct slice text)
{
    struct config_errors *errors = r->errors;
    struct config_scan scan = {.text = text, .line = 1};
    struct config_token t, last = {0};
    size_t names = 0;
    while ((t = config_scan_next(&scan)).type != CONFIG_TOKEN_END) {
        if (t.type == CONFIG_TOKEN_NUMBER && !config_text_number_fits(t.text)) {
            char key[64];
            int shown = t.text.len > 40 ? 40 : (int)t.text.len;
            if (r->private || slice_is(last.text, "secret"))
                shown = 0; /* not even when it lacks its quotes */
            snprintf(key, sizeof(key), "%.*s", SLICE_ARG(last.text));
            config_errors_add(errors, false, name, t.line, key,
                              "the number %.*s is too large; above 2147483647 it needs an L behind "
                              "it",
                              shown, t.text.ptr);
        }
        if (t.type == CONFIG_TOKEN_STRING && t.open) {
            config_errors_add(errors, false, name, t.line, NULL,
                              "syntax error: the text that begins here has no closing quote");
            return false;
        }
        if (t.type == CONFIG_TOKEN_NAME) {
            last = t;
            if (++names > NAMES_MAX) {
                config_errors_add(errors, false, name, t.line, NULL, "expected at most %d settings",
                                  (int)NAMES_MAX);
                return false;
            }
        }
    }
    return true;
}

static bool text_is_sane(const struct config_reader *r, struct slice text)
{
    struct config_errors *errors = r->errors;
    const char *name = r->name;
    uint32_t line = 1;
    if (text.len > CONFIG_FILE_BYTES_MAX) {
        config_errors_add(errors, false, name, 0, NULL, "expected at most %d bytes",
                          (int)CONFIG_FILE_BYTES_MAX);
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\0') {
            config_errors_add(errors, false, name, line, NULL, "expected text, found a zero byte");
            return false;
        }
        line += text.ptr[i] == '\n';
    }
    return check_text(r, name, text);
}

/* How many settings with a name stand in a line of the main file, as far as it was parsed; includes
 * that were met on the way are listed. Iterative: the depth is the file's. */
struct survey {
    uint32_t line;
    size_t names;
    const char *includes[INCLUDES_MAX];
    size_t include_count;
};

static void survey_setting(struct survey *v, const config_setting_t *s)
{
    const char *file = config_setting_source_file(s);
    if (file == NULL) {
        v->names += config_setting_name(s) != NULL && config_setting_source_line(s) == v->line;
        return;
    }
    for (size_t i = 0; i < v->include_count; i++) {
        if (strcmp(v->includes[i], file) == 0)
            return;
    }
    if (v->include_count < INCLUDES_MAX)
        v->includes[v->include_count++] = file;
}

static void survey(struct survey *v, const config_setting_t *root)
{
    struct {
        const config_setting_t *setting;
        int next;
    } stack[DEPTH_MAX];
    int depth = 0;
    stack[0].setting = root;
    stack[0].next = 0;
    while (depth >= 0) {
        const config_setting_t *s = stack[depth].setting;
        if (stack[depth].next >= config_setting_length(s)) {
            depth--;
            continue;
        }
        const config_setting_t *child = config_setting_get_elem(s, (unsigned)stack[depth].next++);
        survey_setting(v, child);
        if (config_setting_is_aggregate(child) && depth + 1 < DEPTH_MAX) {
            depth++;
            stack[depth].setting = child;
            stack[depth].next = 0;
        }
    }
}

/* Gives the setting that libconfig refused as a duplicate a name of its own; false when it cannot
 * be found. */
static bool rename_duplicate(config_t *cfg, struct config_reader *r, struct buf *text)
{
    struct survey v = {.line = (uint32_t)config_error_line(cfg)};
    struct slice name;
    const char *what = config_error_text(cfg);
    if (what == NULL || strcmp(what, "duplicate setting name") != 0 ||
        r->errors->count == CONFIG_ERRORS_MAX || config_error_file(cfg) != NULL)
        return false;
    survey(&v, config_root_setting(cfg));
    struct slice whole = slice_of(text->ptr, buf_len(text) - 1);
    if (!config_text_name_at(whole, v.line, v.names, &name))
        return false;
    char key[64];
    snprintf(key, sizeof(key), "%.*s", SLICE_ARG(name));
    uint32_t n = r->errors->count;
    config_errors_add(r->errors, false, r->name, v.line, key, "expected once, but set twice");
    struct buf renamed = {0};
    size_t before = (size_t)(name.ptr - whole.ptr);
    buf_append(&renamed, whole.ptr, before);
    buf_printf(&renamed, CONFIG_DUPLICATE_PREFIX "%u", (unsigned)n);
    buf_append(&renamed, name.ptr + name.len, whole.len - before - name.len + 1);
    if (r->private)
        mem_wipe(text->ptr, text->cap);
    buf_free(text);
    *text = renamed;
    r->duplicates = true;
    return !text->failed;
}

/* The line in the text, trimmed and cut, to show where a syntax error is. */
static struct slice line_of(struct slice text, int line)
{
    while (--line > 0 && text.len > 0) {
        size_t end = slice_find(text, '\n');
        text = slice_from(text, end < text.len ? end + 1 : end);
    }
    text.len = slice_find(text, '\n');
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = slice_from(text, 1);
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    text.len = text.len > 60 ? 60 : text.len;
    return text;
}

static bool names_secret(struct slice line)
{
    for (; line.len > 0; line = slice_from(line, 1))
        if (slice_starts(line, SLICE("secret")))
            return true;
    return false;
}

/* text ends with a NUL that counts. */
static bool parse(config_t *cfg, struct config_reader *r, struct buf *text)
{
    for (int i = 0; i < DUPLICATES_MAX; i++) {
        if (config_read_string(cfg, text->ptr) == CONFIG_TRUE)
            return true;
        if (!rename_duplicate(cfg, r, text))
            break;
    }
    const char *file = config_error_file(cfg);
    const char *what = config_error_text(cfg);
    int line = config_error_line(cfg);
    struct slice shown = file == NULL ? line_of(buf_slice(text), line) : SLICE_NONE;
    if (shown.len > 0 && !r->private && !names_secret(shown))
        config_errors_add(r->errors, false, r->name, (uint32_t)line, NULL, "%s at or before: %.*s",
                          what != NULL ? what : "syntax error", SLICE_ARG(shown));
    else
        config_errors_add(r->errors, false, file != NULL ? file : r->name, (uint32_t)line, NULL,
                          "%s", what != NULL ? what : "syntax error");
    return false;
}

static void check_includes(const config_t *cfg, struct config_reader *r)
{
    struct survey v = {0};
    survey(&v, config_root_setting(cfg));
    for (size_t i = 0; i < v.include_count; i++) {
        struct buf path = {0}, text = {0};
        if (v.includes[i][0] != '/')
            buf_printf(&path, "%s/", r->dir);
        buf_append(&path, v.includes[i], strlen(v.includes[i]) + 1);
        if (!path.failed && read_file(path.ptr, r->errors, &text))
            (void)check_text(r, v.includes[i], buf_slice(&text));
        buf_free(&path);
        buf_free(&text);
    }
}

/* text holds the file; it is given back here. */
static int load(struct buf *text, struct config_reader *r, bool includes,
                const struct config_shape *shape, void *out)
{
    config_t cfg;
    config_init(&cfg);
    if (r->dir != NULL)
        config_set_include_dir(&cfg, r->dir);
    if (text_is_sane(r, buf_slice(text)) && buf_byte(text, '\0') == 0 && parse(&cfg, r, text)) {
        if (includes)
            check_includes(&cfg, r);
        config_read_all(r, config_root_setting(&cfg), shape->root, out);
        shape->check(r, config_root_setting(&cfg), out);
    }
    config_destroy(&cfg);
    if (r->private && text->ptr != NULL)
        mem_wipe(text->ptr, text->cap);
    buf_free(text);
    config_errors_sort(r->errors);
    return r->errors->error_count == 0 ? ERR_OK : ERR_SYNTAX;
}

static const struct config_shape SERVER = {.root = &CONFIG_ROOT, .check = config_check_all};

/* What load says of the server's configuration. */
static int loaded(int err, const char *name, struct config *out)
{
    if (err == 0)
        out->path = mem_copy(slice_z(name));
    else
        config_free(out);
    return err;
}

int config_load(const char *path, struct config *out, struct config_errors *errors)
{
    struct buf text = {0};
    *out = (struct config){0};
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL   ? mem_copy(SLICE("."))
                   : slash == path ? mem_copy(SLICE("/"))
                                   : mem_copy(slice_of(path, (size_t)(slash - path)));
    char *dir = realpath(folder, NULL);
    int result = ERR_SYNTAX;
    if (dir == NULL) {
        config_errors_add(errors, false, path, 0, NULL, "cannot be read: %s", strerror(errno));
    } else if (read_file(path, errors, &text)) {
        struct config_reader r = {.errors = errors, .name = path, .dir = dir};
        result = loaded(load(&text, &r, true, &SERVER, out), path, out);
    }
    mem_free(folder);
    free(dir);
    buf_free(&text);
    return result;
}

int config_load_shape(struct slice text, struct config_reader *r, const struct config_shape *shape,
                      void *out)
{
    struct buf copy = {0};
    if (text.len > 0 && memmem(text.ptr, text.len, "@include", 8) != NULL) {
        config_errors_add(r->errors, false, r->name, 0, NULL, "@include is for files alone");
        return ERR_SYNTAX;
    }
    if (buf_reserve(&copy, text.len + 1) != 0 || buf_add(&copy, text) != 0) {
        config_errors_add(r->errors, false, r->name, 0, NULL, "out of memory");
        buf_free(&copy);
        return ERR_SYNTAX;
    }
    return load(&copy, r, false, shape, out);
}

int config_load_text(struct slice text, const char *name, const char *dir, struct config *out,
                     struct config_errors *errors)
{
    struct config_reader r = {.errors = errors, .name = name, .dir = dir};
    *out = (struct config){0};
    return loaded(config_load_shape(text, &r, &SERVER, out), name, out);
}

static void strings_free(struct config_strings *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        mem_free(s->items[i]);
    mem_free(s->items);
}

static void host_free(struct config_host *h)
{
    struct config_strings *strings[] = {
        &h->admins,         &h->aliases,          &h->registration_watchers, &h->contact.abuse,
        &h->contact.admin,  &h->contact.feedback, &h->contact.sales,         &h->contact.security,
        &h->contact.status, &h->contact.support,
    };
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        strings_free(strings[i]);
    mem_free(h->name);
    mem_free(h->certificate);
    mem_free(h->key);
    mem_free(h->place.file);
}

static void component_free(struct config_component *c)
{
    if (c->secret != NULL)
        mem_wipe(c->secret, strlen(c->secret));
    mem_free(c->name);
    mem_free(c->secret);
    mem_free(c->secret_file);
    mem_free(c->place.file);
}

void config_free(struct config *c)
{
    for (uint32_t i = 0; i < c->host_count; i++)
        host_free(&c->hosts[i]);
    for (uint32_t i = 0; i < c->listen_count; i++) {
        mem_free(c->listen[i].address);
        mem_free(c->listen[i].place.file);
    }
    for (uint32_t i = 0; i < c->component_count; i++)
        component_free(&c->components[i]);
    mem_free(c->hosts);
    mem_free(c->listen);
    mem_free(c->components);
    mem_free(c->path);
    mem_free(c->data_dir);
    *c = (struct config){0};
}

const struct config_host *config_find_host(const struct config *c, struct slice name)
{
    for (uint32_t i = 0; i < c->host_count; i++) {
        const struct config_host *h = &c->hosts[i];
        if (h->name != NULL && slice_eq(name, slice_z(h->name)))
            return h;
        for (uint32_t j = 0; j < h->aliases.count; j++) {
            if (slice_eq(name, slice_z(h->aliases.items[j])))
                return h;
        }
    }
    return NULL;
}
