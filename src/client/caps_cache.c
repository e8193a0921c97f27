/* The sets of capabilities that are known by their hash, in memory and as a file. What is read from
 * a file is checked as what comes from the network. */
#include <stdlib.h>

#include "client/caps.h"

enum { SETS_MAX = 1000, BYTES_MAX = 4 << 20, SET_BYTES_MAX = 64 << 10 };

static struct caps_set *of(struct list *l)
{
    return CONTAINER_OF(l, struct caps_set, link);
}

struct caps_set *caps_find(struct caps *caps, enum caps_method method, struct slice hash)
{
    LIST_EACH(it, &caps->sets)
    if (of(it)->method == method && slice_eq(slice_z(of(it)->hash), hash))
        return of(it);
    return NULL;
}

void caps_set_free(struct caps_set *set)
{
    list_remove(&set->link);
    set->caps->set_count--;
    set->caps->bytes -= set->bytes;
    free(set->node);
    free(set->query);
    free(set);
}

/* Makes room: those that nobody says, the longest unused first. False: there is none. */
static bool make_room(struct caps *caps, size_t sets, size_t bytes)
{
    struct list *at = caps->sets.prev;
    while (caps->set_count + sets > SETS_MAX || caps->bytes + bytes > BYTES_MAX) {
        if (at == &caps->sets)
            return false;
        struct caps_set *set = of(at);
        at = at->prev;
        if (set->users == 0 && !set->asking)
            caps_set_free(set);
    }
    return true;
}

struct caps_set *caps_add(struct caps *caps, enum caps_method method, struct slice hash)
{
    if (hash.len >= CAPS_HASH_BYTES || !make_room(caps, 1, 0))
        return NULL;
    struct caps_set *set = client_alloc(sizeof(*set));
    if (set == NULL)
        return NULL;
    set->caps = caps;
    set->method = method;
    memcpy(set->hash, hash.ptr, hash.len);
    list_push_front(&caps->sets, &set->link);
    caps->set_count++;
    return set;
}

static void write_features(struct buf *out, struct xml query)
{
    struct slice name = SLICE("feature");
    buf_byte(out, '\0'); /* the end of the query */
    for (struct xml x = xml_child(query, NS_DISCO_INFO, name); xml_some(x);
         x = xml_next_named(x, NS_DISCO_INFO, name)) {
        struct slice var = xml_attr(x, SLICE("var"));
        if (var.len == 0)
            continue;
        buf_add(out, var);
        buf_byte(out, '\0');
    }
    buf_byte(out, '\0');
}

int caps_learn(struct caps_set *set, struct xml query)
{
    char hash[CAPS_HASH_BYTES];
    struct buf text = {0};
    int err = caps_hash(query, set->method, hash);
    if (err == 0 && strcmp(hash, set->hash) != 0)
        err = ERR_SYNTAX;
    if (err != 0)
        return err;
    set->users++; /* so that it stays */
    xml_write_node(&text, query, NS_CLIENT);
    size_t query_len = buf_len(&text);
    write_features(&text, query);
    size_t len = buf_len(&text);
    if (len > SET_BYTES_MAX || !make_room(set->caps, 0, len))
        err = ERR_LIMIT;
    char *block = err == 0 && !text.failed ? malloc(len) : NULL;
    if (block != NULL) {
        memcpy(block, buf_slice(&text).ptr, len);
        set->query = block;
        set->features = block + query_len + 1;
        set->bytes = len;
        set->caps->bytes += len;
        set->known = true;
    } else if (err == 0) {
        err = ERR_MEMORY;
    }
    set->users--;
    buf_free(&text);
    return err;
}

/* ------------------------------------------------------------------------------------ the file
 *
 * burble-caps 1
 * 0 HASH LENGTH
 * <query .../>                      LENGTH bytes and a line feed; 0 is XEP-0115, 1 XEP-0390 */

#define HEAD SLICE("burble-caps 1\n")

int burble_caps_save(struct burble *c, void **out, size_t *len_out)
{
    struct caps *caps = caps_of(c);
    struct buf text = {0};
    *out = NULL;
    *len_out = 0;
    if (caps == NULL)
        return ERR_NOT_FOUND;
    buf_add(&text, HEAD);
    LIST_EACH(it, &caps->sets)
    {
        const struct caps_set *set = of(it);
        if (!set->known)
            continue;
        (void)buf_printf(&text, "%d %s %zu\n%s\n", (int)set->method, set->hash, strlen(set->query),
                         set->query);
    }
    if (!text.failed) {
        *out = malloc(buf_len(&text));
        if (*out != NULL)
            memcpy(*out, buf_slice(&text).ptr, *len_out = buf_len(&text));
    }
    buf_free(&text);
    return *out != NULL ? 0 : ERR_MEMORY;
}

/* Cuts what is before the separator off; false: there is no separator. */
static bool cut(struct slice *rest, char separator, struct slice *out)
{
    size_t at = slice_find(*rest, separator);
    if (at == rest->len)
        return false;
    *out = slice_of(rest->ptr, at);
    *rest = slice_from(*rest, at + 1);
    return true;
}

static int take_query(struct caps *caps, enum caps_method method, struct slice hash,
                      struct slice text)
{
    struct burble_xml x = burble_xml_parse(text.ptr, text.len, NULL);
    struct caps_set *set = caps_find(caps, method, hash);
    bool made = set == NULL;
    int err = xml_is(view_xml(x), NS_DISCO_INFO, SLICE("query")) ? 0 : ERR_CORRUPT;
    if (err == 0 && made) {
        set = caps_add(caps, method, hash);
        err = set != NULL ? 0 : ERR_LIMIT;
        if (err == 0) { /* behind what came before: the file has the latest first */
            list_remove(&set->link);
            list_push(&caps->sets, &set->link);
        }
    }
    if (err == 0 && !set->known)
        err = caps_learn(set, view_xml(x));
    if (err != 0 && made && set != NULL)
        caps_set_free(set);
    burble_xml_free(&x);
    return err == ERR_SYNTAX ? ERR_CORRUPT : err;
}

static int take_one(struct caps *caps, struct slice *rest)
{
    struct slice method, hash, length;
    unsigned long long len;
    if (!cut(rest, ' ', &method) || !cut(rest, ' ', &hash) || !cut(rest, '\n', &length) ||
        !slice_to_u64(length, &len) || len >= rest->len || len > SET_BYTES_MAX ||
        rest->ptr[len] != '\n' || hash.len == 0 || hash.len >= CAPS_HASH_BYTES)
        return ERR_CORRUPT;
    struct slice text = slice_of(rest->ptr, (size_t)len);
    *rest = slice_from(*rest, (size_t)len + 1);
    if (!slice_is(method, "0") && !slice_is(method, "1"))
        return ERR_CORRUPT;
    return take_query(caps, slice_is(method, "0") ? CAPS_0115 : CAPS_0390, hash, text);
}

int burble_caps_load(struct burble *c, const void *data, size_t len)
{
    struct caps *caps = caps_of(c);
    struct slice rest = slice_of(data, len);
    if (caps == NULL)
        return ERR_NOT_FOUND;
    if (!slice_starts(rest, HEAD))
        return ERR_CORRUPT;
    rest = slice_from(rest, HEAD.len);
    int err = 0;
    while (rest.len > 0 && err == 0)
        err = take_one(caps, &rest);
    return err == ERR_LIMIT ? 0 : err;
}
