/* What a stored message says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/test_support.h"
#include "xmpp/stanza.h"
#include "xmpp/stanza_text.h"

static void encode(struct buf *out, enum stanza_kind kind, enum stanza_type type,
                   const char *payload)
{
    struct stanza s = {.kind = kind, .type = type, .payload = slice_z(payload), .packed = true};
    stanza_encode(out, &s);
}

/* wanted NULL: nothing. */
static void expect_of(enum stanza_kind kind, enum stanza_type type, const char *payload,
                      const char *wanted)
{
    struct buf bytes = {0}, text = {0};
    encode(&bytes, kind, type, payload);
    assert_int_equal(stanza_text(buf_slice(&bytes), &text), wanted != NULL);
    assert_true(slice_eq(buf_slice(&text), slice_z(wanted != NULL ? wanted : "")));
    buf_free(&bytes);
    buf_free(&text);
}

static void expect(const char *payload, const char *wanted)
{
    expect_of(STANZA_MESSAGE, TYPE_CHAT, payload, wanted);
}

static void the_bodies_are_the_text(void **state)
{
    (void)state;
    expect("<body>hello &lt;you&gt;</body>", "hello <you>\n");
    expect("<subject>s</subject><body>one</body><x xmlns='urn:x'><body>no</body></x>"
           "<body xml:lang='de'>zwei</body>",
           "one\nzwei\n");
    expect_of(STANZA_MESSAGE, TYPE_GROUPCHAT, "<body>room</body>", "room\n");
}

static void what_has_no_text_says_nothing(void **state)
{
    (void)state;
    expect("", NULL);
    expect("<subject>only</subject>", NULL);
    expect("<x xmlns='urn:x'><body>not ours</body></x>", NULL);
    expect("<body xmlns='urn:x'>not ours</body>", NULL);
    expect_of(STANZA_MESSAGE, TYPE_ERROR, "<body>came back</body>", NULL);
    expect_of(STANZA_IQ, TYPE_SET, "<body>no message</body>", NULL);
    expect_of(STANZA_PRESENCE, TYPE_AVAILABLE, "<body>no message</body>", NULL);
}

static void the_notice_of_an_encrypted_message_says_nothing(void **state)
{
    (void)state;
    expect("<body>sorry</body><encryption xmlns='urn:xmpp:eme:0' namespace='x'/>", NULL);
    expect("<body>sorry</body><encrypted xmlns='eu.siacs.conversations.axolotl'/>", NULL);
    expect("<encrypted xmlns='urn:xmpp:omemo:2'/><body>sorry</body>", NULL);
}

static void damaged_bytes_say_nothing_or_something(void **state)
{
    (void)state;
    struct buf bytes = {0};
    encode(&bytes, STANZA_MESSAGE, TYPE_CHAT, "<body>hello</body><x xmlns='urn:x'/>");
    struct slice all = buf_slice(&bytes);
    uint64_t seed = 3;
    for (unsigned i = 0; i < 20000; i++) {
        size_t n = i % 2 == 0 ? all.len : test_random(&seed) % all.len;
        char *part = mem_copy(slice_of(all.ptr, n));
        struct buf text = {0};
        for (unsigned k = 0; k < 3 && n > 0; k++)
            part[test_random(&seed) % n] = (char)test_random(&seed);
        (void)stanza_text(slice_of(part, n), &text);
        buf_free(&text);
        mem_free(part);
    }
    buf_free(&bytes);
    expect("<body>cut", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bodies_are_the_text),
        cmocka_unit_test(what_has_no_text_says_nothing),
        cmocka_unit_test(the_notice_of_an_encrypted_message_says_nothing),
        cmocka_unit_test(damaged_bytes_say_nothing_or_something),
    };
    return cmocka_run_group_tests_name("stanza text", tests, NULL, NULL);
}
