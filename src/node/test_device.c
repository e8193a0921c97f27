/* A client with stream management, on the bench. */
#include "node/test_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/mem.h"

static void attr(struct xml x, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%.*s", SLICE_ARG(xml_attr(x, slice_z(name))));
}

static uint32_t number(struct xml x, const char *name)
{
    unsigned long long n;
    return slice_to_u64(xml_attr(x, slice_z(name)), &n) ? (uint32_t)n : UINT32_MAX;
}

static void acknowledge(struct device *d, uint32_t h)
{
    CHECK(h - d->acked <= d->sent - d->acked); /* else: it goes back, or is too high */
    uint32_t n = h - d->acked;
    for (uint32_t i = 0; i < n; i++)
        mem_free(d->unacked[i]);
    memmove(d->unacked, d->unacked + n, (d->sent - h) * sizeof(d->unacked[0]));
    d->acked = h;
}

static void stanza(struct device *d, struct xml x)
{
    struct xml body = xml_child(x, NS_CLIENT, SLICE("body"));
    d->handled++;
    if (slice_is(xml_name(x), "message") && xml_some(body)) {
        buf_printf(&d->bodies, "%s%.*s ",
                   slice_is(xml_attr(x, SLICE("type")), "error") ? "error:" : "",
                   SLICE_ARG(xml_text(body)));
        return;
    }
    buf_printf(&d->other, "%.*s %.*s %.*s %.*s;", SLICE_ARG(xml_name(x)),
               SLICE_ARG(xml_attr(x, SLICE("from"))), SLICE_ARG(xml_attr(x, SLICE("type"))),
               SLICE_ARG(xml_attr(x, SLICE("id"))));
}

static void managed(struct device *d, struct xml x)
{
    struct slice name = xml_name(x);
    if (slice_is(name, "r")) {
        d->questions++;
        if (!d->silent && d->client->conn != NULL)
            client_sendf(d->client, "<a xmlns='urn:xmpp:sm:3' h='%u'/>", d->handled);
    } else if (slice_is(name, "a")) {
        acknowledge(d, number(x, "h"));
    } else if (slice_is(name, "enabled")) {
        attr(x, "id", d->id, sizeof(d->id));
    } else if (slice_is(name, "failed")) {
        d->failed++;
        d->failed_h = number(x, "h");
    } else if (slice_is(name, "resumed")) {
        d->resumed++;
        acknowledge(d, number(x, "h"));
        struct buf again = {0};
        for (uint32_t i = 0; i < d->sent - d->acked; i++)
            buf_add(&again, slice_z(d->unacked[i]));
        buf_lit(&again, "<r xmlns='urn:xmpp:sm:3'/>");
        buf_byte(&again, '\0');
        client_send(d->client, again.ptr);
        buf_free(&again);
    }
}

void device_take(struct device *d)
{
    while (d->client != NULL && client_waiting(d->client) > 0) {
        struct xml x = client_next(d->client);
        if (slice_eq(xml_ns(x), NS_SM))
            managed(d, x);
        else if (slice_eq(xml_ns(x), NS_STREAMS) && slice_is(xml_name(x), "error"))
            snprintf(d->error, sizeof(d->error), "%.*s", SLICE_ARG(xml_name(xml_first_element(x))));
        else if (slice_eq(xml_ns(x), NS_CLIENT))
            stanza(d, x);
    }
    if (d->client != NULL && client_ended(d->client))
        d->ended = true;
}

void device_raw(struct device *d, const char *text)
{
    if (d->client->conn != NULL)
        client_send(d->client, text);
    device_take(d);
}

void device_say(struct device *d, const char *text)
{
    CHECK(d->sent - d->acked < DEVICE_UNACKED_MAX);
    d->unacked[d->sent - d->acked] = mem_copy(slice_z(text));
    d->sent++;
    if (d->client != NULL && d->client->conn != NULL) {
        client_send(d->client, text);
        if (d->sends_r)
            device_raw(d, "<r xmlns='urn:xmpp:sm:3'/>");
        device_take(d);
    }
}

void device_sayf(struct device *d, const char *format, ...)
{
    char text[1000];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    CHECK(n > 0 && (size_t)n < sizeof(text));
    device_say(d, text);
}

void device_write(struct device *d, const char *to, unsigned body)
{
    device_sayf(d, "<message type='chat' to='%s' id='%u'><body>%u</body></message>", to, body,
                body);
}

