/* Upgrade tasks of SCRAM (XEP-0480, version 0.2.0): a client that has the password gives the
 * account the keys of a hash that it lacks. It sends what it has derived with our salt; who is
 * logged in may set that as well as a password. The tasks are always announced, for nobody's
 * account: what the account has already is left out of what the client offers to do. */
#include "base/base64.h"
#include "base/check.h"
#include "base/mem.h"
#include "core/login_inside.h"
#include "xmpp/ns.h"

static const struct {
    enum sasl_hash hash;
    struct slice task;
} TASKS[] = {
    {SASL_SHA256, {.ptr = "UPGR-SCRAM-SHA-256", .len = 18}},
    {SASL_SHA512, {.ptr = "UPGR-SCRAM-SHA-512", .len = 18}},
};
enum { TASK_COUNT = sizeof(TASKS) / sizeof(TASKS[0]) };

void login_upgrade_features(struct xml_writer *w)
{
    for (size_t i = 0; i < TASK_COUNT; i++)
        xml_leaf(w, SLICE("upgrade"), NS_SASL_UPGRADE, TASKS[i].task);
}

enum sasl_hash login_upgrade_find(struct slice task)
{
    for (size_t i = 0; i < TASK_COUNT; i++)
        if (slice_eq(task, TASKS[i].task))
            return TASKS[i].hash;
    return SASL_HASHES;
}

void login_upgrade_choose(struct login *l)
{
    struct account_record record;
    /* A token is no password: nothing can be derived from it (XEP-0484 section 4.2). */
    if (l->ht != NULL || l->upgrades == 0 ||
        !account_record_decode(buf_slice(&l->record), &record) ||
        sasl_credentials_decode(record.credentials, &l->credentials) != 0) {
        l->upgrades = 0;
        return;
    }
    for (unsigned h = 0; h < SASL_HASHES; h++)
        if (l->credentials.keys[h].iterations != 0)
            l->upgrades &= ~(1U << h);
}

/* Of the tasks that are to do, the first. */
static size_t first(const struct login *l)
{
    for (size_t i = 0; i < TASK_COUNT; i++)
        if (l->upgrades & (1U << TASKS[i].hash))
            return i;
    UNREACHABLE();
}

void login_upgrade_ask(struct c2s *s)
{
    struct login *l = s->entry->login;
    struct xml_writer w;
    xml_writer_init(&w, &s->link->out, NS_CLIENT);
    xml_open(&w, SLICE("continue"), NS_SASL2);
    if (buf_len(&s->entry->held) > 0 && !l->told)
        xml_leaf(&w, SLICE("additional-data"), SLICE_NONE, buf_slice(&s->entry->held));
    xml_open(&w, SLICE("tasks"), SLICE_NONE);
    xml_leaf(&w, SLICE("task"), SLICE_NONE, TASKS[first(l)].task);
    xml_close(&w);
    xml_close(&w);
    c2s_written(s);
    l->told = true;
    l->asked = false;
    s->state = C2S_TASK;
    s->link->ops->resume(s->link);
}

void login_next(struct c2s *s, struct xml x)
{
    struct login *l = s->entry->login;
    size_t task = first(l);
    if (l->asked || !slice_eq(xml_attr(x, SLICE("task")), TASKS[task].task)) {
        login_refuse(s, SASL_MALFORMED_REQUEST, SLICE_NONE);
        return;
    }
    struct sasl_keys *keys = &l->credentials.keys[TASKS[task].hash];
    char salt[(SASL_SALT_BYTES + 2) / 3 * 4];
    struct buf text = {0};
    keys->iterations = s->e->config->iterations;
    keys->salt_len = SASL_SALT_BYTES;
    rng_bytes(s->e->rng, keys->salt, SASL_SALT_BYTES);
    base64_encode(slice_of((const char *)keys->salt, SASL_SALT_BYTES), salt);
    buf_printf(&text, "%u", keys->iterations);
    struct xml_writer w;
    xml_writer_init(&w, &s->link->out, NS_CLIENT);
    xml_open(&w, SLICE("task-data"), NS_SASL2);
    xml_open(&w, SLICE("salt"), NS_SCRAM_UPGRADE);
    xml_attr_put(&w, SLICE("iterations"), buf_slice(&text));
    xml_text_put(&w, slice_of(salt, sizeof(salt)));
    xml_close(&w);
    xml_close(&w);
    buf_free(&text);
    c2s_written(s);
    l->asked = true;
}

/* What the client has derived, of exactly the length of the hash. */
static bool decode_salted(struct slice text, enum sasl_hash hash, uint8_t out[SASL_KEY_BYTES])
{
    uint8_t room[(SASL_KEY_BYTES + 2) / 3 * 3];
    size_t len = sasl_hash_len(hash), got = 0;
    bool good =
        text.len == base64_encoded_len(len) && base64_decode(text, room, &got) && got == len;
    if (good)
        memcpy(out, room, len);
    mem_wipe(room, sizeof(room));
    return good;
}

void login_task_data(struct c2s *s, struct xml x)
{
    struct login *l = s->entry->login;
    enum sasl_hash hash = TASKS[first(l)].hash;
    uint8_t salted[SASL_KEY_BYTES];
    struct xml answer = xml_child(x, NS_SCRAM_UPGRADE, SLICE("hash"));
    if (!l->asked || !xml_some(answer)) {
        login_refuse(s, SASL_MALFORMED_REQUEST, SLICE_NONE);
        return;
    }
    if (!decode_salted(xml_text(answer), hash, salted)) {
        login_refuse(s, SASL_INCORRECT_ENCODING, SLICE_NONE);
        return;
    }
    int err = sasl_keys_of_salted(hash, salted, &l->credentials.keys[hash]);
    mem_wipe(salted, sizeof(salted));
    if (err != 0) {
        login_refuse(s, SASL_TEMPORARY_AUTH_FAILURE, SLICE_NONE);
        return;
    }
    l->upgrades &= ~(1U << hash);
    l->to_store = l->new_keys = true;
    login_go_on(s);
}

void login_task_abort(struct c2s *s)
{
    login_refuse(s, SASL_ABORTED, SLICE_NONE);
}
