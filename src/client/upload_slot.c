/* HTTP upload (XEP-0363 1.2.0, section 4): a slot as the service gives it. Only https, only URLs of
 * the characters of RFC 3986, only the three headers, and none that could end a line of HTTP. */
#include <string.h>

#include "client/upload.h"

enum { VALUE_BYTES_MAX = 8192 };

static const char *const NAMES[] = {"Authorization", "Cookie", "Expires"};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* prefix and name are in lower case. */
static bool starts(struct slice s, struct slice prefix)
{
    for (size_t i = 0; i < prefix.len; i++)
        if (i >= s.len || lower(s.ptr[i]) != prefix.ptr[i])
            return false;
    return true;
}

static bool same_name(struct slice s, const char *name)
{
    size_t i = 0;
    while (i < s.len && name[i] != '\0' && lower(s.ptr[i]) == lower(name[i]))
        i++;
    return i == s.len && name[i] == '\0';
}

/* Printable ASCII but those characters that no URL has. */
static bool url_characters(struct slice url)
{
    for (size_t i = 0; i < url.len; i++) {
        char c = url.ptr[i];
        if (c <= ' ' || c > '~' || strchr("\"<>\\^`{|}", c) != NULL)
            return false;
    }
    return true;
}

/* A host, and nobody's name and password before it. */
static bool authority(struct slice rest)
{
    size_t n = 0;
    while (n < rest.len && strchr("/?#", rest.ptr[n]) == NULL)
        n++;
    struct slice host = slice_of(rest.ptr, n);
    return n > 0 && host.ptr[0] != ':' && slice_find(host, '@') == host.len;
}

static bool url_good(struct slice url, bool http)
{
    struct slice secure = SLICE("https://"), plain = SLICE("http://");
    if (url.len == 0 || url.len > BURBLE_UPLOAD_URL_MAX || !url_characters(url))
        return false;
    if (starts(url, secure))
        return authority(slice_from(url, secure.len));
    return http && starts(url, plain) && authority(slice_from(url, plain.len));
}

static bool value_good(struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < ' ' || value.ptr[i] > '~')
            return false;
    return value.len > 0 && value.len <= VALUE_BYTES_MAX;
}

/* NULL: it is to be ignored. */
static const char *name_of(struct slice name)
{
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        if (same_name(name, NAMES[i]))
            return NAMES[i];
    return NULL;
}

static const char *read_headers(struct burble_tree *view, struct xml put, struct burble_slot *out)
{
    const struct slice element = SLICE("header");
    size_t size = BURBLE_UPLOAD_HEADERS_MAX * sizeof(struct burble_upload_header);
    struct burble_upload_header *all = arena_alloc(&view->strings, size);
    if (all == NULL)
        return "out of memory";
    struct xml h = xml_child(put, NS_UPLOAD, element);
    for (; xml_some(h); h = xml_next_named(h, NS_UPLOAD, element)) {
        const char *name = name_of(xml_attr(h, SLICE("name")));
        struct slice value = xml_text(h);
        if (name == NULL)
            continue;
        if (!value_good(value))
            return "the slot has a header that no request can carry";
        if (out->header_count == BURBLE_UPLOAD_HEADERS_MAX)
            return "the slot has too many headers";
        struct burble_upload_header header = {.name = name, .value = view_string(view, value)};
        if (header.value == NULL)
            return "out of memory";
        all[out->header_count++] = header;
    }
    out->headers = all;
    return NULL;
}

const char *upload_slot_read(struct burble_tree *view, struct xml slot, bool http,
                             struct burble_slot *out)
{
    struct xml put = xml_child(slot, NS_UPLOAD, SLICE("put"));
    struct slice put_url = xml_attr(put, SLICE("url"));
    struct slice get_url = xml_attr(xml_child(slot, NS_UPLOAD, SLICE("get")), SLICE("url"));
    if (put_url.ptr == NULL || get_url.ptr == NULL)
        return "the answer has no slot";
    if (!url_good(put_url, http) || !url_good(get_url, http))
        return http ? "the slot has an address that is none" : "the slot is not at https";
    out->put_url = view_string(view, put_url);
    out->get_url = view_string(view, get_url);
    if (out->put_url == NULL || out->get_url == NULL)
        return "out of memory";
    return read_headers(view, put, out);
}
