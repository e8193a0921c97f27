/* Fuzz target of the cache of capabilities, a file that anything may have happened to, and of the
 * hash over what anybody may say of himself: every set that is taken has its hash, and what is
 * saved is taken again as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "client/caps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sets(struct burble *c)
{
    LIST_EACH(it, &caps_of(c)->sets)
    {
        const struct caps_set *set = CONTAINER_OF(it, struct caps_set, link);
        char hash[CAPS_HASH_BYTES];
        struct burble_xml x = burble_xml_parse(set->query, strlen(set->query), NULL);
        CHECK(set->known && set->users == 0 && !set->asking);
        CHECK(caps_hash(view_xml(x), set->method, hash) == 0 && strcmp(hash, set->hash) == 0);
        burble_xml_free(&x);
    }
}

static struct burble *load(const void *data, size_t size, int *err_out)
{
    struct burble *c;
    CHECK(burble_new(&BURBLE_CONFIG(.jid = "me@example.org"), &c) == 0);
    CHECK(burble_caps_start(c, "https://example.org", NULL, NULL) == 0);
    *err_out = burble_caps_load(c, data, size);
    return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int err;
    void *once, *twice;
    size_t once_len, twice_len;
    char hash[CAPS_HASH_BYTES];
    struct burble *c = load(data, size, &err);
    CHECK(err == 0 || err == BURBLE_ERR_CORRUPT);
    check_sets(c);
    CHECK(burble_caps_save(c, &once, &once_len) == 0);
    burble_free(&c);
    c = load(once, once_len, &err);
    CHECK(err == 0);
    CHECK(burble_caps_save(c, &twice, &twice_len) == 0);
    CHECK(once_len == twice_len && memcmp(once, twice, once_len) == 0);
    burble_free(&c);
    free(once);
    free(twice);
    struct burble_xml x = burble_xml_parse((const char *)data, size, NULL);
    if (burble_xml_some(x)) {
        (void)caps_hash(view_xml(x), CAPS_0115, hash);
        (void)caps_hash(view_xml(x), CAPS_0390, hash);
    }
    burble_xml_free(&x);
    return 0;
}
