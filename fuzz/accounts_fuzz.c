/* accounts.conf: any bytes are refused with an error, or give accounts; and a text that is accepted
 * stays one through every change that `burble account` makes. No file is touched. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "burble/account.h"
#include "burble/account_edit.h"

enum { INPUT_BYTES_MAX = 8192 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libconfig 1.5 leaks the text that stood before a syntax error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig";
}
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

static int parse(struct slice text, struct accounts *out)
{
    struct config_errors errors = {0};
    int err = accounts_parse(text, "f", NULL, out, &errors);
    CHECK((err == 0) == (errors.error_count == 0));
    for (uint32_t i = 0; i < errors.count; i++) {
        char line[512];
        CHECK(config_error_format(&errors.items[i], line, sizeof(line)) > 0);
        for (const char *at = line; *at != '\0'; at++)
            CHECK((unsigned char)*at >= 0x20 && *at != 0x7f);
    }
    config_errors_free(&errors);
    return err;
}

/* The changed text has so many accounts. */
static void check_changed(int err, struct buf *text, uint32_t count, const char *default_account)
{
    struct accounts all;
    CHECK(err == 0 && parse(buf_slice(text), &all) == 0);
    CHECK(all.count == count);
    CHECK((all.default_account == NULL) == (default_account == NULL));
    CHECK(default_account == NULL || strcmp(all.default_account, default_account) == 0);
    accounts_wipe(&all);
    buf_free(text);
}

static void check_edits(struct slice text, const struct accounts *all)
{
    struct account extra = {0};
    char expected[ACCOUNT_EXPECTED_BYTES];
    struct buf out = {0}, without = {0};
    CHECK(account_set(&extra, "jid", true, SLICE("extra@fuzz.example"), expected));
    CHECK(account_set(&extra, "password", true, SLICE("\"\\ }) ;#"), expected));
    if (all->count < ACCOUNTS_MAX && accounts_find(all, SLICE("extra@fuzz.example")) == NULL)
        check_changed(account_edit_add(text, &extra, &out), &out, all->count + 1,
                      all->default_account);
    account_free(&extra);
    CHECK(account_edit_default(text, SLICE_NONE, &without) == 0);
    for (uint32_t i = 0; i < all->count; i++) {
        check_changed(account_edit_remove(buf_slice(&without), i, &out), &out, all->count - 1,
                      NULL);
        const char *name = account_name(&all->items[i]);
        check_changed(account_edit_default(text, slice_z(name), &out), &out, all->count, name);
    }
    check_changed(0, &without, all->count, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of((const char *)data, size);
    struct accounts all;
    if (size > INPUT_BYTES_MAX)
        return 0;
    if (parse(text, &all) == 0) {
        for (uint32_t i = 0; i < all.count; i++)
            CHECK(all.items[i].jid != NULL && account_name(&all.items[i]) != NULL);
        check_edits(text, &all);
    }
    accounts_wipe(&all);
    return 0;
}
