/* Forms, uploads, registration, commands, bytestreams and files when memory runs out: at every
 * allocation in turn, once and for good. Nothing may end the process or be lost; who asked for
 * something hears of it.
 *
 * The link replaces malloc and its kin of our own code (--wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burble/adhoc.h"
#include "burble/file.h"
#include "burble/ibb.h"
#include "burble/register.h"
#include "burble/upload.h"
#include "client/test_starve.h"

#define BOB    "bob@example.org/x"
#define IBB    "http://jabber.org/protocol/ibb"
#define JINGLE "urn:xmpp:jingle:1"
#define CMD    "http://jabber.org/protocol/commands"
#define FORM                                                                                       \
    "<x xmlns='jabber:x:data' type='form'><title>t</title><instructions>i</instructions>"          \
    "<field var='FORM_TYPE' type='hidden'><value>f</value></field><field var='a' label='l'>"       \
    "<desc>d</desc><option label='o'><value>v</value></option></field></x>"

struct heard {
    struct test_client t;
    unsigned asked, answered, steps;
    unsigned files, file_ends, done, streams, stream_ends;
    struct burble_adhoc *run;
    struct burble_file *out, *in;
    struct burble_ibb *ours, *theirs;
};

/* ------------------------------------------------------------------------------ what is called */

static void on_slot(struct burble *c, const struct burble_slot *slot, void *arg)
{
    (void)c, (void)slot;
    ((struct heard *)arg)->answered++;
}

static void on_registration(struct burble *c, const struct burble_registration *a, void *arg)
{
    struct burble_form *form = a->form != NULL ? burble_form_copy(a->form) : NULL;
    (void)c;
    if (form != NULL)
        (void)burble_form_set(form, "a", "x\ny");
    burble_form_free(&form);
    ((struct heard *)arg)->answered++;
}

static void on_list(struct burble *c, const struct burble_disco_items *items, void *arg)
{
    (void)c, (void)items;
    ((struct heard *)arg)->answered++;
}

static void on_step(struct burble_adhoc *a, const struct burble_adhoc_step *step, void *arg)
{
    struct heard *h = arg;
    h->answered++;
    if (step->form != NULL)
        (void)burble_form_set(step->form, "a", "x");
    if (++h->steps == 1 && burble_adhoc_go(a, BURBLE_ADHOC_EXECUTE) == 0)
        h->asked++;
}

static bool may(struct burble *c, const char *from, const char *node, void *arg)
{
    (void)c, (void)from, (void)node, (void)arg;
    return true;
}

static void on_call(struct burble *c, const struct burble_adhoc_call *call, void *arg)
{
    struct burble_form *form = burble_form_new(BURBLE_FORM_ASKS, "f");
    (void)arg;
    (void)burble_adhoc_reply(
        c, call,
        &(struct burble_adhoc_answer){.status = BURBLE_ADHOC_EXECUTING, .note = "n", .form = form});
    burble_form_free(&form);
}

static void on_room(struct burble_file *f, size_t room, void *arg)
{
    (void)room, (void)arg;
    (void)burble_file_write(f, "abc", 3);
}

static void on_end(struct burble_file *f, enum burble_file_end end, const char *text, void *arg)
{
    struct heard *h = arg;
    (void)text;
    h->file_ends++;
    h->done += end == BURBLE_FILE_DONE;
    burble_file_free(f == h->out ? &h->out : &h->in);
}

static const struct burble_file_handlers FILES = {
    .size = sizeof(FILES), .room = on_room, .end = on_end};

static void on_file(struct burble *c, struct burble_file *f, void *arg)
{
    struct heard *h = arg;
    (void)c;
    h->in = f;
    if (burble_file_accept(f, &FILES, h) == 0)
        h->files++;
    else
        burble_file_free(&h->in);
}

static void on_stream_end(struct burble_ibb *s, enum burble_ibb_end end, const char *text,
                          void *arg)
{
    struct heard *h = arg;
    (void)end, (void)text;
    h->stream_ends++;
    burble_ibb_free(s == h->ours ? &h->ours : &h->theirs);
}

static void on_stream_open(struct burble_ibb *s, void *arg)
{
    (void)arg;
    (void)burble_ibb_send(s, "abc", 3);
    burble_ibb_close(s);
}

static const struct burble_ibb_handlers STREAMS = {
    .size = sizeof(STREAMS), .open = on_stream_open, .end = on_stream_end};

