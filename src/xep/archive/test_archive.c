/* What the tests of the archive share. */
#include "xep/archive/test_archive.h"

void expect_result(struct client *c, uint64_t id, const char *from, const char *to,
                   const char *body)
{
    char pattern[1024];
    snprintf(pattern, sizeof(pattern),
             "<message from='" ALICE "' id='*'><result xmlns='urn:xmpp:mam:2' queryid='f' "
             "id='%llu'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' "
             "stamp='*'/><message xmlns='jabber:client' from='%s' to='%s' type='chat'>"
             "<body>%s</body></message></forwarded></result></message>",
             (unsigned long long)id, from, to, body);
    expect(c, pattern);
}

void expect_messages(struct client *c, const uint64_t *ids, int a, int b)
{
    char body[16];
    for (int i = a; a <= b ? i <= b : i >= b; i += a <= b ? 1 : -1) {
        snprintf(body, sizeof(body), "%d", i);
        expect_result(c, ids[i], i % 2 == 0 ? BOB "/desk" : ALICE "/phone",
                      i % 2 == 0 ? ALICE : BOB, body);
    }
}

void put_messages(struct bench *b, uint64_t *ids, int n)
{
    char payload[64];
    for (int i = 0; i < n; i++) {
        snprintf(payload, sizeof(payload), "<body>%d</body>", i);
        ids[i] = bench_archive(b, i % 2 == 0 ? BOB "/desk" : ALICE "/phone",
                               i % 2 == 0 ? ALICE : BOB, 0, payload);
        bench_advance(b, 60000);
    }
}

void expect_page_fin(struct client *c, uint64_t first, uint64_t last, bool complete)
{
    char pattern[512];
    snprintf(pattern, sizeof(pattern), FIN("%s", "<first>%llu</first><last>%llu</last>"),
             complete ? "complete='true'" : "", (unsigned long long)first,
             (unsigned long long)last);
    expect(c, pattern);
}

void expect_whole_fin(struct client *c, uint64_t first, uint64_t last, unsigned count)
{
    char pattern[512];
    snprintf(
        pattern, sizeof(pattern),
        FIN("complete='true'", "<first index='0'>%llu</first><last>%llu</last><count>%u</count>"),
        (unsigned long long)first, (unsigned long long)last, count);
    expect(c, pattern);
}
