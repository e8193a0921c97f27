/* HTTP upload (XEP-0363 1.2.0): finding the service, asking it for a slot, and believing of the
 * slot only what is safe to follow. The PUT is the program's. Owns the requests under way. */
#include "burble/upload.h"

#include <stdlib.h>
#include <string.h>

#include "burble/disco.h"
#include "burble/form.h"
#include "client/client.h"
#include "client/text.h"
#include "client/upload.h"

#define NS_PURPOSE SLICE("urn:xmpp:http:upload:purpose:0")

enum { TYPE_BYTES_MAX = 255 };

static const char *const PURPOSES[] = {"message", "profile", "permanent"};

struct upload {
    struct list link; /* of uploads.list; in none while the program hears of it */
    burble_slot_fn *fn;
    void *arg;
    char *name, *type, *service; /* type, service NULL: none */
    const char *purpose;         /* one of PURPOSES; NULL: none */
    uint64_t size, max_size;
    unsigned flags;
};

struct uploads {
    struct client_extension x;
    struct list list;
};

static struct upload *upload_of(struct list *l)
{
    return CONTAINER_OF(l, struct upload, link);
}

static void upload_free(struct upload *u)
{
    if (list_linked(&u->link))
        list_remove(&u->link);
    free(u->name);
    free(u->type);
    free(u->service);
    free(u);
}

static void uploads_free(struct client_extension *x)
{
    struct uploads *all = CONTAINER_OF(x, struct uploads, x);
    while (!list_empty(&all->list))
        upload_free(upload_of(all->list.next));
    free(all);
}

static const struct client_extension_ops OPS = {.name = "upload", .free = uploads_free};

static struct uploads *uploads_of(struct burble *c)
{
    struct client_extension *x = client_extension(c, &OPS);
    if (x != NULL)
        return CONTAINER_OF(x, struct uploads, x);
    struct uploads *all = client_alloc(sizeof(*all));
    if (all == NULL)
        return NULL;
    list_init(&all->list);
    client_extend(c, &all->x, &OPS);
    return all;
}

/* The one way out of a request. fn NULL: the program has cancelled it. */
static void finish(struct burble *c, struct upload *u, struct burble_slot *slot)
{
    list_remove(&u->link);
    slot->service = u->service;
    if (slot->max_size == 0)
        slot->max_size = u->max_size;
    if (u->fn != NULL) {
        client_enter(c);
        u->fn(c, slot, u->arg);
        c->depth--;
    }
    upload_free(u);
}

static void refuse(struct burble *c, struct upload *u, const char *condition, const char *text)
{
    struct burble_slot slot = {
        .outcome = BURBLE_IQ_ERROR,
        .error = {.condition = condition, .type = "cancel", .text = text},
    };
    finish(c, u, &slot);
}

/* ------------------------------------------------------------------------------------ the slot */

/* What the service says beside a refusal: how big a file may be, when to come again. */
static void read_refusal(struct xml error, struct burble_slot *out)
{
    unsigned long long max;
    struct xml big = xml_child(error, NS_UPLOAD, SLICE("file-too-large"));
    struct xml retry = xml_child(error, NS_UPLOAD, SLICE("retry"));
    if (slice_to_u64(xml_text(xml_child(big, NS_UPLOAD, SLICE("max-file-size"))), &max))
        out->max_size = max;
    (void)time_parse(xml_attr(retry, SLICE("stamp")), &out->retry_ms);
}

static void slot_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct upload *u = arg;
    struct burble_slot slot = {.outcome = outcome};
    client_iq_error(c, outcome, iq, &slot.error);
    if (outcome == BURBLE_IQ_ERROR)
        read_refusal(xml_child(iq, NS_CLIENT, SLICE("error")), &slot);
    if (outcome == BURBLE_IQ_RESULT) {
        bool http = (u->flags & BURBLE_UPLOAD_UNSAFE_HTTP) != 0;
        const char *fault =
            upload_slot_read(&c->view, xml_child(iq, NS_UPLOAD, SLICE("slot")), http, &slot);
        if (fault != NULL) {
            refuse(c, u, "undefined-condition", fault);
            return;
        }
    }
    finish(c, u, &slot);
}

static void put_request(struct xml_writer *w, const struct upload *u)
{
    char size[CLIENT_NUMBER_BYTES];
    xml_open(w, SLICE("request"), NS_UPLOAD);
    xml_attr_put(w, SLICE("filename"), slice_z(u->name));
    xml_attr_put(w, SLICE("size"), client_number(u->size, size));
    if (u->type != NULL)
        xml_attr_put(w, SLICE("content-type"), slice_z(u->type));
    if (u->purpose != NULL) {
        xml_open(w, slice_z(u->purpose), NS_PURPOSE);
        xml_close(w);
    }
    xml_close(w);
}

