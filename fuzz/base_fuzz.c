/* Fuzz target of the readers in base: UTF-8, base64, numbers, stamps, and the log line, which has
 * to stay one line of printable ASCII whatever it is given. What is read is written again and has
 * to come out the same. */
#include <stdint.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/log.h"
#include "base/slice.h"
#include "base/time.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_utf8(struct slice s)
{
    bool valid = utf8_valid(s);
    for (size_t at = 0; at < s.len;) {
        uint32_t code;
        char again[4];
        int n = utf8_decode(slice_from(s, at), &code);
        CHECK(n > 0 || !valid);
        if (n <= 0)
            return;
        CHECK(utf8_encode(code, again) == (unsigned)n);
        CHECK(memcmp(again, s.ptr + at, (size_t)n) == 0);
        at += (size_t)n;
    }
    CHECK(valid);
}

static void check_base64(struct slice s)
{
    char *out = malloc(s.len / 4 * 3 + 1);
    size_t len = 0;
    if (base64_decode(s, out, &len)) {
        struct buf again = {0};
        CHECK(base64_append(&again, slice_of(out, len)) == 0);
        CHECK(slice_eq(buf_slice(&again), s)); /* there is one spelling only */
        buf_free(&again);
    }
    free(out);
}

static void check_numbers(struct slice s)
{
    unsigned long long n;
    int i;
    struct buf again = {0};
    if (slice_to_u64(s, &n)) {
        CHECK(buf_printf(&again, "%0*llu", (int)s.len, n) == 0);
        CHECK(slice_eq(buf_slice(&again), s));
    }
    if (slice_to_int(s, &i) && slice_to_u64(s, &n))
        CHECK((unsigned long long)i == n);
    buf_free(&again);
}

static void check_stamp(struct slice s)
{
    int64_t ms, back;
    char text[TIME_STAMP_BYTES];
    if (!time_parse(s, &ms))
        return;
    unsigned len = time_stamp(ms, text);
    CHECK(len == TIME_STAMP_BYTES - 1);
    CHECK(time_parse(slice_of(text, len), &back));
    CHECK(back == ms || text[0] == '0' || text[0] == '9'); /* a zone may leave the years */
}

static void check_line(void *ctx, enum log_level level, const char *event, const char *line,
                       size_t len)
{
    (void)ctx, (void)level, (void)event;
    CHECK(len < LOG_LINE_BYTES && strlen(line) == len);
    for (size_t i = 0; i < len; i++)
        CHECK(line[i] >= 0x20 && line[i] < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice s = slice_of((const char *)data, size);
    check_utf8(s);
    check_base64(s);
    check_numbers(s);
    check_stamp(s);
    struct log log = {.level = LOG_DEBUG, .sink = check_line};
    struct log_line line;
    log_begin(&line, &log, LOG_INFO, "fuzz");
    log_str(&line, "value", s);
    log_num(&line, "bytes", (long long)size);
    log_end(&line);
    return 0;
}
