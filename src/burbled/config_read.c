/* From libconfig's tree of settings to plain structs, by the schema: groups, lists, unknown and
 * missing keys. Single values are read by config_value.c. */
#include "burbled/config_read.h"

#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "burbled/config_schema.h"

enum { PATH_BYTES = 160 };

static void join(char out[PATH_BYTES], const char *prefix, const char *name)
{
    snprintf(out, PATH_BYTES, "%.64s%s%.64s", prefix, prefix[0] != '\0' ? "." : "", name);
}

static void set_defaults(const struct config_group *group, void *base)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct config_key *key = &group->keys[i];
        bool truth = key->def != 0;
        char *text = key->type == CONFIG_KEY_STRING && key->def_text != NULL
                         ? mem_copy(slice_z(key->def_text))
                         : NULL;
        switch (key->type) {
        case CONFIG_KEY_BOOL:
            memcpy((char *)base + key->offset, &truth, sizeof(truth));
            break;
        case CONFIG_KEY_NUMBER:
        case CONFIG_KEY_CHOICE:
            memcpy((char *)base + key->offset, &key->def, sizeof(key->def));
            break;
        case CONFIG_KEY_STRING:
            memcpy((char *)base + key->offset, &text, sizeof(text));
            break;
        case CONFIG_KEY_STRINGS:
        case CONFIG_KEY_GROUP: /* set_all_defaults */
        case CONFIG_KEY_LIST:
            break;
        }
    }
}

static void set_all_defaults(const struct config_group *group, void *base)
{
    /* Groups are at most two deep. */
    set_defaults(group, base);
    for (size_t i = 0; i < group->count; i++) {
        if (group->keys[i].type == CONFIG_KEY_GROUP)
            set_defaults(group->keys[i].group, (char *)base + group->keys[i].offset);
    }
}

/* A setting that stood twice was renamed to the prefix and the number of its error; here its group
 * is known. */
static bool is_duplicate(struct config_reader *r, const config_setting_t *s,
                         const config_setting_t *group, const char *prefix)
{
    const char *name = config_setting_name(s);
    size_t skip = strlen(CONFIG_DUPLICATE_PREFIX);
    int n = 0;
    if (!r->duplicates || strncmp(name, CONFIG_DUPLICATE_PREFIX, skip) != 0 ||
        !slice_to_int(slice_z(name + skip), &n))
        return false;
    if (n < 0 || (uint32_t)n >= r->errors->count || r->errors->items[n].key == NULL)
        return true;
    struct config_error *e = &r->errors->items[n];
    const config_setting_t *first = config_setting_get_member(group, e->key);
    char path[PATH_BYTES], text[80];
    join(path, prefix, e->key);
    snprintf(text, sizeof(text), "expected once, but set in line %u already",
             (unsigned)(first != NULL ? config_reader_line(first) : e->line));
    mem_free(e->key);
    mem_free(e->text);
    e->key = mem_copy(slice_z(path));
    e->text = mem_copy(slice_z(text));
    return true;
}

static void unknown(struct config_reader *r, const config_setting_t *s,
                    const struct config_group *group, const char *path)
{
    const struct config_key *near = config_group_nearest(group, config_setting_name(s));
    if (near != NULL) {
        config_reader_error(r, s, path, "unknown key; did you mean \"%s\"?", near->name);
        return;
    }
    struct buf names = {0};
    for (size_t i = 0; i < group->count && i < 12; i++)
        buf_printf(&names, "%s%s", i == 0 ? "" : ", ", group->keys[i].name);
    config_reader_error(r, s, path, "unknown key; expected one of %.*s%s",
                        SLICE_ARG(buf_slice(&names)), group->count > 12 ? ", ..." : "");
    buf_free(&names);
}

/* Groups that are still to be read: no recursion, whatever the file holds. */
struct work {
    const config_setting_t *setting;
    const struct config_group *group;
    void *base;
    char prefix[PATH_BYTES];
};

