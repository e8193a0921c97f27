/* An account is made before the login (XEP-0077 version 2.4, section 3.1), where the program asks
 * for it: over TLS alone, with the user name and the password that the login is going to use. A
 * server that wants more than that is not answered; the text says what it wants. */
#include <stdlib.h>

#include "base/mem.h"
#include "client/client.h"
#include "xmpp/data_form.h"

bool register_login_wanted(const struct burble *c)
{
    return (c->setup.config.flags & BURBLE_REGISTER) != 0 && !c->auth.registered;
}

/* No account. what: a sentence; then what the server says, where it says something. */
static void give_up(struct burble *c, const char *condition, const char *what, struct slice said)
{
    struct buf text = {0};
    buf_add(&text, slice_z(what));
    if (said.len > 0)
        (void)buf_printf(&text, "; it says: %.*s", SLICE_ARG(said));
    buf_byte(&text, '\0');
    client_fail_closing(c, BURBLE_WHY_REGISTRATION, condition,
                        text.failed ? NULL : buf_slice(&text).ptr);
    buf_free(&text);
}

static void begin_iq(struct burble *c, struct xml_writer *w, struct slice type)
{
    client_new_id(c, c->auth.request);
    xml_open(w, SLICE("iq"), SLICE_NONE);
    xml_attr_put(w, SLICE("type"), type);
    xml_attr_put(w, SLICE("to"), slice_z(c->setup.domain));
    xml_attr_put(w, SLICE("id"), slice_z(c->auth.request));
    xml_open(w, SLICE("query"), NS_REGISTER);
}

void register_login_begin(struct burble *c)
{
    struct buf text = {0};
    struct xml_writer w;
    bool offered = xml_some(xml_child(stream_features(c), NS_REGISTER_STREAM, SLICE("register")));
    bool unsafe = (c->setup.config.flags & BURBLE_UNSAFE_PLAIN) != 0;
    client_change_state(c, BURBLE_AUTHENTICATING, NULL);
    stream_change_state(c, STREAM_REGISTER);
    c->auth.submitted = false;
    if (!c->link.secure && !unsafe) {
        give_up(c, NULL, "an account is made over an encrypted connection only", SLICE_NONE);
    } else if (c->setup.user == NULL || c->setup.password == NULL) {
        give_up(c, NULL, "an account needs a name and a password", SLICE_NONE);
    } else if (!offered) {
        give_up(c, NULL, "the server does not offer to make accounts", SLICE_NONE);
    } else {
        xml_writer_init(&w, &text, NS_CLIENT);
        begin_iq(c, &w, SLICE("get"));
        xml_close(&w);
        xml_close(&w);
        if (text.failed)
            client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
        else
            client_link_write(c, buf_slice(&text));
    }
    buf_free(&text);
}

/* ---------------------------------------------------------------------------- what is asked for */

struct questions {
    struct xml query, form; /* form: none, the fields stand in the query */
    bool user, password;    /* are asked for */
    struct buf others;      /* what else is demanded, divided by ", " */
};

static void demand(struct questions *q, struct slice name)
{
    if (buf_len(&q->others) > 0)
        buf_lit(&q->others, ", ");
    buf_add(&q->others, name);
}

static bool is_field(struct xml x, struct slice *var_out, bool *hidden_out)
{
    struct slice type = xml_attr(x, SLICE("type"));
    *var_out = xml_attr(x, SLICE("var"));
    *hidden_out = slice_is(type, "hidden");
    return xml_is(x, NS_DATA_FORMS, SLICE("field")) && var_out->len > 0 && !slice_is(type, "fixed");
}

static void read_form(struct questions *q)
{
    struct slice var;
    bool hidden;
    for (struct xml x = xml_first_element(q->form); xml_some(x); x = xml_next_element(x)) {
        if (!is_field(x, &var, &hidden))
            continue;
        bool filled = xml_some(xml_child(x, NS_DATA_FORMS, SLICE("value")));
        if (slice_is(var, "username"))
            q->user = true;
        else if (slice_is(var, "password"))
            q->password = true;
        else if (!hidden && !filled && xml_some(xml_child(x, NS_DATA_FORMS, SLICE("required"))))
            demand(q, var);
    }
}

static void read_fields(struct questions *q)
{
    for (struct xml x = xml_first_element(q->query); xml_some(x); x = xml_next_element(x)) {
        struct slice name = xml_name(x);
        if (!slice_eq(xml_ns(x), NS_REGISTER) || slice_is(name, "instructions") ||
            slice_is(name, "key"))
            continue;
        if (slice_is(name, "username"))
            q->user = true;
        else if (slice_is(name, "password"))
            q->password = true;
        else
            demand(q, name); /* whatever stands there has to be told */
    }
}

static void read_questions(struct xml query, struct questions *q)
{
    *q = (struct questions){.query = query, .form = xml_child(query, NS_DATA_FORMS, SLICE("x"))};
    if (xml_some(q->form))
        read_form(q);
    if (q->user || buf_len(&q->others) > 0)
        return;
    q->form = XML_NONE;
    read_fields(q);
}

