/* Connections of the simulation and the clients at their ends. */
#include <stdarg.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/check.h"
#include "world_inside.h"

enum { CHUNK_MAX = 200 };

struct client *client_connect(struct world *w, const char *name)
{
    struct client *c = w->clients;
    while (c < w->clients + w->client_count && c->world != NULL)
        c++;
    CHECK(c < w->clients + CLIENTS_MAX);
    if (c == w->clients + w->client_count)
        w->client_count++;
    *c = (struct client){.world = w, .name = name, .shard = world_random(w, w->shards)};
    node_now(w->nodes[c->shard], w->now);
    c->link = node_accept(w->nodes[c->shard], 0, "sim", ++w->connections, c);
    return c;
}

void client_clear(struct client *c)
{
    CHECK(c->link == NULL);
    buf_free(&c->to_server);
    buf_free(&c->inbox);
    buf_free(&c->unread);
    buf_free(&c->last);
    c->world = NULL;
}

void client_free(struct client **client)
{
    struct client *c = *client;
    *client = NULL;
    client_break(c);
    c->forgotten = true;
    if (!c->moving)
        client_clear(c);
}

void client_closes(struct client *c)
{
    struct node_link *l = c->link;
    c->link = NULL;
    if (c->world->trace && !c->world->dead)
        fprintf(stderr, "-- %s closed\n", c->name);
    node_link_lost(c->world->nodes[c->shard], l);
}

void client_break(struct client *c)
{
    if (c->moving)
        c->doomed = true; /* nobody can find it now */
    if (c->link == NULL || c->moving)
        return;
    node_now(c->world->nodes[c->shard], c->world->now);
    client_closes(c);
    world_turn(c->world, c->shard);
}

void client_arrives(struct client *c, uint32_t shard)
{
    c->shard = shard;
    c->moving = false;
    node_adopt(c->world->nodes[shard], c->link, c);
    if (c->doomed)
        client_closes(c);
    if (c->forgotten)
        client_clear(c);
}

bool client_writes(struct client *c)
{
    struct world *w = c->world;
    if (c->link == NULL || c->moving || w->dead || buf_len(&c->to_server) == 0 ||
        !node_wants_input(c->link))
        return false;
    size_t n = 1 + world_random(w, CHUNK_MAX);
    if (n > buf_len(&c->to_server))
        n = buf_len(&c->to_server);
    node_now(w->nodes[c->shard], w->now);
    node_input(w->nodes[c->shard], c->link, slice_of(buf_slice(&c->to_server).ptr, n));
    buf_consume(&c->to_server, n);
    world_turn(w, c->shard);
    return true;
}

bool client_reads(struct client *c)
{
    struct world *w = c->world;
    if (c->link == NULL || c->moving || c->stopped || w->dead || buf_len(node_output(c->link)) == 0)
        return false;
    struct buf *out = node_output(c->link);
    size_t n = 1 + world_random(w, CHUNK_MAX);
    if (n > buf_len(out))
        n = buf_len(out);
    struct slice bytes = slice_of(buf_slice(out).ptr, n);
    world_note(w, bytes);
    buf_add(&c->inbox, bytes);
    if (w->trace)
        fprintf(stderr, "%s <- %.*s\n", c->name, SLICE_ARG(bytes));
    buf_consume(out, n);
    buf_consume(&c->unread, n);
    node_sent(w->nodes[c->shard], c->link);
    world_turn(w, c->shard);
    return true;
}

void client_written(struct client *c)
{
    struct slice out = buf_slice(node_output(c->link));
    if (!c->world->dead && out.len > buf_len(&c->unread))
        buf_add(&c->unread, slice_from(out, buf_len(&c->unread)));
}

void client_send(struct client *c, const char *text)
{
    if (c->world->trace)
        fprintf(stderr, "%s -> %s\n", c->name, text);
    buf_add(&c->to_server, slice_z(text));
}

void client_stop_reading(struct client *c, bool stopped)
{
    c->stopped = stopped;
}

bool client_connected(const struct client *c)
{
    return c->link != NULL && !c->doomed;
}

