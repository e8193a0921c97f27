/* The hooks of all modules in the order of their stages, and the IQ table. */
#include "core/hooks.h"

#include "base/check.h"
#include "base/mem.h"

enum { IQ_SLOTS = 256, MODULES_MAX = 64 };

struct hooks {
    const struct module *modules[MODULES_MAX];
    void *slots[MODULES_MAX];
    unsigned count;
    /* Open addressing by a plain hash: names are ours, not the peer's. */
    const struct module_iq *iqs[IQ_SLOTS];
};

/* Puts each module behind the one that it names. */
static void sort_modules(struct hooks *h, const struct module *const *list)
{
    bool placed[MODULES_MAX] = {false};
    unsigned total = 0;
    while (list[total] != NULL)
        total++;
    CHECK(total <= MODULES_MAX);
    while (h->count < total) {
        unsigned before = h->count;
        for (unsigned i = 0; i < total; i++) {
            bool ready = !placed[i];
            if (ready && list[i]->after != NULL) {
                ready = false;
                for (unsigned k = 0; k < h->count; k++)
                    ready |= strcmp(h->modules[k]->name, list[i]->after) == 0;
            }
            if (ready) {
                placed[i] = true;
                h->modules[h->count++] = list[i];
            }
        }
        CHECK(h->count > before); /* else: a cycle or an unknown name in .after */
    }
}

static unsigned iq_hash(struct slice ns, struct slice name)
{
    uint32_t n = 2166136261U;
    for (size_t i = 0; i < ns.len; i++)
        n = (n ^ (unsigned char)ns.ptr[i]) * 16777619U;
    for (size_t i = 0; i < name.len; i++)
        n = (n ^ (unsigned char)name.ptr[i]) * 16777619U;
    return n & (IQ_SLOTS - 1);
}

static void add_iqs(struct hooks *h, const struct module *m)
{
    for (const struct module_iq *iq = m->iqs; iq != NULL && iq->ns != NULL; iq++) {
        unsigned at = iq_hash(slice_z(iq->ns), slice_z(iq->name)), steps = 0;
        while (h->iqs[at] != NULL) {
            CHECK(strcmp(h->iqs[at]->ns, iq->ns) != 0 || strcmp(h->iqs[at]->name, iq->name) != 0);
            CHECK(++steps < IQ_SLOTS / 2);
            at = (at + 1) & (IQ_SLOTS - 1);
        }
        h->iqs[at] = iq;
    }
}

struct hooks *hooks_new(const struct module *const *modules)
{
    struct hooks *h = mem_new(struct hooks);
    sort_modules(h, modules);
    for (unsigned i = 0; i < h->count; i++)
        add_iqs(h, h->modules[i]);
    return h;
}

void hooks_free(struct hooks **h)
{
    for (unsigned i = 0; *h != NULL && i < (*h)->count; i++)
        mem_free((*h)->slots[i]);
    mem_free(*h);
    *h = NULL;
}

const struct module *const *hooks_modules(const struct engine *e, unsigned *n_out)
{
    *n_out = e->hooks->count;
    return e->hooks->modules;
}

const struct module_iq *hooks_iq(const struct engine *e, struct slice ns, struct slice name)
{
    for (unsigned at = iq_hash(ns, name);; at = (at + 1) & (IQ_SLOTS - 1)) {
        const struct module_iq *iq = e->hooks->iqs[at];
        if (iq == NULL || (slice_eq(slice_z(iq->ns), ns) && slice_eq(slice_z(iq->name), name)))
            return iq;
    }
}

unsigned module_index(const struct engine *e, const struct module *m)
{
    for (unsigned i = 0; i < e->hooks->count; i++)
        if (e->hooks->modules[i] == m)
            return i;
    UNREACHABLE();
}

void *module_slot(const struct engine *e, const struct module *m)
{
    return e->hooks->slots[module_index(e, m)];
}

void module_slot_set(struct engine *e, const struct module *m, void *data)
{
    void **slot = &e->hooks->slots[module_index(e, m)];
    mem_free(*slot);
    *slot = data;
}

uint64_t module_interest(const struct engine *e, const struct module *m)
{
    return 1ULL << module_index(e, m);
}

