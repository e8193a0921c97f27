/* Scenes S1 to S3: a session typed by hand, two devices, contacts; and the faults of links. */
#include "scenes.h"

#include <stdio.h>

static char failure[512];

const char *scene_failure(void)
{
    return failure[0] != '\0' ? failure : NULL;
}

void scene_reset(void)
{
    failure[0] = '\0';
}

void scene_fail(const char *what)
{
    if (failure[0] == '\0')
        snprintf(failure, sizeof(failure), "%s", what);
}

/* Remembers the first thing that did not come; the rest of the scene goes on and does not matter.
 */
static bool want(bool good, const char *what, int line)
{
    if (!good && failure[0] == '\0')
        snprintf(failure, sizeof(failure), "line %d: %s", line, what);
    return good;
}

#define WANT(cond)     want((cond), #cond, __LINE__)
#define EXPECT(c, ...) WANT(client_expect(c, __VA_ARGS__, NULL))
#define SAY(c, text)   client_send(c, text)

static struct client *login(struct world *w, const char *user, const char *resource)
{
    struct client *c = client_connect(w, resource);
    WANT(client_login(c, user, "secret", resource));
    return c;
}

static void people(struct world *w)
{
    world_account(w, "alice", "secret");
    world_account(w, "bob", "secret");
    world_account(w, "carol", "secret");
}

static struct client *online(struct world *w, const char *user, const char *resource)
{
    struct client *c = login(w, user, resource);
    char own[128];
    snprintf(own, sizeof(own), "from='%s@localhost/%s'", user, resource);
    SAY(c, "<presence/>");
    EXPECT(c, "<presence", own);
    return c;
}

static void s1(struct world *w)
{
    people(w);
    struct client *c = client_connect(w, "telnet");
    const char *header = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' "
                         "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    SAY(c, header);
    EXPECT(c, "<stream:features", "<mechanism>PLAIN</mechanism>");
    /* authzid alice@localhost, alice, secret */
    SAY(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
           "YWxpY2VAbG9jYWxob3N0AGFsaWNlAHNlY3JldA==</auth>");
    EXPECT(c, "<success");
    SAY(c, header);
    EXPECT(c, "xmpp-bind");
    SAY(c, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
           "<resource>telnet</resource></bind></iq>");
    EXPECT(c, "alice@localhost/telnet");
    SAY(c, "<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>");
    EXPECT(c, "type='result'", "id='s'");
    SAY(c, "<presence><priority>50</priority><show>chat</show><status>на связи</status>"
           "<c xmlns='http://jabber.org/protocol/caps' node='n' ver='v' hash='sha-1'/>"
           "<x xmlns='vcard-temp:x:update'><photo>abc</photo></x></presence>");
    EXPECT(c, "<presence", "from='alice@localhost/telnet'", "<priority>50</priority>", "на связи",
           "http://jabber.org/protocol/caps", "vcard-temp:x:update");
    SAY(c, "<message to='alice@localhost' type='chat' id='m'><body>hello</body></message>");
    EXPECT(c, "<message", "from='alice@localhost/telnet'", "<body>hello</body>");
    SAY(c, "<presence type='unavailable'/></stream:stream>");
    EXPECT(c, "</stream:stream>");
    world_settle(w);
    WANT(client_closed(c));
}

static void s2(struct world *w)
{
    people(w);
    struct client *alice = online(w, "alice", "desk");
    struct client *pc = online(w, "bob", "pc");
    struct client *mob = online(w, "bob", "mob");
    EXPECT(pc, "<presence", "bob@localhost/mob");
    SAY(alice, "<message to='bob@localhost' type='chat' id='1'><body>both</body></message>");
    EXPECT(pc, "<body>both</body>");
    EXPECT(mob, "<body>both</body>");
    SAY(alice, "<message to='bob@localhost/mob' type='chat' id='2'><body>one</body></message>");
    EXPECT(mob, "<body>one</body>");
    WANT(client_quiet(pc, "one"));
    SAY(pc, "<presence><priority>-1</priority></presence>");
    EXPECT(mob, "<presence", "bob@localhost/pc", "<priority>-1</priority>");
    SAY(alice, "<message to='bob@localhost' type='chat' id='3'><body>phone</body></message>");
    EXPECT(mob, "<body>phone</body>");
    WANT(client_quiet(pc, "phone"));
    SAY(mob, "<message to='alice@localhost/desk' type='chat' id='4'><body>back</body></message>");
    EXPECT(alice, "from='bob@localhost/mob'", "<body>back</body>");
    SAY(alice, "<message to='nobody@localhost' type='chat' id='5'><body>x</body></message>");
    EXPECT(alice, "type='error'", "id='5'", "service-unavailable");
}