static void on_stream(struct burble *c, const struct burble_ibb_offer *o, void *arg)
{
    struct heard *h = arg;
    h->streams += burble_ibb_accept(c, o, 0, &STREAMS, h, &h->theirs) == 0;
}

/* --------------------------------------------------------------------------------- the other side
 */

/* The value of an attribute behind at, or "". */
static const char *value(const char *at, const char *name, char out[64])
{
    const char *found = at != NULL ? strstr(at, name) : NULL;
    size_t len = found != NULL ? strcspn(found + strlen(name), "'") : 0;
    snprintf(out, 64, "%.*s", (int)(len < 63 ? len : 63),
             found != NULL ? found + strlen(name) : "");
    return found;
}

static const char *answer_to(const char *iq)
{
    if (strstr(iq, "up.example.org") != NULL)
        return "<slot xmlns='urn:xmpp:http:upload:0'><put url='https://a/'><header name='Cookie'>"
               "x</header></put><get url='https://a/'/></slot>";
    if (strstr(iq, "disco#items") != NULL)
        return "<query xmlns='http://jabber.org/protocol/disco#items'>"
               "<item jid='bot.example.org' node='n'/></query>";
    if (strstr(iq, CMD) != NULL)
        return "<command xmlns='" CMD "' sessionid='s' status='executing'><actions><next/>"
               "</actions><note>n</note>" FORM "</command>";
    if (strstr(iq, "<query xmlns='jabber:iq:register'/>") != NULL)
        return "<query xmlns='jabber:iq:register'><instructions>i</instructions><username/>"
               "<password>p</password></query>";
    return "";
}

/* One request of ours that is not answered yet; false: there is none. */
static bool answer_one(struct heard *h, char *sent)
{
    char id[64], to[64], sid[64], text[1024];
    char *iq = strstr(sent, "<iq type='"), *end = iq != NULL ? strstr(iq, "</iq>") : NULL;
    if (end == NULL)
        return false;
    *end = '\0';
    bool request = strncmp(iq + 10, "set", 3) == 0 || strncmp(iq + 10, "get", 3) == 0;
    (void)value(iq, " id='", id);
    (void)value(iq, " to='", to);
    bool offer = value(strstr(iq, "session-initiate"), " sid='", sid) != NULL;
    snprintf(text, sizeof(text), "<iq type='result' id='%s'%s%s%s>%s</iq>", id,
             *to != '\0' ? " from='" : "", to, *to != '\0' ? "'" : "", answer_to(iq));
    memmove(iq, end + 1, strlen(end + 1) + 1);
    if (request)
        starve_feed(&h->t, text);
    if (!offer)
        return true;
    snprintf(text, sizeof(text),
             "<iq type='set' id='a' from='" BOB "'><jingle xmlns='" JINGLE
             "' action='session-accept' sid='%s'><content name='file'><transport "
             "xmlns='urn:xmpp:jingle:transports:ibb:1' block-size='4096' sid='x'/></content>"
             "</jingle></iq>",
             sid);
    starve_feed(&h->t, text);
    return true;
}

static void answer_all(struct heard *h)
{
    for (int i = 0; i < 30 && h->t.conn != 0; i++) {
        char *sent = strdup(test_sent(&h->t));
        bool any = false;
        while (h->t.conn != 0 && answer_one(h, sent))
            any = true;
        free(sent);
        if (!any)
            return;
    }
}

static void ask(struct heard *h)
{
    struct burble *c = h->t.c;
    test_memory.armed = true;
    (void)burble_adhoc_offer(c, "n", "N", may, on_call, h);
    (void)burble_file_listen(c, NULL, on_file, h);
    (void)burble_ibb_listen(c, on_stream, h);
    h->asked +=
        burble_upload_slot(c, &(struct burble_upload){.name = "x", .service = "up.example.org"},
                           on_slot, h) == 0;
    h->asked += burble_upload_slot(c, &(struct burble_upload){.name = "x"}, on_slot, h) == 0;
    h->asked += burble_registration_ask(c, NULL, on_registration, h, NULL) == 0;
    h->asked += burble_change_password(c, "new", on_registration, h, NULL) == 0;
    h->asked += burble_adhoc_list(c, "bot.example.org", on_list, h, NULL) == 0;
    h->asked += burble_adhoc_run(c, "bot.example.org", "n", on_step, h, &h->run) == 0;
    h->files +=
        burble_file_offer(c, BOB, &(struct burble_file_info){.name = "x", .size = 3, .type = "t"},
                          &FILES, h, &h->out) == 0;
    h->streams += burble_ibb_open(c, BOB, NULL, 0, &STREAMS, h, &h->ours) == 0;
    test_memory.armed = false;
    test_collect(&h->t);
}

