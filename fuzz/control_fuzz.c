/* The control socket (V86): a request line is refused with a reason, or what was understood can be
 * written and read again and is the same. Its values also go through the lines of an answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/utf8.h"
#include "burbled/control_request.h"
#include "burbled/control_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct control_request *a, const struct control_request *b)
{
    CHECK(slice_eq(a->command, b->command));
    CHECK(slice_eq(a->password, b->password));
    CHECK((a->password.ptr == NULL) == (b->password.ptr == NULL));
    CHECK(a->arg_count == b->arg_count);
    for (size_t i = 0; i < a->arg_count; i++) {
        CHECK(slice_eq(a->args[i].key, b->args[i].key));
        CHECK(slice_eq(a->args[i].value, b->args[i].value));
    }
}

/* One line of UTF-8 without control characters, with as many quotes as there have to be. */
static void check_line(struct slice line)
{
    size_t quotes = 0;
    CHECK(line.len > 0 && slice_find(line, '\n') == line.len - 1 && utf8_valid(line));
    for (size_t i = 0; i + 1 < line.len; i++) {
        CHECK((unsigned char)line.ptr[i] >= 0x20 && line.ptr[i] != 0x7f);
        if (line.ptr[i] == '\\')
            i++;
        else if (line.ptr[i] == '"')
            quotes++;
    }
    CHECK(quotes % 2 == 0);
}

static void check_row(const struct control_request *r)
{
    struct buf out = {0};
    struct control_row row;
    control_row_begin(&row, &out);
    for (size_t i = 0; i < r->arg_count; i++)
        control_row_str(&row, i % 2 == 0 ? "even" : "odd", r->args[i].value);
    control_row_num(&row, "number", (int64_t)r->arg_count);
    CHECK(control_row_end(&row) == 0);
    check_line(buf_slice(&out));
    buf_free(&out);
}

static void check_request(const struct control_request *r)
{
    struct buf again = {0};
    struct control_request second;
    CHECK(r->problem == NULL && r->command.len > 0);
    /* Escapes may take more room than what was sent; then it is refused, and nothing is lost. */
    if (control_request_encode(r->command, r->args, r->arg_count, r->password, &again) == 0) {
        CHECK(control_request_parse(again.ptr, buf_len(&again) - 1, &second) == 0);
        check_same(r, &second);
    }
    buf_free(&again);
    check_row(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > CONTROL_REQUEST_BYTES_MAX + 16)
        return 0;
    char *line = malloc(size + 1); /* exact, so that a step too far is seen */
    struct control_request request;
    CHECK(line != NULL);
    memcpy(line, data, size);
    if (control_request_parse(line, size, &request) == 0)
        check_request(&request);
    else
        CHECK(request.problem != NULL && request.command.ptr == NULL && request.arg_count == 0);
    free(line);

    struct buf text = {0};
    CHECK(control_error(&text, CONTROL_FAILED, slice_of((const char *)data, size)) == 0);
    CHECK(buf_len(&text) <= CONTROL_ANSWER_BYTES_MAX);
    check_line(buf_slice(&text));
    buf_free(&text);
    return 0;
}