/* Logged in, the features of the second stream read. */
static void connect(struct device *d)
{
    char local[64], host[64];
    struct buf plain = {0}, text = {0};
    const char *at = strchr(d->full, '@'), *slash = strchr(d->full, '/');
    snprintf(local, sizeof(local), "%.*s", (int)(at - d->full), d->full);
    snprintf(host, sizeof(host), "%.*s", (int)(slash - at - 1), at + 1);
    CHECK(d->client == NULL);
    d->ended = false;
    d->error[0] = '\0';
    d->client = bench_connect(d->bench);
    client_open(d->client, host);
    client_discard(d->client);
    buf_byte(&plain, '\0');
    buf_add(&plain, slice_z(local));
    buf_byte(&plain, '\0');
    buf_lit(&plain, BENCH_PASSWORD);
    base64_append(&text, buf_slice(&plain));
    client_sendf(d->client,
                 "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%.*s</auth>",
                 SLICE_ARG(buf_slice(&text)));
    expect(d->client, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    client_open(d->client, host);
    client_discard(d->client);
    buf_free(&plain);
    buf_free(&text);
    snprintf(d->client->jid, sizeof(d->client->jid), "%s", d->full);
}

static void bind(struct device *d)
{
    for (uint32_t i = 0; i < d->sent - d->acked; i++)
        mem_free(d->unacked[i]);
    d->sent = d->acked = d->handled = 0;
    client_sendf(d->client,
                 "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                 "<resource>%s</resource></bind></iq>",
                 strchr(d->full, '/') + 1);
    expect(d->client, "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                      "<jid>*</jid></bind></iq>");
    client_send(d->client, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    device_take(d);
    CHECK(d->id[0] != '\0');
}

struct device *device_new_silent(struct bench *b, const char *full)
{
    struct device *d = mem_new(struct device);
    char bare[64];
    d->bench = b;
    snprintf(d->full, sizeof(d->full), "%s", full);
    snprintf(bare, sizeof(bare), "%.*s", (int)(strchr(full, '/') - full), full);
    if (bench_count(b, bare, "account") == 0)
        bench_account(b, bare);
    connect(d);
    bind(d);
    return d;
}

struct device *device_new(struct bench *b, const char *full)
{
    struct device *d = device_new_silent(b, full);
    device_say(d, "<presence/>");
    device_take(d);
    return d;
}

void device_login(struct device *d)
{
    device_lose(d);
    d->id[0] = '\0';
    connect(d);
    bind(d);
    device_say(d, "<presence/>");
}

void device_free(struct device **device)
{
    struct device *d = *device;
    *device = NULL;
    device_lose(d);
    for (uint32_t i = 0; i < d->sent - d->acked; i++)
        mem_free(d->unacked[i]);
    buf_free(&d->bodies);
    buf_free(&d->other);
    mem_free(d);
}

void device_lose(struct device *d)
{
    if (d->client == NULL)
        return;
    client_lose(&d->client);
}

void device_close(struct device *d)
{
    device_take(d);
    client_close(&d->client);
    d->id[0] = '\0';
}

bool device_resume(struct device *d)
{
    unsigned resumed = d->resumed;
    device_lose(d);
    connect(d);
    client_sendf(d->client, "<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%u'/>", d->id,
                 d->handled);
    device_take(d);
    return d->resumed > resumed;
}

void device_login_anew(struct device *d)
{
    device_lose(d);
    device_login(d);
}

void device_all_told(struct device *d)
{
    device_raw(d, "<r xmlns='urn:xmpp:sm:3'/>");
    assert_int_equal(d->acked, d->sent);
}

void device_check(struct device *d, const char *text, const char *file, int line)
{
    device_take(d);
    struct slice got = buf_slice(&d->bodies);
    if (!slice_eq(got, slice_z(text))) {
        print_error("%s expected \"%s\", got \"%.*s\"\n", d->full, text, SLICE_ARG(got));
        _fail(file, line);
    }
    buf_clear(&d->bodies);
}

bool device_saw(const struct device *d, const char *text)
{
    struct slice all = buf_slice(&d->other);
    return all.len > 0 && memmem(all.ptr, all.len, text, strlen(text)) != NULL;
}

struct session *device_session(const struct device *d)
{
    struct jid jid;
    CHECK(jid_from_prepared(slice_z(d->full), &jid));
    char bare[64];
    snprintf(bare, sizeof(bare), "%.*s", (int)(strchr(d->full, '/') - d->full), d->full);
    struct account *a = bench_loaded(d->bench, bare);
    return a != NULL ? session_find(a, jid_resource(&jid)) : NULL;
}
