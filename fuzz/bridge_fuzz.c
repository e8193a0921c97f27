/* The bridge: what a microblog answers, its HTML, and the file of what waits. Whatever comes, the
 * texts are what a message may carry, and what was read is written and read again as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/utf8.h"
#include "burble/bridge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_text(const char *text)
{
    if (text == NULL)
        return;
    CHECK(utf8_valid(slice_z(text)));
    for (; *text != '\0'; text++)
        CHECK((unsigned char)*text >= 0x20 || *text == '\n' || *text == '\t');
}

static void answers(struct slice body, int status)
{
    for (int many = 0; many < 2; many++)
        for (int style = 0; style < 2; style++) {
            struct http_answer a = {.status = status, .body = body};
            struct blog_result r;
            blog_read((enum blog_style)style, many != 0, &a, &r);
            CHECK(r.count <= BRIDGE_POSTS_MAX && (many != 0 || r.count <= 1));
            CHECK(r.outcome != BLOG_DONE || many != 0 || r.count == 1);
            CHECK((r.why[0] == '\0') == (r.outcome == BLOG_DONE));
            for (size_t i = 0; i < r.count; i++) {
                const struct blog_post *p = &r.posts[i];
                CHECK(blog_good_id(p->id) && p->author != NULL && p->text != NULL);
                CHECK(i == 0 || !blog_newer(r.posts[i - 1].id, p->id));
                is_text(p->author);
                is_text(p->name);
                is_text(p->text);
                is_text(p->link);
            }
            blog_result_free(&r);
        }
}

static void plain(struct slice html)
{
    struct buf out = {0};
    bridge_plain(html, &out);
    CHECK(!out.failed && buf_len(&out) <= 2 * html.len);
    buf_free(&out);
}

static void queue(struct slice text)
{
    static struct bridge_queue a, b;
    struct buf first = {0}, second = {0};
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    list_init(&a.items);
    list_init(&b.items);
    if (bridge_queue_read(&a, text)) {
        bridge_queue_write(&a, &first);
        CHECK(!first.failed && bridge_queue_read(&b, buf_slice(&first)));
        bridge_queue_write(&b, &second);
        CHECK(slice_eq(buf_slice(&first), buf_slice(&second)));
    }
    buf_free(&first);
    buf_free(&second);
    bridge_queue_close(&a);
    bridge_queue_close(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int STATUS[] = {200, 403, 500};
    if (size == 0)
        return 0;
    struct slice text = slice_of((const char *)data + 1, size - 1);
    answers(text, STATUS[data[0] % 3]);
    plain(text);
    queue(text);
    return 0;
}
