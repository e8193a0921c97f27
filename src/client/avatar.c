/* Avatars over PEP (XEP-0084 version 1.1.4) and hashes of vCards' pictures in presence (XEP-0153
 * version 1.1.1). What is fetched is the picture that was announced, or nothing. */
#include "burble/avatar.h"

#include <stdlib.h>

#include "base/base64.h"
#include "client/picture.h"
#include "client/pubsub.h"

#define NS_METADATA SLICE("urn:xmpp:avatar:metadata")
#define NS_DATA     SLICE("urn:xmpp:avatar:data")
#define NS_UPDATE   SLICE("vcard-temp:x:update")
#define META_NODE   "urn:xmpp:avatar:metadata"
#define DATA_NODE   "urn:xmpp:avatar:data"

enum { LISTENERS_MAX = 16 };

struct listener {
    burble_avatar_fn *fn; /* NULL: free */
    void *arg;
};

struct avatars {
    struct client_extension x;
    struct listener listeners[LISTENERS_MAX];
    bool listens;                     /* to the events */
    bool announces;                   /* id is in the presence */
    char announced[PICTURE_ID_BYTES]; /* "": no avatar */
};

/* --------------------------------------------------------------------------------- the presence */

static void on_presence(struct client_extension *x, bool all, struct buf *out)
{
    const struct avatars *a = CONTAINER_OF(x, struct avatars, x);
    struct xml_writer w;
    (void)all;
    if (!a->announces)
        return;
    xml_writer_init(&w, out, NS_CLIENT);
    xml_open(&w, SLICE("x"), NS_UPDATE);
    xml_leaf(&w, SLICE("photo"), SLICE_NONE, slice_z(a->announced));
    xml_close(&w);
}

static void on_free(struct client_extension *x)
{
    free(CONTAINER_OF(x, struct avatars, x));
}

static const struct client_extension_ops AVATAR_OPS = {
    .name = "avatar", .presence = on_presence, .free = on_free};

static struct avatars *avatars_of(struct burble *c)
{
    struct client_extension *x = client_extension(c, &AVATAR_OPS);
    if (x != NULL)
        return CONTAINER_OF(x, struct avatars, x);
    struct avatars *a = client_alloc(sizeof(*a));
    if (a != NULL)
        client_extend(c, &a->x, &AVATAR_OPS);
    return a;
}

int burble_avatar_announce(struct burble *c, const char *id)
{
    struct avatars *a = avatars_of(c);
    if (a == NULL)
        return ERR_MEMORY;
    if (id != NULL && *id != '\0' && !picture_is_id(slice_z(id)))
        return ERR_SYNTAX;
    a->announces = id != NULL;
    a->announced[0] = '\0';
    if (id != NULL)
        memcpy(a->announced, id, strlen(id) + 1);
    if (c->state == BURBLE_ONLINE)
        client_presence_announce(c);
    return 0;
}

enum burble_avatar_said burble_avatar_of_presence(const struct burble_presence *p,
                                                  const char **id_out)
{
    struct xml x = xml_child(view_xml(p->xml), NS_UPDATE, SLICE("x"));
    struct xml photo = xml_child(x, NS_UPDATE, SLICE("photo"));
    *id_out = NULL;
    if (!xml_some(photo))
        return BURBLE_AVATAR_NOTHING;
    if (xml_text(photo).len == 0)
        return BURBLE_AVATAR_NONE;
    if (!picture_is_id(xml_text(photo)))
        return BURBLE_AVATAR_NOTHING;
    *id_out = view_string(p->xml.tree, xml_text(photo));
    return *id_out != NULL ? BURBLE_AVATAR_HASH : BURBLE_AVATAR_NOTHING;
}

/* ----------------------------------------------------------------------------------- the events */

static unsigned number(struct xml x, struct slice name)
{
    unsigned long long n;
    return slice_to_u64(xml_attr(x, name), &n) && n <= UINT32_MAX ? (unsigned)n : 0;
}

