/* Names of files as strangers give them, made safe to save under (row V70): one component of a path
 * on any system, visible, not hidden, no option of a command, not reserved, not too long. */
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "burble/file.h"

enum { NAME_BYTES_MAX = BURBLE_FILE_NAME_BYTES - 1, ENDING_BYTES_MAX = 16 };

/* Characters that nobody sees, or that turn the direction of the others (UAX #9), and the ends of
 * lines and paragraphs. */
static bool invisible(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } RANGES[] = {{0x00, 0x1f},     {0x7f, 0xa0},      {0xad, 0xad},     {0x34f, 0x34f},
                  {0x61c, 0x61c},   {0x115f, 0x1160},  {0x17b4, 0x17b5}, {0x180b, 0x180f},
                  {0x2000, 0x200f}, {0x2028, 0x202f},  {0x205f, 0x206f}, {0x3000, 0x3000},
                  {0x3164, 0x3164}, {0xfe00, 0xfe0f},  {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
                  {0xfff0, 0xffff}, {0xe0000, 0xe0fff}};
    for (size_t i = 0; i < sizeof(RANGES) / sizeof(RANGES[0]); i++)
        if (c >= RANGES[i].first && c <= RANGES[i].last)
            return true;
    return false;
}

/* Separators of paths, of streams and of devices, wildcards, quotes, pipes: of all systems. */
static bool special(uint32_t c)
{
    return c < 0x80 && c != 0 && strchr("/\\:*?\"<>|", (int)c) != NULL;
}

static struct slice behind_folders(struct slice name)
{
    for (size_t i = name.len; i > 0; i--)
        if (name.ptr[i - 1] == '/' || name.ptr[i - 1] == '\\')
            return slice_from(name, i);
    return name;
}

static bool same(struct slice a, const char *upper)
{
    size_t i = 0;
    for (; i < a.len && upper[i] != '\0'; i++) {
        char c = a.ptr[i] >= 'a' && a.ptr[i] <= 'z' ? (char)(a.ptr[i] - 32) : a.ptr[i];
        if (c != upper[i])
            return false;
    }
    return i == a.len && upper[i] == '\0';
}

/* Devices that some systems see in every folder, whatever the ending. */
static bool reserved(struct slice name)
{
    static const char *const NAMES[] = {"CON",  "PRN",  "AUX",  "NUL",  "CLOCK$", "CONIN$", "COM0",
                                        "COM1", "COM2", "COM3", "COM4", "COM5",   "COM6",   "COM7",
                                        "COM8", "COM9", "LPT0", "LPT1", "LPT2",   "LPT3",   "LPT4",
                                        "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",   "CONOUT$"};
    struct slice stem = slice_of(name.ptr, slice_find(name, '.'));
    while (stem.len > 0 && stem.ptr[stem.len - 1] == ' ')
        stem.len--;
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        if (same(stem, NAMES[i]))
            return true;
    return false;
}

/* Bytes of s that are whole characters, at most max. */
static size_t whole(struct slice s, size_t max)
{
    size_t n = s.len < max ? s.len : max;
    while (n > 0 && n < s.len && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
        n--;
    return n;
}

/* Shortens in the middle: what is behind the last dot stays. */
static void fit(struct buf *name)
{
    struct slice s = buf_slice(name);
    size_t dot = s.len;
    char ending[ENDING_BYTES_MAX + 1];
    if (s.len <= NAME_BYTES_MAX)
        return;
    for (size_t i = s.len; i > 0 && s.len - i < ENDING_BYTES_MAX; i--)
        if (s.ptr[i - 1] == '.') {
            dot = i - 1;
            break;
        }
    size_t ending_len = s.len - dot;
    memcpy(ending, s.ptr + dot, ending_len);
    buf_truncate(name, whole(slice_of(s.ptr, dot), NAME_BYTES_MAX - ending_len));
    (void)buf_append(name, ending, ending_len);
}

static void put(struct buf *out, struct slice in)
{
    while (in.len > 0) {
        uint32_t c;
        int n = utf8_decode(in, &c);
        if (n <= 0) {
            n = 1;
            c = '/';
        }
        bool front = buf_len(out) == 0;
        if (front && c == ' ') {
            in = slice_from(in, (size_t)n);
            continue;
        }
        if (invisible(c) || special(c) || (front && (c == '.' || c == '-' || c == '~')))
            (void)buf_byte(out, '_');
        else
            (void)buf_append(out, in.ptr, (size_t)n);
        in = slice_from(in, (size_t)n);
    }
}

/* Some systems leave these away, and two names become one. */
static void trim(struct buf *name)
{
    while (buf_len(name) > 0 &&
           (name->ptr[name->end - 1] == ' ' || name->ptr[name->end - 1] == '.'))
        buf_truncate(name, buf_len(name) - 1);
}

void burble_file_safe_name(const char *name, char out[BURBLE_FILE_NAME_BYTES])
{
    struct buf safe = {0}, more = {0};
    put(&safe, behind_folders(slice_z(name != NULL ? name : "")));
    trim(&safe);
    if (reserved(buf_slice(&safe)))
        (void)buf_byte(&more, '_');
    (void)buf_add(&more, buf_slice(&safe));
    fit(&more);
    trim(&more);
    if (safe.failed || more.failed || buf_len(&more) == 0) {
        memcpy(out, "file", sizeof("file"));
    } else {
        memcpy(out, buf_slice(&more).ptr, buf_len(&more));
        out[buf_len(&more)] = '\0';
    }
    buf_free(&safe);
    buf_free(&more);
}
