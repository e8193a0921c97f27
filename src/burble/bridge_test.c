/* Tests of the bridge's pure parts: texts, answers of microblogs, the queue, waiting. */
#include "burble/test_support.h"

#include "base/mem.h"
#include "burble/bridge.h"

static struct buf out;
static struct blog_result r;

static const char *plain(const char *html)
{
    buf_clear(&out);
    bridge_plain(slice_z(html), &out);
    assert_int_equal(buf_byte(&out, '\0'), 0);
    return buf_slice(&out).ptr;
}

static void html_becomes_text(void **state)
{
    (void)state;
    assert_string_equal(plain("<p>one</p><p>two<br />three</p>"), "one\n\ntwo\nthree");
    assert_string_equal(plain("<p>see <a href=\"http://x/?a&b\"><span class='invisible'>https://"
                              "</span>x</a></p>"),
                        "see https://x");
    assert_string_equal(plain("&lt;b&gt; &amp;amp; &quot;x&quot; &#39;y&#x27; &nbsp;z&hellip;"),
                        "<b> &amp; \"x\" 'y'  z\xe2\x80\xa6");
    assert_string_equal(plain("<ul><li>a</li><li>b</li></ul>c"), "a\nb\nc");
    assert_string_equal(plain("&#1046;&#x1F600;"), "\xd0\x96\xf0\x9f\x98\x80");
    assert_string_equal(plain("<pre>a\n  b</pre> \n"), "a\n  b");
    assert_string_equal(plain(""), "");
}

static void html_that_is_none_is_text_too(void **state)
{
    (void)state;
    assert_string_equal(plain("a < b"), "a");
    assert_string_equal(plain("a > b & c &; &nosuch; &#0; &#xd800; &#x110000; &#-1; &#; &#x;"),
                        "a > b & c &; &nosuch; &#0; &#xd800; &#x110000; &#-1; &#; &#x;");
    assert_string_equal(plain("<script>alert(1)</script>&#27;[31m"), "alert(1)&#27;[31m");
    assert_string_equal(plain("<p><p></p>"), "");
    assert_string_equal(plain("&lt;script&gt;"), "<script>"); /* it is text, and stays it */
}

/* Each of these was searched to its end for each of its characters. */
static void megabytes_of_HTML_are_read_once(void **state)
{
    (void)state;
    enum { TIMES = 200000 };
    struct buf many = {0};
    for (int i = 0; i < TIMES; i++)
        buf_lit(&many, "&amp&");
    buf_clear(&out);
    bridge_plain(buf_slice(&many), &out);
    assert_true(slice_eq(buf_slice(&out), buf_slice(&many)));
    buf_clear(&many);
    buf_lit(&many, "x");
    for (int i = 0; i < TIMES; i++)
        buf_lit(&many, "<br><p>");
    buf_lit(&many, "y");
    buf_clear(&out);
    bridge_plain(buf_slice(&many), &out);
    assert_int_equal(buf_len(&out), TIMES + 3);
    buf_free(&many);
}

static void read_answer(enum blog_style style, bool many, int status, const char *body)
{
    struct http_answer a = {.status = status, .body = slice_z(body), .retry_after_s = 7};
    blog_result_free(&r);
    blog_read(style, many, &a, &r);
    assert_int_equal(r.retry_after_s, 7);
}

static void posts_are_read_the_oldest_first(void **state)
{
    (void)state;
    read_answer(BLOG_MASTODON, true, 200,
                "[{\"id\":\"110\",\"content\":\"<p>b</p>\",\"url\":\"https://h/@a/110\","
                "\"account\":{\"acct\":\"a@h\",\"display_name\":\"A \\u001b[1m\"}},"
                "{\"id\":\"9\",\"content\":\"x\",\"spoiler_text\":\"cw\",\"account\":{}},"
                "{\"id\":\"100\",\"content\":\"\",\"account\":{\"acct\":\"c\"},"
                "\"reblog\":{\"id\":\"1\",\"content\":\"<p>said</p>\",\"account\":{\"acct\":\"d\"}}"
                "}]");
    assert_int_equal(r.outcome, BLOG_DONE);
    assert_int_equal(r.count, 3);
    assert_string_equal(r.posts[0].id, "9");
    assert_string_equal(r.posts[0].text, "[cw]\nx");
    assert_string_equal(r.posts[0].author, "?");
    assert_null(r.posts[0].link);
    assert_string_equal(r.posts[1].text, "(d) said");
    assert_string_equal(r.posts[2].id, "110");
    assert_string_equal(r.posts[2].name, "A [1m");
    assert_string_equal(r.posts[2].link, "https://h/@a/110");

    read_answer(
        BLOG_TWITTER, true, 200,
        "[{\"id\":12,\"id_str\":\"12\",\"text\":\"a <b>\",\"user\":{\"screen_name\":\"u\"}},"
        "{\"id\":7,\"text\":\"c\",\"user\":{}}]");
    assert_int_equal(r.count, 2);
    assert_string_equal(r.posts[0].id, "7");
    assert_string_equal(r.posts[1].text, "a <b>");
    read_answer(BLOG_TWITTER, true, 200, "[]");
    assert_int_equal(r.outcome, BLOG_DONE);
    assert_int_equal(r.count, 0);
}