static void s3(struct world *w)
{
    people(w);
    struct client *alice = online(w, "alice", "a");
    struct client *bob = online(w, "bob", "b");
    SAY(alice, "<iq type='get' id='r1'><query xmlns='jabber:iq:roster'/></iq>");
    EXPECT(alice, "id='r1'", "type='result'");
    SAY(bob, "<iq type='get' id='r2'><query xmlns='jabber:iq:roster'/></iq>");
    EXPECT(bob, "id='r2'", "type='result'");
    SAY(alice, "<iq type='set' id='r3'><query xmlns='jabber:iq:roster'>"
               "<item jid='bob@localhost' name='Bob'><group>Friends</group></item></query></iq>");
    EXPECT(alice, "type='set'", "name='Bob'", "subscription='none'", "<group>Friends</group>");
    EXPECT(alice, "id='r3'", "type='result'");
    SAY(alice, "<presence to='bob@localhost' type='subscribe'/>");
    EXPECT(alice, "ask='subscribe'");
    EXPECT(bob, "type='subscribe'", "from='alice@localhost'");
    SAY(bob, "<presence to='alice@localhost' type='subscribed'/>");
    EXPECT(bob, "subscription='from'");
    EXPECT(alice, "subscription='to'");
    EXPECT(alice, "<presence", "from='bob@localhost/b'");
    SAY(bob, "<presence to='alice@localhost' type='subscribe'/>");
    EXPECT(alice, "type='subscribe'", "from='bob@localhost'");
    SAY(alice, "<presence to='bob@localhost' type='subscribed'/>");
    EXPECT(bob, "subscription='both'");
    EXPECT(bob, "<presence", "from='alice@localhost/a'");
    SAY(alice, "<presence><show>away</show></presence>");
    EXPECT(bob, "from='alice@localhost/a'", "<show>away</show>");
    client_break(alice);
    EXPECT(bob, "from='alice@localhost/a'", "type='unavailable'");
    alice = online(w, "alice", "a2");
    EXPECT(alice, "<presence", "from='bob@localhost/b'");
    SAY(alice, "<iq type='get' id='r4'><query xmlns='jabber:iq:roster' ver=''/></iq>");
    EXPECT(alice, "id='r4'", "subscription='both'", "name='Bob'");
    SAY(alice, "<iq type='set' id='r5'><query xmlns='jabber:iq:roster'>"
               "<item jid='bob@localhost' subscription='remove'/></query></iq>");
    EXPECT(alice, "subscription='remove'");
    EXPECT(alice, "id='r5'", "type='result'");
    EXPECT(bob, "from='alice@localhost/a2'", "type='unavailable'");
    EXPECT(bob, "type='set'", "jid='alice@localhost'", "subscription='none'");
}

/* Nothing is lost and nothing overtakes between two clients, whatever the order of events. */
static void burst(struct world *w)
{
    people(w);
    struct client *alice = online(w, "alice", "a");
    struct client *bob = online(w, "bob", "b");
    char text[128];
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof(text),
                 "<message to='bob@localhost' type='chat' id='n%d'><body>%d</body></message>", i,
                 i);
        SAY(alice, text);
    }
    for (int i = 0; i < 300 && scene_failure() == NULL; i++) {
        snprintf(text, sizeof(text), "<body>%d</body>", i);
        EXPECT(bob, "<message");
        WANT(strstr(client_last(bob), text) != NULL);
    }
}

/* D05, D06: what was written is there after the end of the process or the machine, from the first
 * message on without a gap, once, in order; all of it, when nothing was under way. */
static void crash(struct world *w)
{
    enum { MESSAGES = 20 };
    people(w);
    struct client *alice = online(w, "alice", "a");
    char text[128];
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(text, sizeof(text),
                 "<message to='bob@localhost' type='chat' id='n%d'><body>%d</body></message>", i,
                 i);
        SAY(alice, text);
    }
    bool all = world_random(w, 4) == 0;
    if (all)
        world_settle(w);
    else
        world_run(w, world_random(w, 400));
    if (world_random(w, 2) == 0)
        world_crash(w);
    else
        world_power_cut(w);
    struct client *bob = online(w, "bob", "b");
    bool missing = false;
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(text, sizeof(text), "<body>%d</body>", i);
        if (client_quiet(bob, text)) {
            WANT(!all);
            missing = true;
            continue;
        }
        WANT(!missing);
        EXPECT(bob, "<message", text);
        WANT(client_quiet(bob, text));
    }
    alice = online(w, "alice", "a"); /* and it is as good as new */
    SAY(alice, "<message to='bob@localhost' type='chat' id='new'><body>new</body></message>");
    EXPECT(bob, "<body>new</body>");
}

const struct scene SCENES[] = {
    {"S1", "a session typed by hand", s1},
    {"S2", "two devices", s2},
    {"S3", "contacts", s3},
    {"burst", "300 messages in order", burst},
    {"crash", "messages and the end of the process", crash},
    {"sessions", "stream management over lost connections, crashes, power cuts", scene_sessions},
    {0},
};
