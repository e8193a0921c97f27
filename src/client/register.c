/* In-band registration (XEP-0077 2.4) by an account that is logged in: the password, the end of the
 * account, registration with services. Owns each request until it is answered; the new password is
 * wiped with it. Nothing goes out without TLS unless the program insists. */
#include "burble/register.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/client.h"
#include "client/text.h"

/* The fields of XEP-0077 section 14.1. */
static const char *const FIELDS[] = {
    "username", "nick", "password", "name", "first", "last", "email", "address", "city",
    "state",    "zip",  "phone",    "url",  "date",  "misc", "text",  "key",
};

enum what { ASK, SUBMIT, PASSWORD, CANCEL };

struct request {
    enum what what;
    burble_registration_fn *fn;
    void *arg;
    char password[]; /* with PASSWORD: the new one */
};

static void request_free(void *arg)
{
    struct request *r = arg;
    mem_wipe(r->password, strlen(r->password));
    free(r);
}

/* ----------------------------------------------------------------------------------- the answer */

/* The single fields as a form. NULL: there are none, or no memory. */
static struct burble_form *plain_form(struct burble *c, struct xml query)
{
    struct burble_form *form = burble_form_new(BURBLE_FORM_ASKS, NULL);
    for (size_t i = 0; form != NULL && i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++) {
        struct xml x = xml_child(query, NS_REGISTER, slice_z(FIELDS[i]));
        const char *value = view_text(&c->view, x);
        bool key = strcmp(FIELDS[i], "key") == 0, secret = strcmp(FIELDS[i], "password") == 0;
        if (!xml_some(x))
            continue;
        const struct burble_field field = {
            .var = FIELDS[i],
            .type = key      ? BURBLE_FIELD_HIDDEN
                    : secret ? BURBLE_FIELD_SECRET
                             : BURBLE_FIELD_TEXT,
            .required = !key,
            .values = &value,
            .value_count = value != NULL,
        };
        if (burble_form_add(form, &field) != 0)
            burble_form_free(&form);
    }
    if (form != NULL && form->field_count == 0)
        burble_form_free(&form);
    return form;
}

static void read_query(struct burble *c, struct xml query, struct burble_form **form_out,
                       struct burble_registration *out)
{
    struct burble_tree *v = &c->view;
    struct xml text = xml_child(query, NS_REGISTER, SLICE("instructions"));
    struct xml oob = xml_child(xml_child(query, NS_OOB, SLICE("x")), NS_OOB, SLICE("url"));
    out->registered = xml_some(xml_child(query, NS_REGISTER, SLICE("registered")));
    out->instructions = view_text(v, text);
    out->url = view_text(v, oob);
    if (burble_form_read(view_of(v, query), form_out) == ERR_NOT_FOUND) {
        *form_out = plain_form(c, query);
        out->plain = *form_out != NULL;
    }
    out->form = *form_out;
}

/* The next login is with the new password; nothing that was derived of the old one is left. */
static void take_password(struct burble *c, const char *password)
{
    char *copy = client_copy(slice_z(password));
    if (copy == NULL)
        return; /* the next login says that the password is wrong */
    if (c->setup.password != NULL)
        mem_wipe(c->setup.password, strlen(c->setup.password));
    free(c->setup.password);
    c->setup.password = copy;
    mem_wipe(&c->auth.salted, sizeof(c->auth.salted));
}

static void answered(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct request *r = arg;
    struct burble_registration answer = {.outcome = outcome};
    struct burble_form *form = NULL;
    client_iq_error(c, outcome, iq, &answer.error);
    struct xml query = xml_child(iq, NS_REGISTER, SLICE("query"));
    if (xml_some(query))
        read_query(c, query, &form, &answer);
    if (outcome == BURBLE_IQ_RESULT && r->what == PASSWORD)
        take_password(c, r->password);
    if (outcome == BURBLE_IQ_RESULT && r->what == CANCEL)
        c->wanted = false;
    r->fn(c, &answer, r->arg);
    burble_form_free(&form);
    request_free(r);
}

/* --------------------------------------------------------------------------------- the question */

static struct request *request_new(enum what what, burble_registration_fn *fn, void *arg,
                                   const char *password)
{
    size_t len = password != NULL ? strlen(password) : 0;
    struct request *r = client_alloc(sizeof(*r) + len + 1);
    if (r == NULL)
        return NULL;
    r->what = what;
    r->fn = fn;
    r->arg = arg;
    if (len > 0)
        memcpy(r->password, password, len);
    return r;
}

static bool safe(const struct burble *c)
{
    return c->link.secure || (c->setup.config.flags & BURBLE_UNSAFE_PLAIN) != 0;
}

