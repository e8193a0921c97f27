/* Answers of the DNS: whatever comes is read to its end, and what is handed on keeps its promises.
 * Where c-ares can read the SRV records too, both have found the same. */
#include <ares.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "io/resolver_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct resolver_records records;

static void check_name(const char *name)
{
    char again[RESOLVER_NAME_BYTES];
    CHECK(strnlen(name, RESOLVER_NAME_BYTES) < RESOLVER_NAME_BYTES);
    for (const char *at = name; *at != '\0'; at++)
        CHECK((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') ||
              strchr("-_.", *at) != NULL);
    CHECK(name[0] == '\0' || (resolver_name_read(name, again) && strcmp(name, again) == 0));
}

static void check_records(enum resolver_type type, const uint8_t *message, size_t len)
{
    CHECK(records.n <= RESOLVER_RECORDS_MAX);
    for (size_t i = 0; i < records.n; i++) {
        const struct resolver_srv *srv = &records.of.srv[i];
        const struct resolver_tlsa *tlsa = &records.of.tlsa[i];
        const struct addr *addr = &records.of.addr[i];
        if (type == RESOLVER_SRV) {
            check_name(srv->target);
            CHECK(srv->port != 0 || srv->target[0] == '\0');
        } else if (type == RESOLVER_TLSA) {
            CHECK(tlsa->len > 0 && tlsa->data >= message &&
                  tlsa->data + tlsa->len <= message + len);
        } else {
            CHECK((addr->family == 4 || (addr->family == 6 && type == RESOLVER_AAAA)) &&
                  addr->port == 0 && !addr_is_any(addr));
        }
    }
}

static bool same(const struct resolver_srv *ours, const struct ares_srv_reply *theirs,
                 const char *name)
{
    return strcmp(ours->target, name) == 0 && ours->priority == theirs->priority &&
           ours->weight == theirs->weight && ours->port == theirs->port;
}

/* c-ares hands on all; of these, those that are usable are ours. It ends a name at a label that is
 * a NUL, after a dot or before anything: such a name is none of ours. */
static void compare(const uint8_t *message, size_t len)
{
    struct ares_srv_reply *list = NULL;
    char name[RESOLVER_NAME_BYTES];
    size_t n = 0;
    if (ares_parse_srv_reply(message, (int)len, &list) != ARES_SUCCESS)
        return;
    for (const struct ares_srv_reply *it = list; it != NULL && n < RESOLVER_RECORDS_MAX;
         it = it->next) {
        size_t theirs = strlen(it->host);
        name[0] = '\0';
        if (theirs == 0) {
            n += n < records.n && same(&records.of.srv[n], it, name);
        } else if (resolver_name_read(it->host, name) && it->port != 0 &&
                   it->host[theirs - 1] != '.') {
            CHECK(n < records.n && same(&records.of.srv[n], it, name));
            n++;
        }
    }
    CHECK(n == records.n);
    ares_free_data(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum resolver_type types[] = {RESOLVER_SRV, RESOLVER_A, RESOLVER_AAAA,
                                               RESOLVER_TLSA};
    char name[RESOLVER_NAME_BYTES], text[512] = {0};
    if (size == 0 || size > UINT16_MAX)
        return 0;
    enum resolver_type type = types[data[0] % 4];
    enum resolver_result result = resolver_answer_read(data + 1, size - 1, type, &records);
    CHECK((records.n > 0) == (result == RESOLVER_OK));
    check_records(type, data + 1, size - 1);
    if (type == RESOLVER_SRV && result == RESOLVER_OK && size <= 4096)
        compare(data + 1, size - 1);
    memcpy(text, data, size < sizeof(text) ? size : sizeof(text) - 1);
    if (resolver_name_read(text, name))
        check_name(name);
    return 0;
}