static int ask(struct burble *c, struct upload *u)
{
    struct xml_writer w;
    client_payload(c, &w);
    put_request(&w, u);
    if (c->work.failed)
        return ERR_MEMORY;
    struct client_iq iq = {
        .to = slice_z(u->service), .payload = buf_slice(&c->work), .fn = slot_answer, .arg = u};
    return client_iq_send(c, &iq, NULL);
}

/* --------------------------------------------------------------------------------- the service */

/* The biggest file, of the form of the service (XEP-0128); 0: it does not say. */
static uint64_t max_size_of(const struct burble_disco_info *info)
{
    unsigned long long max = 0;
    for (size_t i = 0; i < info->form_count && max == 0; i++) {
        struct burble_form *form;
        if (burble_form_read(info->forms[i], &form) != 0)
            continue;
        const char *text = burble_form_value(form, "max-file-size");
        if (form->form_type == NULL || !slice_eq(slice_z(form->form_type), NS_UPLOAD) ||
            !slice_to_u64(slice_z(text), &max))
            max = 0;
        burble_form_free(&form);
    }
    return max;
}

static void found(struct burble *c, const struct burble_disco_info *info, void *arg)
{
    struct upload *u = arg;
    if (info->outcome != BURBLE_IQ_RESULT) {
        struct burble_slot slot = {.outcome = info->outcome, .error = info->error};
        finish(c, u, &slot);
        return;
    }
    u->max_size = max_size_of(info);
    u->service = client_copy(slice_z(info->from));
    if (u->max_size != 0 && u->size > u->max_size) {
        refuse(c, u, "not-acceptable", "the file is bigger than the service takes");
        return;
    }
    int err = u->service != NULL ? ask(c, u) : ERR_MEMORY;
    if (err != 0)
        refuse(c, u, "resource-constraint", burble_error_text(err));
}

/* ---------------------------------------------------------------------------------- the program */

static const char *base_name(const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    return slash != NULL ? slash + 1 : path;
}

static int check(const struct burble_upload *o, const char *name)
{
    if (name == NULL || *name == '\0' || !client_text_valid(slice_z(name)))
        return ERR_SYNTAX;
    if (o->type != NULL && !client_text_valid(slice_z(o->type)))
        return ERR_SYNTAX;
    if (strlen(name) > BURBLE_UPLOAD_NAME_MAX || o->size > INT64_MAX ||
        (o->type != NULL && strlen(o->type) > TYPE_BYTES_MAX))
        return ERR_LIMIT;
    return 0;
}

static int take_purpose(const char *purpose, const char **out)
{
    *out = NULL;
    for (size_t i = 0; purpose != NULL && i < sizeof(PURPOSES) / sizeof(PURPOSES[0]); i++)
        if (strcmp(purpose, PURPOSES[i]) == 0)
            *out = PURPOSES[i];
    return purpose == NULL || *out != NULL ? 0 : ERR_SYNTAX;
}

static bool take_text(char **place, const char *text)
{
    *place = text != NULL ? client_copy(slice_z(text)) : NULL;
    return text == NULL || *place != NULL;
}

int burble_upload_slot(struct burble *c, const struct burble_upload *o, burble_slot_fn *fn,
                       void *arg)
{
    const char *name = base_name(o->name), *purpose;
    int err = check(o, name);
    if (err == 0)
        err = take_purpose(o->purpose, &purpose);
    if (err != 0)
        return err;
    struct uploads *all = uploads_of(c);
    struct upload *u = all != NULL ? client_alloc(sizeof(*u)) : NULL;
    if (u == NULL)
        return ERR_MEMORY;
    u->fn = fn;
    u->arg = arg;
    u->size = o->size;
    u->flags = o->flags;
    u->purpose = purpose;
    if (!take_text(&u->name, name) || !take_text(&u->type, o->type) ||
        !take_text(&u->service, o->service))
        err = ERR_MEMORY;
    if (err == 0)
        err = u->service != NULL
                  ? ask(c, u)
                  : burble_find_service(c, &(struct burble_service){.feature = NS_UPLOAD.ptr},
                                        found, u);
    if (err != 0) {
        upload_free(u);
        return err;
    }
    list_push(&all->list, &u->link);
    return 0;
}

void burble_upload_cancel(struct burble *c, const void *arg)
{
    struct client_extension *x = client_extension(c, &OPS);
    if (x == NULL)
        return;
    LIST_EACH(it, &CONTAINER_OF(x, struct uploads, x)->list)
    if (upload_of(it)->arg == arg)
        upload_of(it)->fn = NULL;
}