static void what_is_no_microblog_is_strange(void **state)
{
    (void)state;
    static const char *const ONE[] = {"",
                                      "{}",
                                      "[]",
                                      "{\"id\":",
                                      "<html>login",
                                      "{\"id\":\"../x\"}",
                                      "{\"id\":-1}",
                                      "{\"id\":null}",
                                      "\"text\""};
    for (size_t i = 0; i < sizeof(ONE) / sizeof(ONE[0]); i++) {
        read_answer(BLOG_MASTODON, false, 200, ONE[i]);
        assert_int_equal(r.outcome, BLOG_STRANGE);
        assert_int_equal(r.count, 0);
    }
    read_answer(BLOG_MASTODON, true, 200, "{\"id\":\"1\"}");
    assert_int_equal(r.outcome, BLOG_STRANGE);
    read_answer(BLOG_MASTODON, true, 200, "[1,2]");
    assert_int_equal(r.outcome, BLOG_STRANGE);
    read_answer(BLOG_MASTODON, true, 200, "[1,{\"id\":\"5\",\"content\":[]}]");
    assert_int_equal(r.outcome, BLOG_DONE);
    assert_int_equal(r.count, 1);
    assert_string_equal(r.posts[0].text, "");
}

static void failures_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum blog_outcome outcome;
        const char *why;
    } ROWS[] = {
        {400, BLOG_REFUSED, "(400)"}, {401, BLOG_LOGIN, "login (401)"},
        {403, BLOG_REFUSED, "(403)"}, {404, BLOG_STRANGE, "no such API"},
        {408, BLOG_LATER, "(408)"},   {422, BLOG_REFUSED, "no more"},
        {429, BLOG_LATER, "fewer"},   {500, BLOG_LATER, "fails"},
        {503, BLOG_LATER, "no more"}, {301, BLOG_STRANGE, "moved"},
        {999, BLOG_LATER, "fails"},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        read_answer(BLOG_MASTODON, false, ROWS[i].status, "{\"error\":\"no \\u001bmore\"}");
        assert_int_equal(r.outcome, ROWS[i].outcome);
        test_has(r.why, ROWS[i].why);
    }
    read_answer(BLOG_TWITTER, false, 403, "{\"errors\":[{\"message\":\"duplicate\"}]}");
    test_has(r.why, "duplicate");
    struct http_answer a = {.error = "no way there"};
    blog_result_free(&r);
    blog_read(BLOG_TWITTER, false, &a, &r);
    assert_int_equal(r.outcome, BLOG_LATER);
    assert_string_equal(r.why, "no way there");
}

static void newer_ids_are_longer_or_later(void **state)
{
    (void)state;
    assert_true(blog_newer("10", "9") && blog_newer("9", "") && blog_newer("b", "a"));
    assert_false(blog_newer("9", "10") || blog_newer("", "") || blog_newer("a", "a"));
    assert_true(blog_good_id("9gQr-_Zz09") && !blog_good_id("") && !blog_good_id("a/b") &&
                !blog_good_id("a&b"));
}

static void open_queue(struct bridge_queue *q)
{
    *q = (struct bridge_queue){.state.lock_fd = -1};
    list_init(&q->items);
}