/* Of several forms of one picture: the first that can be fetched here and is not too big, else the
 * first that is one. */
static struct xml choose(const struct burble *c, struct xml metadata)
{
    struct xml any = XML_NONE;
    for (struct xml x = xml_child(metadata, NS_METADATA, SLICE("info")); xml_some(x);
         x = xml_next_named(x, NS_METADATA, SLICE("info"))) {
        if (!picture_is_id(xml_attr(x, SLICE("id"))))
            continue;
        if (xml_attr(x, SLICE("url")).ptr == NULL && number(x, SLICE("bytes")) <= picture_max(c))
            return x;
        if (!xml_some(any))
            any = x;
    }
    return any;
}

static void on_metadata(struct burble *c, const struct burble_pubsub_event *e, void *arg)
{
    struct avatars *a = arg;
    struct burble_avatar out = {.jid = e->from, .own = e->own};
    struct xml metadata = view_xml(e->payload), info = XML_NONE;
    if (e->kind > BURBLE_PUBSUB_DELETED)
        return;
    if (e->kind == BURBLE_PUBSUB_ITEM) {
        if (!xml_is(metadata, NS_METADATA, SLICE("metadata")))
            return;
        info = choose(c, metadata);
        if (!xml_some(info) && xml_some(xml_child(metadata, NS_METADATA, SLICE("info"))))
            return; /* nothing in it is one */
    }
    if (xml_some(info)) {
        out.id = view_string(&c->view, xml_attr(info, SLICE("id")));
        out.type = view_string(&c->view, xml_attr(info, SLICE("type")));
        out.url = view_string(&c->view, xml_attr(info, SLICE("url")));
        out.bytes = number(info, SLICE("bytes"));
        out.width = number(info, SLICE("width"));
        out.height = number(info, SLICE("height"));
        if (out.id == NULL)
            return; /* no memory is not no avatar */
    }
    for (size_t i = 0; i < LISTENERS_MAX && !c->doomed; i++) {
        struct listener l = a->listeners[i];
        if (l.fn != NULL)
            l.fn(c, &out, l.arg);
    }
}

int burble_on_avatar(struct burble *c, burble_avatar_fn *fn, void *arg)
{
    struct avatars *a = avatars_of(c);
    struct listener *place = NULL;
    if (a == NULL)
        return ERR_MEMORY;
    for (size_t i = LISTENERS_MAX; i-- > 0;) {
        if (a->listeners[i].fn == fn && a->listeners[i].arg == arg)
            return ERR_EXISTS;
        if (a->listeners[i].fn == NULL)
            place = &a->listeners[i];
    }
    if (place == NULL)
        return ERR_LIMIT;
    int err =
        a->listens ? 0 : burble_on_pubsub_event(c, META_NODE, BURBLE_EVENTS_NOTIFY, on_metadata, a);
    if (err != 0)
        return err;
    a->listens = true;
    *place = (struct listener){.fn = fn, .arg = arg};
    return 0;
}

void burble_off_avatar(struct burble *c, burble_avatar_fn *fn, void *arg)
{
    struct avatars *a = avatars_of(c);
    bool others = false;
    for (size_t i = 0; a != NULL && i < LISTENERS_MAX; i++) {
        if (a->listeners[i].fn == fn && a->listeners[i].arg == arg)
            a->listeners[i].fn = NULL;
        others |= a->listeners[i].fn != NULL;
    }
    if (a == NULL || others || !a->listens)
        return;
    burble_off_pubsub_event(c, META_NODE, on_metadata, a);
    a->listens = false;
}

/* --------------------------------------------------------------------------------- the pictures */

struct fetch {
    burble_picture_fn *fn;
    void *arg;
    bool own;
    char id[PICTURE_ID_BYTES];
    char jid[];
};

