/* V18: stream headers with something wrong in them, 100,000 of them from a seed (BURBLE_CYCLES asks
 * for another number), as the first bytes, byte by byte, and after a login. The answer is a stream
 * error, or features, or patience; always well formed, never a crash, and nothing is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/test_support.h"
#include "node/test_heap.h"
#include "node/test_peer.h"

static const char *const HEADERS[] = {
    PEER_HEADER,
    "<stream:stream to='example.org' from='alice@example.org' version='1.0' xml:lang='de' "
    "id='none' xmlns='jabber:client' xmlns:stream='" PEER_STREAMS "' xmlns:db='jabber:server:"
    "dialback' db:x='y'>",
    "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\" standalone='yes'?>\n <s:stream "
    "to='talk.example.org' version='1.1'\n xmlns='jabber:client'\txmlns:s='" PEER_STREAMS "' >",
    "<stream xmlns='" PEER_STREAMS "' to='example.net' version='1.0'>",
    "<stream:stream to='example.org' version='1.0' xmlns='jabber:client' "
    "xmlns:stream='" PEER_STREAMS "'/>",
};

static const char *const WORDS[] = {
    "'",
    "\"",
    "<",
    ">",
    "/",
    "&",
    "&amp;",
    "&#0;",
    "&x;",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE a>",
    "<?",
    "?>",
    "xmlns=''",
    "xmlns:",
    " to=''",
    " to='@'",
    " version='0.9'",
    "\xff",
    "\xc0\x80",
    "\xed\xa0\x80",
    "\n",
    "\t",
    "=",
    ":",
    "stream:",
    "stream",
    "xml",
    "a='1' a='1'",
    "xml:lang='x'",
    "</stream:stream>",
};

/* Draws one of n. */
static size_t draw(uint64_t *random, size_t n)
{
    return (size_t)test_below(random, n);
}

static void mutate(struct buf *out, uint64_t *random)
{
    struct buf next = {0};
    struct slice all = buf_slice(out);
    size_t at = draw(random, all.len + 1), len = draw(random, all.len - at + 1);
    len = len > 8 ? draw(random, 8) : len;
    struct slice part = slice_of(all.ptr + at, len);
    buf_append(&next, all.ptr, at);
    switch (draw(random, 6)) {
    case 0: /* another byte */
        buf_byte(&next, (char)draw(random, 256));
        at += at < all.len;
        break;
    case 1: /* some less */
        at += len;
        break;
    case 2: /* some twice */
        buf_add(&next, part);
        break;
    case 3: /* a word more */
        buf_add(&next, slice_z(WORDS[draw(random, sizeof(WORDS) / sizeof(WORDS[0]))]));
        break;
    case 4: /* a word instead */
        buf_add(&next, slice_z(WORDS[draw(random, sizeof(WORDS) / sizeof(WORDS[0]))]));
        at += len;
        break;
    default: /* much of one byte */
        for (size_t i = 0, n = draw(random, 64) == 0 ? 10000 : 300; i < n && at > 0; i++)
            buf_byte(&next, all.ptr[at - 1]);
    }
    buf_add(&next, slice_from(all, at));
    buf_free(out);
    *out = next;
}

struct outcomes {
    size_t refused, accepted, waiting, ended;
};

static void speak(struct bench *b, struct slice header, bool known, size_t piece,
                  struct outcomes *o)
{
    struct peer *p = peer_new(b);
    size_t before = 0;
    if (known) {
        peer_text(p, PEER_HEADER PEER_AUTH("PLAIN") PEER_ALICE "</auth>");
        before = 1;
    }
    peer_clear(p);
    peer_pieces(p, header, piece);
    const char *error = peer_error(p);
    if (error[0] != '\0') {
        peer_check_refused(p, error, __FILE__, __LINE__);
        o->refused++;
    } else if (peer_gone(p)) {
        assert_true(p->closed); /* the header closed itself, or </stream> came behind it */
        o->ended++;
    } else if (p->headers > before) {
        assert_true(client_waiting(p->client) > 0);
        o->accepted++;
    } else {
        assert_int_equal(buf_len(&p->got), 0);
        o->waiting++;
    }
    assert_int_equal(node_engine(b->nodes[0])->counters.stanzas_in, 0);
    assert_int_equal(node_engine(b->nodes[0])->session_count, 0);
    peer_free(&p);
    buf_free(&b->log);
}

static size_t cycles(size_t usual)
{
#ifdef __SANITIZE_ADDRESS__
    usual /= 10;
#endif
    const char *asked = getenv("BURBLE_CYCLES");
    return asked != NULL ? (size_t)strtoull(asked, NULL, 10) : usual;
}

static void V18_mutated_stream_headers_are_answered(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct outcomes o = {0};
    uint64_t random = 18;
    peer_account(b, "alice@example.org");
    long long held = 0;
    size_t n = cycles(100000);
    for (size_t i = 0; i < n; i++) {
        struct buf header = {0};
        if (i == n / 2)
            held = heap.bytes;
        buf_add(&header, slice_z(HEADERS[i % (sizeof(HEADERS) / sizeof(HEADERS[0]))]));
        for (size_t k = draw(&random, 4); k > 0; k--)
            mutate(&header, &random);
        speak(b, buf_slice(&header), i % 500 == 499, i % 7 == 0 ? 1 : SIZE_MAX, &o);
        buf_free(&header);
    }
    assert_in_range(heap.bytes, 0, held + 4096); /* an account may be loaded or not */
    print_message("refused %zu, accepted %zu, waiting %zu, ended %zu\n", o.refused, o.accepted,
                  o.waiting, o.ended);
    assert_true(o.refused > n / 5 && o.accepted > n / 10 && o.waiting > n / 1000);
    assert_true(o.ended > n / 100);
    bench_free(&b);
}

static void the_headers_without_a_fault_are_accepted(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct outcomes o = {0};
    for (size_t i = 0; i < 3; i++)
        speak(b, slice_z(HEADERS[i]), false, SIZE_MAX, &o);
    assert_int_equal(o.accepted, 3);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_headers_without_a_fault_are_accepted),
        cmocka_unit_test(V18_mutated_stream_headers_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