/* ---------------------------------------------------------------------------------- the answers */

/* What was filled in already goes back as it came. */
static void write_form(const struct burble *c, struct xml_writer *w, struct xml form,
                       struct slice password)
{
    struct slice var;
    bool hidden;
    data_form_open(w, SLICE("submit"), SLICE_NONE);
    for (struct xml x = xml_first_element(form); xml_some(x); x = xml_next_element(x)) {
        struct xml value = xml_child(x, NS_DATA_FORMS, SLICE("value"));
        if (!is_field(x, &var, &hidden))
            continue;
        if (slice_is(var, "username"))
            data_form_field(w, var, SLICE_NONE, slice_z(c->setup.user));
        else if (slice_is(var, "password"))
            data_form_field(w, var, SLICE_NONE, password);
        else if (xml_some(value))
            data_form_field(w, var, SLICE_NONE, xml_text(value));
    }
    xml_close(w);
}

static void write_answer(struct burble *c, const struct questions *q, struct buf *out,
                         struct slice password)
{
    struct xml_writer w;
    struct slice key = xml_text(xml_child(q->query, NS_REGISTER, SLICE("key")));
    xml_writer_init(&w, out, NS_CLIENT);
    begin_iq(c, &w, SLICE("set"));
    if (xml_some(q->form)) {
        write_form(c, &w, q->form, password);
    } else {
        xml_leaf(&w, SLICE("username"), SLICE_NONE, slice_z(c->setup.user));
        xml_leaf(&w, SLICE("password"), SLICE_NONE, password);
        if (key.len > 0)
            xml_leaf(&w, SLICE("key"), SLICE_NONE, key);
    }
    xml_close(&w);
    xml_close(&w);
}

static void answer(struct burble *c, const struct questions *q)
{
    struct buf text = {0}, shown = {0};
    write_answer(c, q, &shown, SLICE("[hidden]"));
    write_answer(c, q, &text, slice_z(c->setup.password));
    c->auth.submitted = true;
    auth_write(c, &text, &shown);
}

static void asked(struct burble *c, struct xml query)
{
    struct questions q;
    struct slice said = xml_text(xml_child(query, NS_REGISTER, SLICE("instructions")));
    struct xml oob = xml_child(query, NS_OOB, SLICE("x"));
    struct slice url = xml_text(xml_child(oob, NS_OOB, SLICE("url")));
    read_questions(query, &q);
    if (xml_some(q.form) && said.len == 0)
        said = xml_text(xml_child(q.form, NS_DATA_FORMS, SLICE("instructions")));
    if (buf_len(&q.others) > 0) {
        struct buf text = {0};
        (void)buf_printf(&text, "to make an account the server wants more than is known here: %.*s",
                         (int)buf_len(&q.others), buf_slice(&q.others).ptr);
        buf_byte(&text, '\0');
        give_up(c, NULL, text.failed ? "" : buf_slice(&text).ptr, said);
        buf_free(&text);
    } else if (q.user && q.password) {
        answer(c, &q);
    } else {
        give_up(c, NULL, "the server makes accounts elsewhere", url.len > 0 ? url : said);
    }
    buf_free(&q.others);
}

static void refused(struct burble *c, struct xml iq)
{
    static const char *const TEXTS[STANZA_ERRORS] = {
        [STANZA_CONFLICT] = "there is an account of this name already",
        [STANZA_JID_MALFORMED] = "the server does not like this name",
        [STANZA_NOT_ACCEPTABLE] = "the server does not take this name or this password",
        [STANZA_NOT_ALLOWED] = "the server makes no accounts",
        [STANZA_POLICY_VIOLATION] = "the server does not take this name or this password",
        [STANZA_RESOURCE_CONSTRAINT] = "the server makes no further account now",
        [STANZA_SERVICE_UNAVAILABLE] = "the server makes no accounts",
    };
    struct burble_stanza_error e;
    client_iq_error(c, BURBLE_IQ_ERROR, iq, &e);
    give_up(c, e.condition,
            client_condition_text(TEXTS, e.condition, "the server refused to make the account"),
            slice_z(e.text));
    arena_reset(&c->view.strings);
    c->view.tree = NULL;
}

void register_login_element(struct burble *c, struct xml iq)
{
    bool result = slice_is(xml_attr(iq, SLICE("type")), "result");
    if (!slice_eq(xml_attr(iq, SLICE("id")), slice_z(c->auth.request)) ||
        (!result && !slice_is(xml_attr(iq, SLICE("type")), "error")))
        return; /* nobody asked for it */
    c->auth.request[0] = '\0';
    if (!result) {
        refused(c, iq);
    } else if (!c->auth.submitted) {
        asked(c, xml_child(iq, NS_REGISTER, SLICE("query")));
    } else {
        c->auth.registered = true;
        auth_begin(c);
    }
}
