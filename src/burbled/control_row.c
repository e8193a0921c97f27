/* Lines of an answer of the control socket: JSON (RFC 8259), written straight into a buffer. Pure.
 */
#include "burbled/control_row.h"

#include "base/err.h"
#include "base/utf8.h"

int control_text(struct buf *out, struct slice s)
{
    buf_byte(out, '"');
    while (s.len > 0) {
        uint32_t code = 0;
        int len = utf8_decode(s, &code);
        if (len <= 0)
            buf_lit(out, "\xef\xbf\xbd");
        else if (code == '"' || code == '\\')
            buf_printf(out, "\\%c", (char)code);
        else if (code < 0x20 || code == 0x7f)
            buf_printf(out, "\\u%04x", (unsigned)code);
        else
            buf_append(out, s.ptr, (size_t)len);
        s = slice_from(s, len > 0 ? (size_t)len : 1);
    }
    return buf_byte(out, '"');
}

static void key(struct control_row *row, const char *name)
{
    if (!row->first)
        buf_byte(row->out, ',');
    row->first = false;
    control_text(row->out, slice_z(name));
    buf_byte(row->out, ':');
}

void control_row_begin(struct control_row *row, struct buf *out)
{
    *row = (struct control_row){.out = out, .start = buf_len(out), .first = true};
    buf_lit(out, "{\"row\":{");
}

void control_row_str(struct control_row *row, const char *name, struct slice value)
{
    key(row, name);
    control_text(row->out, value);
}

void control_row_z(struct control_row *row, const char *name, const char *value)
{
    control_row_str(row, name, slice_z(value));
}

void control_row_num(struct control_row *row, const char *name, int64_t value)
{
    key(row, name);
    buf_printf(row->out, "%lld", (long long)value);
}

void control_row_bool(struct control_row *row, const char *name, bool value)
{
    key(row, name);
    if (value)
        buf_lit(row->out, "true");
    else
        buf_lit(row->out, "false");
}

int control_row_end(struct control_row *row)
{
    if (buf_lit(row->out, "}}\n") != 0)
        return ERR_MEMORY;
    if (buf_len(row->out) - row->start <= CONTROL_ANSWER_BYTES_MAX)
        return 0;
    buf_truncate(row->out, row->start);
    return ERR_LIMIT;
}

int control_ok(struct buf *out)
{
    return buf_lit(out, "{\"ok\":true}\n");
}

int control_error(struct buf *out, enum control_exit status, struct slice text)
{
    if (text.len > CONTROL_ERROR_BYTES_MAX)
        text.len = CONTROL_ERROR_BYTES_MAX;
    buf_lit(out, "{\"error\":");
    control_text(out, text);
    return buf_printf(out, ",\"exit\":%d}\n", (int)status);
}
