/* Accounts: read from a text by the schema, found, changed key by key, given back. Touches no file.
 */
#include "burble/account.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "burble/words.h"
#include "burbled/config_address.h"
#include "burbled/config_read.h"
#include "burbled/config_schema.h"

static void wipe(char **text)
{
    if (*text != NULL)
        mem_wipe(*text, strlen(*text));
    mem_free(*text);
    *text = NULL;
}

void account_free(struct account *a)
{
    wipe(&a->password);
    wipe(&a->proxy);
    words_free(&a->password_command);
    words_free(&a->pins);
    mem_free(a->jid);
    mem_free(a->name);
    mem_free(a->resource);
    mem_free(a->nick);
    mem_free(a->password_file);
    mem_free(a->password_env);
    mem_free(a->host);
    mem_free(a->ca_file);
    mem_free(a->certificate);
    mem_free(a->key);
    mem_free(a->mechanism);
    mem_free(a->place.file);
    *a = (struct account){0};
}

void accounts_wipe(struct accounts *all)
{
    for (uint32_t i = 0; i < all->count; i++)
        account_free(&all->items[i]);
    mem_free(all->items);
    mem_free(all->default_account);
    mem_free(all->path);
    *all = (struct accounts){0};
}

const char *account_name(const struct account *a)
{
    return a->name != NULL ? a->name : a->jid;
}

static bool is_called(const struct account *a, struct slice name)
{
    return (a->name != NULL && slice_eq(slice_z(a->name), name)) ||
           (a->jid != NULL && slice_eq(slice_z(a->jid), name));
}

struct account *accounts_find(const struct accounts *all, struct slice name)
{
    struct buf prepared = {0};
    struct account *found = NULL;
    if (config_address_account(name, &prepared))
        name = buf_slice(&prepared);
    for (uint32_t i = 0; i < all->count && found == NULL; i++) {
        if (is_called(&all->items[i], name))
            found = &all->items[i];
    }
    buf_free(&prepared);
    return found;
}

/* A command that is one text is split into its words. */
static void split_command(struct config_reader *r, const config_setting_t *s, struct account *a)
{
    struct config_strings *command = &a->password_command, words;
    const config_setting_t *setting = config_setting_get_member(s, "password_command");
    if (setting == NULL)
        return;
    if (config_setting_type(setting) == CONFIG_TYPE_STRING && command->count == 1) {
        if (!words_split(slice_z(command->items[0]), &words)) {
            config_reader_error(r, setting, "accounts.password_command",
                                "expected at most %d words and a closing quote for each opening "
                                "one",
                                (int)WORDS_MAX);
            return;
        }
        words_free(command);
        *command = words;
    }
    if (command->count == 0 || command->items[0][0] == '\0')
        config_reader_error(r, setting, "accounts.password_command", "expected a program");
}

static void check_account(struct config_reader *r, const config_setting_t *s, struct account *a)
{
    static const char *const sources[] = {"password", "password_file", "password_env",
                                          "password_command"};
    const char *first = NULL;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        const config_setting_t *source = config_setting_get_member(s, sources[i]);
        if (source == NULL)
            continue;
        if (first != NULL)
            config_reader_error(r, source, sources[i],
                                "expected one source of the password, but there is \"%s\" too",
                                first);
        first = sources[i];
    }
    split_command(r, s, a);
    if ((a->certificate == NULL) != (a->key == NULL))
        config_reader_error(r, s, "accounts.certificate", "expected together with \"key\"");
}

static void check_names(struct config_reader *r, const config_setting_t *list,
                        const struct accounts *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        const struct account *a = &all->items[i];
        for (uint32_t j = 0; j < i; j++) {
            const struct account *b = &all->items[j];
            bool same_name = a->name != NULL && b->name != NULL && strcmp(a->name, b->name) == 0;
            bool same_jid = a->jid != NULL && b->jid != NULL && strcmp(a->jid, b->jid) == 0;
            /* one address may stand twice, e.g. with two resources, if names tell them apart */
            if (same_name || (same_jid && (a->name == NULL || b->name == NULL)))
                config_reader_error(r, config_setting_get_elem(list, i),
                                    same_name ? "accounts.name" : "accounts.jid",
                                    "expected once, but the account in line %u has it too",
                                    (unsigned)b->place.line);
        }
    }
}

