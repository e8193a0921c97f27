/* What a login leaves for the next process: who this client is for its server, the token, and what
 * was seen of the server. One element of the saved state (save.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"

#define NS_STATE SLICE("urn:burble:state:auth")

void auth_save(const struct burble *c, struct xml_writer *w)
{
    const struct auth *a = &c->auth;
    const struct token *t = &a->token;
    char number[24];
    xml_open(w, SLICE("auth"), NS_STATE);
    if (a->agent[0] != '\0')
        xml_attr_put(w, SLICE("agent"), slice_z(a->agent));
    if (a->seen.bound)
        xml_attr_put(w, SLICE("bound"), SLICE("true"));
    if (t->ht != NULL) {
        xml_open(w, SLICE("token"), SLICE_NONE);
        xml_attr_put(w, SLICE("mechanism"), t->ht->name);
        (void)snprintf(number, sizeof(number), "%lld", (long long)t->expiry_ms);
        xml_attr_put(w, SLICE("expiry-ms"), slice_z(number));
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)t->count);
        xml_attr_put(w, SLICE("count"), slice_z(number));
        xml_attr_put(w, SLICE("token"), slice_z(t->text));
        xml_close(w);
    }
    xml_close(w);
}

static bool is_uuid(struct slice s)
{
    if (s.len != UUID_BYTES - 1)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23, digit;
        char c = s.ptr[i];
        digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (dash ? c != '-' : !digit)
            return false;
    }
    return true;
}

static int load_token(struct burble *c, struct xml x)
{
    struct token *t = &c->auth.token;
    unsigned long long expiry, count;
    struct slice text = xml_attr(x, SLICE("token"));
    const struct sasl_ht *ht = sasl_ht_find(xml_attr(x, SLICE("mechanism")));
    if (ht == NULL || text.len == 0 || text.len > SASL_HT_TOKEN_BYTES_MAX ||
        !slice_to_u64(xml_attr(x, SLICE("expiry-ms")), &expiry) || expiry > INT64_MAX ||
        !slice_to_u64(xml_attr(x, SLICE("count")), &count))
        return ERR_CORRUPT;
    char *copy = client_copy(text);
    if (copy == NULL)
        return ERR_MEMORY;
    token_forget(c);
    *t = (struct token){.ht = ht, .text = copy, .expiry_ms = (int64_t)expiry, .count = count};
    return 0;
}

int auth_load(struct burble *c, struct xml x)
{
    struct slice agent = xml_attr(x, SLICE("agent"));
    struct xml token = xml_child(x, NS_STATE, SLICE("token"));
    if (!xml_is(x, NS_STATE, SLICE("auth")) || (agent.ptr != NULL && !is_uuid(agent)))
        return ERR_CORRUPT;
    int err = xml_some(token) ? load_token(c, token) : 0;
    if (err != 0)
        return err;
    if (agent.ptr != NULL)
        memcpy(c->auth.agent, agent.ptr, agent.len); /* the array was zeroed, its end is NUL */
    c->auth.seen.bound = slice_is(xml_attr(x, SLICE("bound")), "true");
    c->auth.changed = false;
    return 0;
}
