/* Tokens of the server's (FAST, XEP-0484 version 0.2.0). Owns the token and wipes it.
 *
 * A token is asked for with the strongest binding that both sides and the connection have, and is
 * good for that mechanism alone, so that who takes the binding away gets no token to see. Each use
 * counts, and is saved before it goes out. */
#include "client/token.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/client.h"
#include "xmpp/secret.h"

static bool offered(struct xml fast, const struct sasl_ht *ht)
{
    struct xml x = xml_child(fast, NS_FAST, SLICE("mechanism"));
    for (; xml_some(x); x = xml_next_named(x, NS_FAST, SLICE("mechanism")))
        if (slice_eq(xml_text(x), ht->name))
            return true;
    return false;
}

static bool may(const struct burble *c, struct xml fast)
{
    return xml_some(fast) && c->link.secure && (c->setup.config.flags & BURBLE_NO_FAST) == 0 &&
           c->setup.user != NULL && c->setup.config.authzid == NULL;
}

/* With this offer, on this connection. What was bound once must be (V47). */
static bool possible(struct burble *c, struct xml fast, const struct sasl_ht *ht)
{
    struct sasl_binding binding;
    uint8_t scratch[SASL_BINDING_BYTES];
    bool bound = c->auth.seen.bound || (c->setup.config.flags & BURBLE_REQUIRE_BINDING) != 0;
    client_link_binding(c, &binding, scratch);
    bool can = offered(fast, ht) && sasl_ht_possible(ht, &binding) &&
               (!bound || ht->binding != SASL_HT_NONE);
    mem_wipe(scratch, sizeof(scratch));
    return can;
}

bool token_usable(struct burble *c, struct xml fast)
{
    struct token *t = &c->auth.token;
    if (t->ht == NULL || !may(c, fast))
        return false;
    if (t->expiry_ms <= c->now.wall_ms) {
        token_forget(c);
        return false;
    }
    return possible(c, fast, t->ht);
}

const struct sasl_ht *token_wanted(struct burble *c, struct xml fast)
{
    for (size_t i = 0; may(c, fast) && i < SASL_HT_COUNT; i++) {
        if (c->auth.by_token && c->auth.token.ht == &SASL_HT[i])
            return NULL;
        if (possible(c, fast, &SASL_HT[i]))
            return &SASL_HT[i];
    }
    return NULL;
}

int token_show(struct burble *c, struct buf *out)
{
    struct token *t = &c->auth.token;
    struct sasl_binding binding;
    uint8_t scratch[SASL_BINDING_BYTES], shown[SASL_HT_BYTES];
    client_link_binding(c, &binding, scratch);
    int err = sasl_ht_initiator(t->ht, slice_z(t->text), &binding, shown);
    t->count++;
    buf_add(out, slice_z(c->setup.user));
    buf_byte(out, '\0');
    buf_append(out, shown, sizeof(shown));
    mem_wipe(shown, sizeof(shown));
    mem_wipe(scratch, sizeof(scratch));
    return err != 0 ? err : out->failed ? ERR_MEMORY : 0;
}

bool token_proved(struct burble *c, struct slice additional)
{
    const struct token *t = &c->auth.token;
    struct sasl_binding binding;
    uint8_t scratch[SASL_BINDING_BYTES], want[SASL_HT_BYTES];
    if (t->ht == NULL)
        return false;
    client_link_binding(c, &binding, scratch);
    bool good = sasl_ht_responder(t->ht, slice_z(t->text), &binding, want) == 0 &&
                secret_equal(slice_of((const char *)want, sizeof(want)), additional);
    mem_wipe(want, sizeof(want));
    mem_wipe(scratch, sizeof(scratch));
    return good;
}

void token_take(struct burble *c, struct xml x, const struct sasl_ht *wanted)
{
    struct token *t = &c->auth.token;
    struct slice text = xml_attr(x, SLICE("token"));
    const struct sasl_ht *ht = wanted != NULL ? wanted : t->ht;
    int64_t expiry_ms;
    if (ht == NULL || text.len == 0 || text.len > SASL_HT_TOKEN_BYTES_MAX ||
        !time_parse(xml_attr(x, SLICE("expiry")), &expiry_ms) || expiry_ms <= c->now.wall_ms)
        return;
    char *copy = client_copy(text);
    if (copy == NULL)
        return; /* the next login is by the password, or by the token of before */
    token_forget(c);
    *t = (struct token){.ht = ht, .text = copy, .expiry_ms = expiry_ms};
    c->auth.changed = true;
}

void token_forget(struct burble *c)
{
    struct token *t = &c->auth.token;
    if (t->text != NULL)
        mem_wipe(t->text, strlen(t->text));
    free(t->text);
    c->auth.changed = c->auth.changed || t->ht != NULL;
    *t = (struct token){0};
}
