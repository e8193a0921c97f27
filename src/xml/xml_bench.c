/* How fast stanzas are parsed and written: nanoseconds each and megabytes a second, the best of
 * several rounds. Not a test; run it by hand:  xml_bench [milliseconds per row] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/check.h"
#include "xml/parser.h"
#include "xml/writer.h"

static const char HEADER[] =
    "<?xml version='1.0'?><stream:stream to='example.org' version='1.0' xml:lang='en' "
    "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

static const char CHAT[] =
    "<message from='romeo@montague.example/orchard' to='juliet@capulet.example' type='chat' "
    "id='4b9d0a52-7d3c' xml:lang='en'><body>Wherefore art thou? I have been waiting here for an "
    "hour.</body><active xmlns='http://jabber.org/protocol/chatstates'/>"
    "<request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' "
    "id='4b9d0a52-7d3c'/></message>";

static const char WORLD[] =
    "<message from='ромео@пример.рф/сад' to='джульетта@пример.рф' type='chat' id='a1'>"
    "<body>Но тише! Что за свет блеснул в окне? Там разгорается восток — Джульетта, солнце! "
    "那边窗子里亮起来的是什么光？那就是东方，朱丽叶就是太阳！</body></message>";

static const char PRESENCE[] =
    "<presence from='romeo@montague.example/orchard'><show>away</show><priority>5</priority>"
    "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://client.example/' "
    "ver='QgayPKawpkPSDYmwT/WM94uAlu0='/></presence>";

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* others may use the machine, too */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct job {
    struct xml_parser *parser;
    struct slice text; /* stanzas */
    struct xml_tree *tree;
    struct buf out;
};

static size_t parse_all(struct job *j)
{
    struct slice in = j->text;
    size_t n = 0;
    while (xml_parser_feed(j->parser, &in) == XML_STANZA)
        n++;
    CHECK(in.len == 0 && xml_parser_error(j->parser) == XML_OK);
    return n;
}

/* Each stanza a turn of its own. */
static size_t parse_turn(struct job *j)
{
    size_t n = parse_all(j);
    xml_parser_rest(j->parser);
    return n;
}

static size_t parse_owned(struct job *j)
{
    struct xml_tree *tree;
    CHECK(xml_parse(j->text, SLICE("jabber:client"), &XML_LIMITS_C2S, &tree) == XML_OK);
    xml_tree_free(&tree);
    return 1;
}

static size_t write_one(struct job *j)
{
    buf_clear(&j->out);
    xml_write_node(&j->out, xml_root(j->tree), SLICE("jabber:client"));
    return 1;
}

/* What a router asks of each stanza. */
static size_t read_one(struct job *j)
{
    struct xml x = xml_root(j->tree);
    size_t n = xml_is(x, SLICE("jabber:client"), SLICE("message"));
    n += xml_attr(x, SLICE("to")).len > 0;
    n += xml_attr(x, SLICE("from")).len > 0;
    n += xml_attr(x, SLICE("type")).len > 0;
    n += xml_some(xml_child(x, SLICE("jabber:client"), SLICE("body")));
    n += xml_some(xml_child(x, SLICE("urn:xmpp:hints"), SLICE("no-store")));
    CHECK(n > 0);
    return 1;
}

static void measure(const char *what, struct job *j, size_t (*fn)(struct job *), size_t bytes,
                    int64_t budget_ns)
{
    int64_t best = INT64_MAX, begin = now_ns();
    size_t turns = 1;
    do {
        int64_t start = now_ns();
        size_t stanzas = 0;
        for (size_t i = 0; i < turns; i++)
            stanzas += fn(j);
        int64_t took = now_ns() - start;
        if (took < budget_ns / 500)
            turns *= 2;
        else if (took / (int64_t)stanzas < best)
            best = took / (int64_t)stanzas;
    } while (now_ns() - begin < budget_ns);
    printf("%-22s %8zu bytes %9lld ns %8.0f MB/s\n", what, bytes, (long long)best,
           best > 0 ? (double)bytes * 1000 / (double)best : 0.0);
}

static void bench(const char *name, struct slice stanza, int64_t budget_ns)
{
    struct job j = {.parser = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S)};
    CHECK(j.parser != NULL);
    struct slice header = SLICE(HEADER);
    CHECK(xml_parser_feed(j.parser, &header) == XML_OPEN);
    struct buf many = {0};
    for (size_t i = 0; i < 16; i++)
        buf_add(&many, stanza);
    char what[64];
    j.text = buf_slice(&many);
    snprintf(what, sizeof(what), "%s parse", name);
    measure(what, &j, parse_all, stanza.len, budget_ns);
    j.text = stanza;
    snprintf(what, sizeof(what), "%s parse, rest", name);
    measure(what, &j, parse_turn, stanza.len, budget_ns);
    snprintf(what, sizeof(what), "%s xml_parse", name);
    measure(what, &j, parse_owned, stanza.len, budget_ns);
    CHECK(xml_parse(stanza, SLICE("jabber:client"), &XML_LIMITS_C2S, &j.tree) == XML_OK);
    snprintf(what, sizeof(what), "%s read", name);
    measure(what, &j, read_one, stanza.len, budget_ns);
    snprintf(what, sizeof(what), "%s write", name);
    measure(what, &j, write_one, stanza.len, budget_ns);
    xml_tree_free(&j.tree);
    buf_free(&j.out);
    buf_free(&many);
    xml_parser_free(&j.parser);
}

enum { BIG_BYTES = 261900 }; /* nearly the limit */

static void bench_text(const char *name, const char *line, int64_t budget_ns)
{
    struct buf text = {0};
    buf_lit(&text, "<message><body>");
    while (buf_len(&text) < BIG_BYTES)
        buf_add(&text, slice_z(line));
    buf_lit(&text, "</body></message>");
    bench(name, buf_slice(&text), budget_ns);
    buf_free(&text);
}

static void bench_big(int64_t budget_ns)
{
    struct buf items = {0};
    bench_text("256 KiB", "It was the nightingale, and not the lark, that pierced thine ear; ",
               budget_ns);
    bench_text("256 KiB Russian", "То соловей был, а не жаворонок. ", budget_ns);
    bench_text("256 KiB Chinese", "那刺进你惊恐的耳膜中的，不是云雀，是夜莺的歌声；", budget_ns);
    buf_lit(&items, "<iq type='result' id='7'><query xmlns='jabber:iq:roster'>");
    for (int i = 0; buf_len(&items) < BIG_BYTES; i++)
        buf_printf(&items,
                   "<item jid='user%d@capulet.example' name='User number %d of the very many' "
                   "subscription='both'>"
                   "<group>Friends of the family</group></item>",
                   i, i);
    buf_lit(&items, "</query></iq>");
    bench("256 KiB roster", buf_slice(&items), budget_ns);
    buf_free(&items);
}

int main(int argc, char **argv)
{
    int64_t budget_ns = (argc > 1 ? strtol(argv[1], NULL, 10) : 300) * 1000000LL;
    bench("chat", SLICE(CHAT), budget_ns);
    bench("chat, world", SLICE(WORLD), budget_ns);
    bench("presence", SLICE(PRESENCE), budget_ns);
    bench_big(budget_ns);
    return 0;
}