static struct fetch *fetch_new(const struct burble *c, const char *jid, const char *id,
                               burble_picture_fn *fn, void *arg)
{
    const char *of = jid != NULL ? jid : c->setup.bare;
    struct fetch *f = client_alloc(sizeof(*f) + strlen(of) + 1);
    if (f == NULL)
        return NULL;
    f->fn = fn;
    f->arg = arg;
    memcpy(f->id, id, PICTURE_ID_BYTES);
    memcpy(f->jid, of, strlen(of) + 1);
    return f;
}

/* text: the element that has the picture as base64. */
static void finish(struct burble *c, struct fetch *f, enum burble_iq_outcome outcome, struct xml iq,
                   struct xml text, struct slice type)
{
    struct burble_picture out = {.outcome = outcome, .jid = f->jid, .id = f->id};
    struct slice data;
    client_iq_error(c, outcome, iq, &out.error);
    if (outcome == BURBLE_IQ_RESULT) {
        int err = xml_some(text) ? picture_decode(c, text, &data) : ERR_NOT_FOUND;
        if (err == 0 && !picture_has_id(data, f->id))
            err = ERR_REFUSED;
        if (err == 0) {
            out.data = data.ptr;
            out.len = data.len;
            out.type = type.len > 0 ? view_string(&c->view, type) : NULL;
        } else {
            out.outcome = BURBLE_IQ_ERROR;
            out.error = (struct burble_stanza_error){
                .condition = err == ERR_NOT_FOUND ? "item-not-found" : "not-acceptable",
                .type = "cancel",
                .text = err == ERR_NOT_FOUND ? "there is no picture"
                        : err == ERR_LIMIT   ? "the picture is too big"
                                             : "it is not the picture that was announced"};
        }
    }
    f->fn(c, &out, f->arg);
    free(f);
}

static void data_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct xml items =
        xml_child(xml_child(iq, NS_PUBSUB, SLICE("pubsub")), NS_PUBSUB, SLICE("items"));
    struct xml item = xml_child(items, NS_PUBSUB, SLICE("item"));
    finish(c, arg, outcome, iq, xml_child(item, NS_DATA, SLICE("data")), SLICE_NONE);
}

int burble_avatar_fetch(struct burble *c, const char *jid, const char *id, burble_picture_fn *fn,
                        void *arg, uint64_t *handle_out)
{
    struct xml_writer w;
    if (!picture_is_id(slice_z(id)))
        return ERR_SYNTAX;
    pubsub_open(c, &w, NS_PUBSUB, SLICE("items"), DATA_NODE);
    xml_open(&w, SLICE("item"), SLICE_NONE);
    xml_attr_put(&w, SLICE("id"), slice_z(id));
    while (w.depth > 0)
        xml_close(&w);
    return client_iq_ask(c, false, jid, data_answer, fetch_new(c, jid, id, fn, arg), handle_out);
}

static void vcard_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct xml card = xml_child(iq, NS_VCARD, SLICE("vCard"));
    struct xml photo = xml_child(card, NS_VCARD, SLICE("PHOTO"));
    finish(c, arg, outcome, iq, xml_child(photo, NS_VCARD, SLICE("BINVAL")),
           xml_text(xml_child(photo, NS_VCARD, SLICE("TYPE"))));
}

int burble_avatar_fetch_vcard(struct burble *c, const char *jid, const char *id,
                              burble_picture_fn *fn, void *arg, uint64_t *handle_out)
{
    struct xml_writer w;
    if (!picture_is_id(slice_z(id)))
        return ERR_SYNTAX;
    client_payload(c, &w);
    xml_open(&w, SLICE("vCard"), NS_VCARD);
    xml_close(&w);
    return client_iq_ask(c, false, jid, vcard_answer, fetch_new(c, jid, id, fn, arg), handle_out);
}

/* -------------------------------------------------------------------------------------- our own */

/* The data first, so that nobody looks for what is not there yet (XEP-0084 section 4.1). */
struct publishing {
    burble_published_fn *fn;
    void *arg;
    char *metadata; /* the second request; NULL: it was sent */
    char id[PICTURE_ID_BYTES];
};

static void publishing_free(void *arg)
{
    struct publishing *p = arg;
    free(p->metadata);
    free(p);
}