static void the_queue_is_what_was_written(void **state)
{
    (void)state;
    static struct bridge_queue a, b;
    open_queue(&a);
    open_queue(&b);
    memcpy(a.since, "123", 4);
    bridge_queue_add(&a, "one \"\xd0\x96\"\n", "me@example.org/x")->for_blog = true;
    struct bridge_item *two = bridge_queue_add(&a, "two", NULL);
    two->for_pep = two->told = true;
    two->to = mem_copy(SLICE("you@example.org"));
    assert_string_not_equal(two->key, CONTAINER_OF(a.items.next, struct bridge_item, link)->key);
    bridge_queue_set_status(&a, "busy");
    for (int i = 1; i <= BRIDGE_OWN_MAX + 1; i++) {
        char id[8];
        snprintf(id, sizeof(id), "%d", i);
        bridge_queue_own(&a, id);
    }
    buf_clear(&out);
    bridge_queue_write(&a, &out);
    assert_false(out.failed);
    assert_true(bridge_queue_read(&b, buf_slice(&out)));
    assert_int_equal(b.count, 2);
    struct bridge_item *x = CONTAINER_OF(b.items.next, struct bridge_item, link);
    struct bridge_item *y = CONTAINER_OF(b.items.prev, struct bridge_item, link);
    assert_string_equal(x->text, "one \"\xd0\x96\"\n");
    assert_string_equal(x->from, "me@example.org/x");
    assert_true(x->for_blog && !x->for_pep && !x->told);
    assert_string_equal(y->key, two->key);
    assert_null(y->from);
    assert_null(x->to);
    assert_string_equal(y->to, "you@example.org");
    assert_true(!y->for_blog && y->for_pep && y->told);
    assert_string_equal(b.status, "busy");
    assert_string_equal(b.since, "123");
    assert_false(bridge_queue_is_own(&b, "1")); /* the oldest has made room */
    assert_true(bridge_queue_is_own(&b, "2") && bridge_queue_is_own(&b, "101"));
    for (size_t cut = 0; cut < buf_len(&out); cut++) { /* a damaged one is none */
        bridge_queue_close(&b);
        open_queue(&b);
        assert_false(bridge_queue_read(&b, slice_of(buf_slice(&out).ptr, cut)));
    }
    bridge_queue_close(&a);
    bridge_queue_close(&b);
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    static struct bridge_queue q;
    open_queue(&q);
    for (int i = 0; i < BRIDGE_QUEUE_MAX; i++)
        assert_non_null(bridge_queue_add(&q, "x", NULL));
    assert_null(bridge_queue_add(&q, "x", NULL));
    struct bridge_item *i = CONTAINER_OF(q.items.next, struct bridge_item, link);
    bridge_queue_remove(&q, &i);
    assert_null(i);
    assert_non_null(bridge_queue_add(&q, "x", NULL));
    bridge_queue_close(&q);
}

static void waiting_is_doubled(void **state)
{
    (void)state;
    uint32_t s = 0;
    static const uint32_t WAITS[] = {5, 10, 20, 40, 80, 160, 320, 600, 600};
    for (size_t i = 0; i < sizeof(WAITS) / sizeof(WAITS[0]); i++) {
        s = bridge_backoff(s, 0);
        assert_int_equal(s, WAITS[i]);
    }
    assert_int_equal(bridge_backoff(5, 3600), 3600);
    assert_int_equal(bridge_backoff(0, 1), 5);
}

static void URLs_with_secrets_are_none(void **state)
{
    (void)state;
    assert_int_equal(http_url_scheme("https://example.org/api"), HTTP_SAFE);
    assert_int_equal(http_url_scheme("http://localhost:8080"), HTTP_SAFE);
    assert_int_equal(http_url_scheme("http://127.0.0.1/x"), HTTP_SAFE);
    assert_int_equal(http_url_scheme("http://[::1]/x"), HTTP_SAFE);
    assert_int_equal(http_url_scheme("http://example.org"), HTTP_PLAIN);
    assert_int_equal(http_url_scheme("http://localhost.evil.example"), HTTP_PLAIN);
    assert_int_equal(http_url_scheme("https://me:secret@example.org"), HTTP_NOT_ONE);
    assert_int_equal(http_url_scheme("https://me@example.org"), HTTP_NOT_ONE);
    assert_int_equal(http_url_scheme("file:///etc/passwd"), HTTP_NOT_ONE);
    assert_int_equal(http_url_scheme("example.org"), HTTP_NOT_ONE);
    assert_int_equal(http_url_scheme(""), HTTP_NOT_ONE);
}

static int teardown(void **state)
{
    (void)state;
    buf_free(&out);
    blog_result_free(&r);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_becomes_text),
        cmocka_unit_test(html_that_is_none_is_text_too),
        cmocka_unit_test(megabytes_of_HTML_are_read_once),
        cmocka_unit_test(posts_are_read_the_oldest_first),
        cmocka_unit_test(what_is_no_microblog_is_strange),
        cmocka_unit_test(failures_are_told_apart),
        cmocka_unit_test(newer_ids_are_longer_or_later),
        cmocka_unit_test(the_queue_is_what_was_written),
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(waiting_is_doubled),
        cmocka_unit_test(URLs_with_secrets_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