bool client_closed(const struct client *c)
{
    return c->link == NULL && buf_len(&c->inbox) == 0;
}

bool client_has_read(const struct client *c)
{
    return buf_len(&c->unread) == 0;
}

const char *client_last(const struct client *c)
{
    return buf_slice(&c->last).ptr;
}

size_t client_element(struct slice text)
{
    int depth = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '<')
            continue;
        size_t end = i;
        while (end < text.len && text.ptr[end] != '>')
            end++;
        if (end == text.len)
            return 0;
        struct slice tag = slice_of(text.ptr + i, end - i + 1);
        if (slice_starts(tag, SLICE("<?")))
            continue;
        if (slice_starts(tag, SLICE("<stream:stream")) ||
            slice_starts(tag, SLICE("</stream:stream")))
            return end + 1;
        if (tag.ptr[1] == '/')
            depth--;
        else if (tag.ptr[tag.len - 2] != '/')
            depth++;
        if (depth == 0)
            return end + 1;
        i = end;
    }
    return 0;
}

static void take(struct client *c, size_t len)
{
    buf_clear(&c->last);
    buf_append(&c->last, buf_slice(&c->inbox).ptr, len);
    buf_byte(&c->last, '\0');
    buf_consume(&c->inbox, len);
}

bool client_take(struct client *c)
{
    struct slice inbox = buf_slice(&c->inbox);
    size_t len = inbox.len > 0 ? client_element(inbox) : 0;
    if (len > 0)
        take(c, len);
    return len > 0;
}

void client_missed(const struct client *c, struct buf *out)
{
    buf_add(out, buf_slice(&c->inbox));
    buf_add(out, buf_slice(&c->unread));
}

static bool has_all(struct slice text, va_list wanted)
{
    va_list args;
    va_copy(args, wanted);
    bool all = true;
    const char *want;
    while ((want = va_arg(args, const char *)) != NULL)
        all = all && memmem(text.ptr, text.len, want, strlen(want)) != NULL;
    va_end(args);
    return all;
}

bool client_expect(struct client *c, ...)
{
    va_list wanted;
    va_start(wanted, c);
    bool found = false, more = true;
    while (!found) {
        if (!client_take(c)) {
            if (!more)
                break;
            more = world_run(c->world, 1);
            continue;
        }
        struct slice last = buf_slice(&c->last);
        found = has_all(slice_of(last.ptr, last.len - 1), wanted);
    }
    va_end(wanted);
    return found;
}

bool client_quiet(struct client *c, const char *text)
{
    world_settle(c->world);
    struct slice inbox = buf_slice(&c->inbox);
    return inbox.len == 0 || memmem(inbox.ptr, inbox.len, text, strlen(text)) == NULL;
}

bool client_login(struct client *c, const char *user, const char *password, const char *resource)
{
    const char *header = "<stream:stream xmlns='jabber:client' to='localhost' version='1.0' "
                         "xmlns:stream='http://etherx.jabber.org/streams'>";
    struct buf text = {0}, plain = {0};
    client_send(c, header);
    if (!client_expect(c, "<stream:features", "PLAIN", NULL))
        return false;
    buf_byte(&plain, '\0');
    buf_add(&plain, slice_z(user));
    buf_byte(&plain, '\0');
    buf_add(&plain, slice_z(password));
    buf_lit(&text, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>");
    base64_append(&text, buf_slice(&plain));
    buf_lit(&text, "</auth>");
    buf_byte(&text, 0);
    client_send(c, buf_slice(&text).ptr);
    bool good = client_expect(c, "<success", NULL);
    if (good) {
        client_send(c, header);
        good = client_expect(c, "<stream:features", "xmpp-bind", NULL);
    }
    if (good) {
        buf_clear(&text);
        buf_printf(&text,
                   "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                   "<resource>%s</resource></bind></iq>",
                   resource);
        buf_byte(&text, '\0');
        client_send(c, buf_slice(&text).ptr);
        good = client_expect(c, "type='result'", "id='bind'", resource, NULL);
    }
    buf_free(&text);
    buf_free(&plain);
    return good;
}