static void publish_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq,
                           void *arg)
{
    struct publishing *p = arg;
    struct burble_published out = {.outcome = outcome, .node = META_NODE, .id = p->id};
    if (outcome == BURBLE_IQ_RESULT && p->metadata != NULL) {
        char *text = p->metadata;
        p->metadata = NULL;
        struct client_iq next = {.set = true,
                                 .payload = slice_z(text),
                                 .fn = publish_answer,
                                 .arg = p,
                                 .drop = publishing_free};
        int err = client_iq_send(c, &next, NULL);
        free(text);
        if (err == 0)
            return;
        out.outcome = BURBLE_IQ_GONE;
    }
    client_iq_error(c, out.outcome, iq, &out.error);
    if (p->fn != NULL)
        p->fn(c, &out, p->arg);
    publishing_free(p);
}

static void info_attr(struct xml_writer *w, struct slice name, size_t n)
{
    struct buf text = {0};
    (void)buf_printf(&text, "%zu", n);
    if (n > 0)
        xml_attr_put(w, name, buf_slice(&text));
    buf_free(&text);
}

/* <metadata/> as text, with a NUL. */
static void write_metadata(struct buf *out, const char *id, size_t len, const char *type,
                           unsigned width, unsigned height)
{
    struct xml_writer w;
    xml_writer_init(&w, out, NS_CLIENT);
    xml_open(&w, SLICE("metadata"), NS_METADATA);
    xml_open(&w, SLICE("info"), SLICE_NONE);
    info_attr(&w, SLICE("bytes"), len);
    xml_attr_put(&w, SLICE("id"), slice_z(id));
    xml_attr_put(&w, SLICE("type"), slice_z(type));
    info_attr(&w, SLICE("width"), width);
    info_attr(&w, SLICE("height"), height);
    xml_close(&w);
    xml_close(&w);
    buf_byte(out, '\0');
}

int burble_avatar_publish(struct burble *c, const void *data, size_t len, const char *type,
                          unsigned width, unsigned height,
                          const struct burble_pubsub_option *options, burble_published_fn *fn,
                          void *arg)
{
    struct buf text = {0};
    if (len == 0 || len > picture_max(c))
        return len == 0 ? ERR_SYNTAX : ERR_LIMIT;
    struct publishing *p = client_alloc(sizeof(*p));
    if (p == NULL || !picture_id(slice_of(data, len), p->id)) {
        free(p);
        return ERR_MEMORY;
    }
    p->fn = fn;
    p->arg = arg;
    write_metadata(&text, p->id, len, type, width, height);
    int err = text.failed
                  ? ERR_MEMORY
                  : pubsub_write_publish(c, META_NODE, p->id, buf_slice(&text).ptr, options);
    if (err == 0 && !c->work.failed)
        p->metadata = client_copy(buf_slice(&c->work));
    buf_clear(&text);
    buf_lit(&text, "<data xmlns='urn:xmpp:avatar:data'>");
    (void)base64_append(&text, slice_of(data, len));
    buf_lit(&text, "</data>");
    buf_byte(&text, '\0');
    if (err == 0)
        err = text.failed || p->metadata == NULL
                  ? ERR_MEMORY
                  : pubsub_write_publish(c, DATA_NODE, p->id, buf_slice(&text).ptr, options);
    buf_free(&text);
    struct client_iq iq = {.set = true,
                           .payload = buf_slice(&c->work),
                           .fn = publish_answer,
                           .arg = p,
                           .drop = publishing_free};
    if (err == 0)
        err = c->work.failed ? ERR_MEMORY : client_iq_send(c, &iq, NULL);
    if (err != 0)
        publishing_free(p);
    return err;
}

int burble_avatar_remove(struct burble *c, burble_published_fn *fn, void *arg)
{
    return burble_pubsub_publish(c, NULL, META_NODE, NULL,
                                 "<metadata xmlns='urn:xmpp:avatar:metadata'/>", NULL, 0, fn, arg);
}
