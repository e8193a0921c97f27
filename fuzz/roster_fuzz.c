/* Fuzz target of the roster's cache, a file that anything may have happened to: it is refused, or
 * taken with sorted addresses, and what is saved of it is the same when it is taken again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "burble/roster.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct burble_roster *load(struct burble *c, const void *data, size_t size)
{
    struct burble_roster *r;
    int err = burble_roster_new(
        c, &BURBLE_ROSTER_CONFIG(.cache = data, .cache_len = size, .contacts_max = 100), &r);
    CHECK(err == 0 || err == BURBLE_ERR_CORRUPT);
    CHECK((err == 0) == (r != NULL));
    return r;
}

static void check_contacts(struct burble_roster *r)
{
    CHECK(burble_roster_count(r) <= 100);
    for (size_t i = 0; i < burble_roster_count(r); i++) {
        const struct burble_contact *k = burble_roster_at(r, i);
        CHECK(burble_roster_find(r, k->jid) != NULL);
        CHECK(k->state == BURBLE_CONTACT_UNKNOWN && k->resource_count == 0);
        CHECK(i == 0 || strcmp(burble_roster_at(r, i - 1)->jid, k->jid) < 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct burble *c;
    void *once, *twice;
    size_t once_len, twice_len;
    CHECK(burble_new(&BURBLE_CONFIG(.jid = "me@example.org"), &c) == 0);
    struct burble_roster *r = size > 0 ? load(c, data, size) : NULL;
    if (r != NULL) {
        check_contacts(r);
        CHECK(burble_roster_save(r, &once, &once_len) == 0);
        burble_roster_free(&r);
        r = load(c, once, once_len);
        CHECK(r != NULL);
        CHECK(burble_roster_save(r, &twice, &twice_len) == 0);
        CHECK(once_len == twice_len && memcmp(once, twice, once_len) == 0);
        free(once);
        free(twice);
    }
    burble_free(&c);
    return 0;
}