/* Sends what is in c->work, which may have passwords in it. */
static int ask(struct burble *c, const char *to, struct request *r, uint64_t *handle_out)
{
    struct client_iq iq = {.set = r != NULL && r->what != ASK,
                           .to = slice_z(to),
                           .payload = buf_slice(&c->work),
                           .fn = answered,
                           .arg = r,
                           .drop = request_free,
                           .secret = true};
    int err = r == NULL || c->work.failed ? ERR_MEMORY : 0;
    if (err == 0 && c->state != BURBLE_ONLINE)
        err = ERR_CLOSED;
    if (err == 0 && !safe(c))
        err = ERR_REFUSED;
    if (err == 0)
        err = client_iq_send(c, &iq, handle_out);
    if (c->work.ptr != NULL)
        mem_wipe(c->work.ptr, c->work.cap);
    buf_clear(&c->work);
    if (err != 0 && r != NULL)
        request_free(r);
    return err;
}

int burble_change_password(struct burble *c, const char *password, burble_registration_fn *fn,
                           void *arg, uint64_t *handle_out)
{
    struct xml_writer w;
    struct buf prepared = {0};
    if (password == NULL || c->setup.user == NULL || !client_text_valid(slice_z(password)))
        return ERR_SYNTAX;
    int err = jid_prepare_password(slice_z(password), &prepared);
    if (prepared.ptr != NULL)
        mem_wipe(prepared.ptr, prepared.cap);
    buf_free(&prepared);
    if (err != 0)
        return err;
    client_payload(c, &w);
    (void)buf_reserve(&c->work, 8 * strlen(password) + 256); /* no copy stays behind */
    xml_open(&w, SLICE("query"), NS_REGISTER);
    xml_leaf(&w, SLICE("username"), SLICE_NONE, slice_z(c->setup.user));
    xml_leaf(&w, SLICE("password"), SLICE_NONE, slice_z(password));
    xml_close(&w);
    return ask(c, c->setup.domain, request_new(PASSWORD, fn, arg, password), handle_out);
}

static void put_remove(struct burble *c)
{
    struct xml_writer w;
    client_payload(c, &w);
    xml_open(&w, SLICE("query"), NS_REGISTER);
    xml_open(&w, SLICE("remove"), SLICE_NONE);
    xml_close(&w);
    xml_close(&w);
}

int burble_cancel_account(struct burble *c, burble_registration_fn *fn, void *arg,
                          uint64_t *handle_out)
{
    put_remove(c);
    return ask(c, NULL, request_new(CANCEL, fn, arg, NULL), handle_out);
}

int burble_registration_remove(struct burble *c, const char *jid, burble_registration_fn *fn,
                               void *arg, uint64_t *handle_out)
{
    if (jid == NULL || *jid == '\0')
        return ERR_SYNTAX;
    put_remove(c);
    return ask(c, jid, request_new(SUBMIT, fn, arg, NULL), handle_out);
}

int burble_registration_ask(struct burble *c, const char *jid, burble_registration_fn *fn,
                            void *arg, uint64_t *handle_out)
{
    struct xml_writer w;
    client_payload(c, &w);
    xml_open(&w, SLICE("query"), NS_REGISTER);
    xml_close(&w);
    return ask(c, jid != NULL ? jid : c->setup.domain, request_new(ASK, fn, arg, NULL), handle_out);
}

/* Names are those that the XEP knows, whatever the form has. */
static void put_fields(struct xml_writer *w, const struct burble_form *form)
{
    for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++) {
        const char *value = burble_form_value(form, FIELDS[i]);
        if (value != NULL)
            xml_leaf(w, slice_z(FIELDS[i]), SLICE_NONE, slice_z(value));
    }
}

int burble_registration_submit(struct burble *c, const char *jid, const struct burble_form *form,
                               bool plain, burble_registration_fn *fn, void *arg,
                               uint64_t *handle_out)
{
    struct xml_writer w;
    char *text = NULL;
    const char *type = form->form_type != NULL ? form->form_type : "";
    const char *password = jid == NULL && strcmp(type, "jabber:iq:register:changepassword") == 0
                               ? burble_form_value(form, "password")
                               : NULL;
    if (!plain && burble_form_submission(form, &text) != 0)
        return ERR_MEMORY;
    client_payload(c, &w);
    xml_open(&w, SLICE("query"), NS_REGISTER);
    if (plain)
        put_fields(&w, form);
    else
        xml_raw_put(&w, slice_z(text));
    xml_close(&w);
    if (text != NULL)
        mem_wipe(text, strlen(text));
    free(text);
    return ask(c, jid != NULL ? jid : c->setup.domain,
               request_new(password != NULL ? PASSWORD : SUBMIT, fn, arg, password), handle_out);
}