struct worklist {
    struct work *items;
    size_t count, cap;
};

static void work_add(struct worklist *w, const config_setting_t *setting,
                     const struct config_group *group, void *base, const char *prefix)
{
    if (w->count == w->cap) {
        w->cap = w->cap == 0 ? 16 : w->cap * 2;
        w->items = mem_resize(w->items, w->cap, sizeof(*w->items));
    }
    struct work *item = &w->items[w->count++];
    *item = (struct work){.setting = setting, .group = group, .base = base};
    snprintf(item->prefix, sizeof(item->prefix), "%s", prefix);
}

static void read_list(struct config_reader *r, struct worklist *w, const config_setting_t *s,
                      const struct config_key *key, void *base, const char *path)
{
    int length = config_setting_length(s);
    if (config_setting_type(s) != CONFIG_TYPE_LIST) {
        config_value_wrong(r, s, path, "a list of groups: ( { ... }, { ... } )");
        return;
    }
    if (length < (int)key->min || length > (int)key->max) {
        config_reader_error(r, s, path, "expected %u to %u entries, found %d", (unsigned)key->min,
                            (unsigned)key->max, length);
        return;
    }
    char *elements = mem_array((size_t)length, key->group->size);
    uint32_t count = 0;
    for (int i = 0; i < length; i++) {
        const config_setting_t *element = config_setting_get_elem(s, (unsigned)i);
        if (config_setting_type(element) != CONFIG_TYPE_GROUP) {
            config_value_wrong(r, element, path, "a group { ... }");
            continue;
        }
        char *at = elements + (size_t)count++ * key->group->size;
        struct config_place place = {.file = mem_copy(slice_z(config_reader_file(r, element))),
                                     .line = config_reader_line(element)};
        memcpy(at + key->group->place_offset, &place, sizeof(place));
        set_all_defaults(key->group, at);
        work_add(w, element, key->group, at, path);
    }
    memcpy((char *)base + key->offset, &elements, sizeof(elements));
    memcpy((char *)base + key->count_offset, &count, sizeof(count));
}

static void read_key(struct config_reader *r, struct worklist *w, const config_setting_t *s,
                     const struct config_key *key, void *base, const char *path)
{
    if (key->type == CONFIG_KEY_LIST)
        read_list(r, w, s, key, base, path);
    else if (key->type != CONFIG_KEY_GROUP)
        config_value_read(r, s, key, base, path);
    else if (config_setting_type(s) == CONFIG_TYPE_GROUP)
        work_add(w, s, key->group, (char *)base + key->offset, path);
    else
        config_value_wrong(r, s, path, "a group { ... }");
}

static void read_group(struct config_reader *r, struct worklist *w, const struct work *work)
{
    int length = config_setting_length(work->setting);
    char path[PATH_BYTES];
    for (int i = 0; i < length; i++) {
        const config_setting_t *s = config_setting_get_elem(work->setting, (unsigned)i);
        const char *name = config_setting_name(s);
        CHECK(name != NULL);
        join(path, work->prefix, name);
        const struct config_key *key = config_group_find(work->group, name);
        if (key != NULL)
            read_key(r, w, s, key, work->base, path);
        else if (!is_duplicate(r, s, work->setting, work->prefix))
            unknown(r, s, work->group, path);
    }
    for (size_t i = 0; i < work->group->count; i++) {
        const struct config_key *key = &work->group->keys[i];
        if (!key->required || config_setting_get_member(work->setting, key->name) != NULL)
            continue;
        join(path, work->prefix, key->name);
        config_reader_error(r, work->setting, path, "expected, but missing (%s)", key->doc);
    }
}

void config_read_all(struct config_reader *r, const config_setting_t *root,
                     const struct config_group *group, void *out)
{
    struct worklist w = {0};
    set_all_defaults(group, out);
    work_add(&w, root, group, out, "");
    while (w.count > 0) {
        struct work work = w.items[--w.count];
        read_group(r, &w, &work);
    }
    mem_free(w.items);
}