static void check(struct config_reader *r, const config_setting_t *root, void *out)
{
    struct accounts *all = out;
    const config_setting_t *list = config_setting_get_member(root, "accounts");
    /* With errors elements may be missing from the array, so that it does not match the list. */
    if (r->errors->error_count > 0)
        return;
    for (uint32_t i = 0; i < all->count; i++)
        check_account(r, config_setting_get_elem(list, i), &all->items[i]);
    check_names(r, list, all);
    if (all->default_account != NULL && accounts_find(all, slice_z(all->default_account)) == NULL)
        config_reader_error(r, config_setting_get_member(root, "default"), "default",
                            "expected the name or address of an account below");
}

int accounts_parse(struct slice text, const char *name, const char *dir, struct accounts *out,
                   struct config_errors *errors)
{
    static const struct config_shape shape = {.root = &ACCOUNTS_SCHEMA, .check = check};
    struct config_reader r = {.errors = errors, .name = name, .dir = dir, .private = true};
    *out = (struct accounts){0};
    return config_load_shape(text, &r, &shape, out);
}

static bool clean(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f)
            return false;
    }
    return text.len <= CONFIG_STRING_BYTES_MAX && utf8_valid(text);
}

static bool set_number(struct account *a, const struct config_key *key, struct slice text)
{
    unsigned long long number;
    if (!slice_to_u64(text, &number) || number < key->min || number > key->max)
        return false;
    uint32_t value = (uint32_t)number;
    memcpy((char *)a + key->offset, &value, sizeof(value));
    return true;
}

static bool set_choice(struct account *a, const struct config_key *key, struct slice text)
{
    for (uint32_t i = 0; key->choices[i] != NULL; i++) {
        if (slice_eq(text, slice_z(key->choices[i]))) {
            memcpy((char *)a + key->offset, &i, sizeof(i));
            return true;
        }
    }
    return false;
}

static void set_string(struct account *a, const struct config_key *key, struct slice prepared)
{
    char *old, *text = mem_copy(prepared);
    memcpy(&old, (char *)a + key->offset, sizeof(old));
    wipe(&old);
    memcpy((char *)a + key->offset, &text, sizeof(text));
}

static bool set_strings(struct account *a, const struct config_key *key, bool first,
                        struct slice prepared)
{
    struct config_strings list;
    memcpy(&list, (char *)a + key->offset, sizeof(list));
    if (first)
        words_free(&list);
    bool room = list.count < key->max;
    if (room) {
        list.items = mem_resize(list.items, list.count + 2, sizeof(*list.items));
        list.items[list.count++] = mem_copy(prepared);
        list.items[list.count] = NULL;
    }
    memcpy((char *)a + key->offset, &list, sizeof(list));
    return room;
}

static void expect(const struct config_key *key, char out[ACCOUNT_EXPECTED_BYTES])
{
    if (key->type == CONFIG_KEY_NUMBER)
        snprintf(out, ACCOUNT_EXPECTED_BYTES, "a whole number from %u to %u", (unsigned)key->min,
                 (unsigned)key->max);
    else if (key->type == CONFIG_KEY_CHOICE)
        snprintf(out, ACCOUNT_EXPECTED_BYTES, "%s, %s, %s or %s", key->choices[0], key->choices[1],
                 key->choices[2], key->choices[3]);
    else
        snprintf(out, ACCOUNT_EXPECTED_BYTES, "%s", key->expected);
}

bool account_set(struct account *a, const char *name, bool first, struct slice text,
                 char expected[ACCOUNT_EXPECTED_BYTES])
{
    const struct config_key *key = config_group_find(&ACCOUNT_SCHEMA, name);
    struct buf prepared = {0};
    bool good = false;
    CHECK(key != NULL);
    expect(key, expected);
    if (key->type == CONFIG_KEY_NUMBER) {
        good = set_number(a, key, text);
    } else if (key->type == CONFIG_KEY_CHOICE) {
        good = set_choice(a, key, text);
    } else if (text.len > 0 && clean(text) && key->prepare(text, &prepared)) {
        good = true;
        if (key->type == CONFIG_KEY_STRING)
            set_string(a, key, buf_slice(&prepared));
        else
            good = set_strings(a, key, first, buf_slice(&prepared));
    }
    if (prepared.ptr != NULL)
        mem_wipe(prepared.ptr, prepared.cap);
    buf_free(&prepared);
    return good;
}
