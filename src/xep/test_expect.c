/* What the clients of the bench expect: comparing XML with patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"
#include "xep/test_inside.h"

enum { DEPTH = 64 };

static bool any(struct slice pattern)
{
    return slice_is(pattern, "*");
}

static bool value_matches(struct slice pattern, struct slice value)
{
    return any(pattern) || slice_eq(pattern, value);
}

static struct slice attr_of(struct xml x, const struct xml_attribute *a)
{
    return a->ns.len > 0 ? xml_attr_ns(x, a->ns, a->name) : xml_attr(x, a->name);
}

/* Every attribute of one is in the other with the same value; outermost: some may be missing. */
static bool attributes_in(struct xml x, struct xml other, bool other_is_pattern, bool outermost)
{
    struct xml_attribute a;
    uint32_t at = 0;
    while (xml_attributes(x, &at, &a)) {
        struct slice value = attr_of(other, &a);
        bool may_lack =
            outermost && other_is_pattern && (slice_is(a.name, "to") || slice_eq(a.ns, NS_XML));
        if (value.ptr == NULL && may_lack)
            continue;
        if (value.ptr == NULL)
            return false;
        if (!(other_is_pattern ? value_matches(value, a.value) : value_matches(a.value, value)))
            return false;
    }
    return true;
}

static bool heads_match(struct xml pattern, struct xml x, bool outermost)
{
    return xml_is_element(x) && xml_is(x, xml_ns(pattern), xml_name(pattern)) &&
           attributes_in(pattern, x, false, outermost) &&
           attributes_in(x, pattern, true, outermost);
}

static bool is_stanza_id(struct xml x)
{
    return xml_is_element(x) && xml_is(x, SLICE("urn:xmpp:sid:0"), SLICE("stanza-id"));
}

bool bench_matches(struct xml pattern, struct xml x)
{
    struct {
        struct xml pattern, x; /* the next pair of siblings */
    } stack[DEPTH];
    unsigned depth = 1;
    if (!heads_match(pattern, x, true))
        return false;
    stack[0].pattern = xml_first(pattern);
    stack[0].x = xml_first(x);
    while (depth > 0) {
        struct xml p = stack[depth - 1].pattern, other = stack[depth - 1].x;
        if (xml_is_element(p) && slice_is(xml_name(p), "_")) {
            depth--;
            continue;
        }
        if (depth == 1 && is_stanza_id(other) && !is_stanza_id(p))
            other = xml_next(other);
        if (!xml_some(p) || !xml_some(other)) {
            if (xml_some(p) || xml_some(other))
                return false;
            depth--;
            continue;
        }
        stack[depth - 1].pattern = xml_next(p);
        stack[depth - 1].x = xml_next(other);
        if (!xml_is_element(p)) {
            if (xml_is_element(other) || !value_matches(xml_text(p), xml_text(other)))
                return false;
            continue;
        }
        if (!heads_match(p, other, false))
            return false;
        CHECK(depth < DEPTH);
        stack[depth].pattern = xml_first(p);
        stack[depth++].x = xml_first(other);
    }
    return true;
}

static struct xml_tree *parse(struct slice text)
{
    struct xml_tree *tree = NULL;
    if (xml_parse(text, NS_CLIENT, &XML_LIMITS_C2S, &tree) != XML_OK) {
        print_error("not well formed: %.*s\n", SLICE_ARG(text));
        _fail(__FILE__, __LINE__);
    }
    return tree;
}

/* The first that came becomes the last that was taken. */
static void take(struct client *c, struct received *r)
{
    xml_tree_free(&c->last);
    c->last = parse(buf_slice(&r->text));
    list_remove(&r->link);
    buf_free(&r->text);
    mem_free(r);
}

static struct received *first(struct client *c)
{
    return list_empty(&c->inbox) ? NULL : CONTAINER_OF(c->inbox.next, struct received, link);
}

static bool received_matches(const struct received *r, struct slice pattern)
{
    struct xml_tree *want = parse(pattern), *got = parse(buf_slice(&r->text));
    bool match = bench_matches(xml_root(want), xml_root(got));
    xml_tree_free(&want);
    xml_tree_free(&got);
    return match;
}

struct xml client_next(struct client *c)
{
    if (first(c) == NULL)
        fail_msg("%s: nothing came", c->jid);
    take(c, first(c));
    return client_last(c);
}

static void show_inbox(const struct client *c)
{
    if (list_empty(&c->inbox))
        print_error("  came:     nothing%s\n", c->ended ? ", the stream has ended" : "");
    for (struct list *it = c->inbox.next; it != &c->inbox; it = it->next) {
        const struct received *r = CONTAINER_OF(it, struct received, link);
        print_error("  came:     %.*s\n", SLICE_ARG(buf_slice(&r->text)));
    }
}

void client_expect(struct client *c, const char *pattern, const char *file, int line)
{
    struct received *r = first(c);
    if (r == NULL || !received_matches(r, slice_z(pattern))) {
        print_error("%s\n  expected: %s\n", c->jid, pattern);
        show_inbox(c);
        _fail(file, line);
    } else {
        take(c, r);
    }
}

void client_expect_somewhere(struct client *c, const char *pattern, const char *file, int line)
{
    LIST_EACH(it, &c->inbox)
    {
        struct received *r = CONTAINER_OF(it, struct received, link);
        if (received_matches(r, slice_z(pattern))) {
            take(c, r);
            return;
        }
    }
    print_error("%s\n  expected somewhere: %s\n", c->jid, pattern);
    show_inbox(c);
    _fail(file, line);
}

void client_expect_nothing(struct client *c, const char *file, int line)
{
    if (list_empty(&c->inbox))
        return;
    print_error("%s\n  expected: nothing\n", c->jid);
    show_inbox(c);
    _fail(file, line);
}

void client_expect_stream_error(struct client *c, const char *name, const char *file, int line)
{
    char pattern[256];
    snprintf(pattern, sizeof(pattern),
             "<error xmlns='http://etherx.jabber.org/streams'>"
             "<%s xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><_/></error>",
             name);
    client_expect(c, pattern, file, line);
    if (!c->ended) {
        print_error("%s: the stream goes on\n", c->jid);
        _fail(file, line);
    }
}