#define OFFER(sid, way)                                                                            \
    "<iq type='set' id='1' from='" BOB "'><jingle xmlns='" JINGLE                                  \
    "' action='session-initiate' sid='" sid                                                        \
    "'><content name='c' senders='initiator'><description "                                        \
    "xmlns='urn:xmpp:jingle:apps:file-transfer:5'><file><name>n</name><size>3</size>"              \
    "<media-type>m</media-type></file></description>" way "</content></jingle></iq>"
#define TRANSPORT(name, sid)                                                                       \
    "<transport xmlns='urn:xmpp:jingle:transports:" name ":1' block-size='4096' sid='" sid "'/>"

static void play(struct heard *h)
{
    static const char *const SCRIPT[] = {
        OFFER("j", TRANSPORT("ibb", "s")),
        "<iq type='set' id='2' from='" BOB "'><open xmlns='" IBB
        "' block-size='4096' sid='s'/></iq>",
        "<iq type='set' id='3' from='" BOB "'><data xmlns='" IBB
        "' seq='0' sid='s'>YWJj</data></iq>",
        "<iq type='set' id='4' from='" BOB "'><close xmlns='" IBB "' sid='s'/></iq>",
        OFFER("k", TRANSPORT("s5b", "v")),
        "<iq type='set' id='2' from='" BOB "'><jingle xmlns='" JINGLE
        "' action='transport-replace' sid='k'><content name='c'>" TRANSPORT(
            "ibb", "s") "</content></jingle></iq>",
        "<iq type='set' id='2' from='" BOB "'><open xmlns='" IBB
        "' block-size='4096' sid='s'/></iq>",
        "<iq type='set' id='3' from='" BOB "'><data xmlns='" IBB
        "' seq='0' sid='s'>YWJj</data></iq>",
        "<iq type='set' id='4' from='" BOB "'><close xmlns='" IBB "' sid='s'/></iq>",
        "<iq type='set' id='5' from='" BOB "'><open xmlns='" IBB
        "' block-size='128' sid='r'/></iq>",
        "<iq type='set' id='6' from='" BOB "'><data xmlns='" IBB
        "' seq='0' sid='r'>YWJj</data></iq>",
        "<iq type='set' id='7' from='" BOB "'><command xmlns='" CMD "' node='n'/></iq>",
        "<iq type='get' id='8' from='" BOB "'><query node='" CMD
        "' xmlns='http://jabber.org/protocol/disco#items'/></iq>",
    };
    burble_set_tell(h->t.c, BURBLE_TELL_ALL);
    ask(h);
    answer_all(h);
    for (size_t i = 0; i < sizeof(SCRIPT) / sizeof(SCRIPT[0]); i++)
        starve_feed(&h->t, SCRIPT[i]);
    answer_all(h);
    h->t.now.mono_ms += 400000;
    starve_feed(&h->t, NULL);
}

static struct heard h;

/* How often memory was asked for. */
static long run(long fail_at, bool for_good)
{
    h = (struct heard){.steps = 0};
    test_online(&h.t, &BURBLE_CONFIG(.flags = BURBLE_NO_RECONNECT));
    test_memory.left = fail_at;
    test_memory.for_good = for_good;
    play(&h);
    long used = fail_at - test_memory.left;
    test_memory.armed = true; /* the end, too, does without */
    burble_adhoc_free(&h.run);
    burble_free(&h.t.c);
    test_memory.armed = false;
    assert_int_equal(h.answered, h.asked);
    assert_true(h.file_ends <= h.files && h.stream_ends <= h.streams);
    test_end(&h.t);
    return used;
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    long all = run(1000000, false);
    assert_true(all > 200 && h.asked == 7 && h.steps == 2);
    assert_int_equal(h.files, 3);
    assert_int_equal(h.done, 3);
    assert_int_equal(h.streams, 2);
    for (long i = 0; i < all; i++) {
        (void)run(i, false);
        (void)run(i, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