/* Runs fn of every module that has it. */
#define EACH_MODULE(e, m, fn)                                                                      \
    for (unsigned i_##m = 0; i_##m < (e)->hooks->count; i_##m++)                                   \
        for (const struct module *m = (e)->hooks->modules[i_##m]; m != NULL && m->fn != NULL;      \
             m = NULL)

void hooks_start(struct engine *e)
{
    EACH_MODULE(e, m, start)
    m->start(e);
}

void hooks_reloaded(struct engine *e)
{
    EACH_MODULE(e, m, reloaded)
    m->reloaded(e);
}

enum verdict hooks_check_outgoing(struct engine *e, struct session *from, const struct stanza *s,
                                  enum stanza_error *error_out, struct slice *app_out)
{
    EACH_MODULE(e, m, check_outgoing)
    if (m->check_outgoing(e, from, s, error_out, app_out) == VERDICT_REFUSE)
        return VERDICT_REFUSE;
    return VERDICT_PASS;
}

bool hooks_forged(struct engine *e, struct xml child)
{
    EACH_MODULE(e, m, forged)
    if (m->forged(e, child))
        return true;
    return false;
}

enum verdict hooks_check_incoming(struct engine *e, struct account *to, const struct stanza *s,
                                  enum stanza_error *error_out)
{
    EACH_MODULE(e, m, check_incoming)
    if (m->check_incoming(e, to, s, error_out) == VERDICT_REFUSE)
        return VERDICT_REFUSE;
    return VERDICT_PASS;
}

bool hooks_hides_presence(struct engine *e, const struct account *a, const struct jid *to)
{
    EACH_MODULE(e, m, hides_presence)
    if (m->hides_presence(e, a, to))
        return true;
    return false;
}

bool hooks_archive_wants(struct engine *e, const struct account *a, const struct jid *peer)
{
    EACH_MODULE(e, m, archive_wants)
    if (!m->archive_wants(e, a, peer))
        return false;
    return true;
}

void hooks_message_kept(struct engine *e, struct account *a, const struct stanza *s,
                        uint64_t position, bool taken)
{
    EACH_MODULE(e, m, message_kept)
    m->message_kept(e, a, s, position, taken);
}

void hooks_session_ready(struct engine *e, struct session *session)
{
    EACH_MODULE(e, m, session_ready)
    m->session_ready(e, session);
}

void hooks_presence_sent(struct engine *e, struct session *session, const struct stanza *s)
{
    EACH_MODULE(e, m, presence_sent)
    m->presence_sent(e, session, s);
}

void hooks_session_ended(struct engine *e, struct session *session)
{
    EACH_MODULE(e, m, session_ended)
    m->session_ended(e, session);
}

void hooks_session_hibernates(struct engine *e, struct session *session, size_t unacknowledged)
{
    EACH_MODULE(e, m, session_hibernates)
    m->session_hibernates(e, session, unacknowledged);
}

void hooks_session_drained(struct engine *e, struct session *session)
{
    EACH_MODULE(e, m, session_drained)
    m->session_drained(e, session);
}

void hooks_account_read(struct engine *e, struct store_request *query, struct slice owner)
{
    EACH_MODULE(e, m, account_read)
    m->account_read(query, owner);
}

void hooks_account_row(struct engine *e, struct account *a, uint32_t read,
                       const struct store_row *row)
{
    uint32_t at = 0;
    EACH_MODULE(e, m, account_read)
    {
        if (at++ == read)
            m->account_row(e, a, row);
    }
}

void hooks_account_unload(struct engine *e, struct account *a)
{
    EACH_MODULE(e, m, account_unload)
    m->account_unload(e, a);
}

const struct signup_hook *hooks_signup(const struct engine *e)
{
    EACH_MODULE(e, m, signup)
    return m->signup;
    return NULL;
}

void hooks_stream_features(struct engine *e, const struct c2s *stream, struct xml_writer *w)
{
    EACH_MODULE(e, m, stream_features)
    m->stream_features(e, stream, w);
}

void hooks_disco_forms(struct engine *e, const struct host_config *host, struct xml_writer *w)
{
    EACH_MODULE(e, m, disco_forms)
    m->disco_forms(e, host, w);
}

bool hooks_disco_node(struct iq *iq, struct slice node)
{
    EACH_MODULE(iq->e, m, disco_node)
    if (m->disco_node(iq, node))
        return true;
    return false;
}
