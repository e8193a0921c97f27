/* Fuzz target of the addresses (V23, V24): whatever comes in is refused or prepared to something
 * that is UTF-8, within its limits, and stays as it is when prepared again, whole or by parts. */
#include <stdint.h>

#include "base/check.h"
#include "base/err.h"
#include "base/utf8.h"
#include "xmpp/jid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_part(int (*prepare)(struct slice, struct buf *), struct slice in)
{
    struct buf once = {0}, twice = {0};
    int err = prepare(in, &once);
    CHECK(err == 0 || err == ERR_SYNTAX);
    if (err == 0) {
        CHECK(buf_len(&once) > 0 && buf_len(&once) <= JID_PART_BYTES);
        CHECK(utf8_valid(buf_slice(&once)));
        CHECK(prepare(buf_slice(&once), &twice) == 0);
        CHECK(slice_eq(buf_slice(&once), buf_slice(&twice)));
    } else {
        CHECK(buf_len(&once) == 0);
    }
    buf_free(&once);
    buf_free(&twice);
}

/* The parts of a good address are what preparing them alone gives. */
static void check_same(int (*prepare)(struct slice, struct buf *), struct slice part)
{
    struct buf again = {0};
    if (part.len > 0) {
        CHECK(prepare(part, &again) == 0);
        CHECK(slice_eq(buf_slice(&again), part));
    }
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of((const char *)data, size);
    struct arena mem = {0};
    struct jid j, again, shape;
    int err = jid_parse(in, &mem, &j);
    CHECK(err == 0 || err == ERR_SYNTAX);
    CHECK((err == 0) == jid_some(&j));
    if (err == 0) {
        struct slice full = jid_full(&j);
        CHECK(utf8_valid(full) && full.len <= JID_BYTES);
        CHECK(jid_parse(full, &mem, &again) == 0 && jid_eq(&j, &again));
        CHECK(jid_from_prepared(full, &shape) && jid_eq(&j, &shape));
        check_same(jid_prepare_local, jid_local(&j));
        check_same(jid_prepare_domain, jid_domain(&j));
        check_same(jid_prepare_resource, jid_resource(&j));
    }
    check_part(jid_prepare_local, in);
    check_part(jid_prepare_domain, in);
    check_part(jid_prepare_resource, in);
    check_part(jid_prepare_password, in);
    arena_free(&mem);
    return 0;
}
