/* Contacts of `burble chat`: who they are, whether they are there, and who asks to see us. */
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "burble/answers.h"
#include "burble/caps.h"
#include "burble/disco.h"
#include "burble/tui.h"
#include "xmpp/jid.h"

char *tui_address(const char *typed)
{
    struct arena mem = {0};
    struct jid jid;
    char *bare = NULL;
    if (jid_parse(slice_z(typed), &mem, &jid) == 0 && jid_local(&jid).len > 0)
        bare = mem_copy(jid_bare(&jid));
    arena_free(&mem);
    return bare;
}

char *tui_address_in(const char *text)
{
    char *word = mem_copy(slice_of(text, slice_find(slice_z(text), ' ')));
    char *bare = tui_address(word);
    mem_free(word);
    return bare;
}

static void take_contact(struct tui *t, const struct burble_contact *c)
{
    struct tui_contact *mine;
    if (strcmp(c->jid, t->model.own) == 0 && c->subscription == BURBLE_SUBSCRIPTION_NONE)
        return; /* another device of ours */
    mine = tui_contact_set(&t->model, c->jid, c->name);
    const struct burble_resource *best = c->available_count > 0 ? &c->resources[0] : NULL;
    mine->listed = true;
    mine->here = best != NULL;
    mine->show = best != NULL ? best->show : BURBLE_SHOW_ONLINE;
    tui_set(&mine->status, best != NULL ? best->status : NULL);
    struct tui_talk *k = tui_talk_find(&t->model, c->jid);
    if (k != NULL && best == NULL)
        tui_set(&k->typing, NULL);
    tui_changed(t);
}

static void roster_ready(struct burble_roster *r, const struct burble_stanza_error *error,
                         void *arg)
{
    struct tui *t = arg;
    tui_contacts_forget(&t->model);
    for (size_t i = 0; i < burble_roster_count(r); i++)
        take_contact(t, burble_roster_at(r, i));
    if (error == NULL)
        tui_contacts_sweep(&t->model); /* what was removed while we were away */
    else
        tui_notice(&t->model, "the contacts could not be fetched: %s", error->condition);
}

static void roster_changed(struct burble_roster *r, const struct burble_contact *c, void *arg)
{
    (void)r;
    take_contact(arg, c);
}

static void roster_removed(struct burble_roster *r, const char *jid, void *arg)
{
    struct tui *t = arg;
    (void)r;
    tui_contact_remove(&t->model, jid);
    tui_changed(t);
}

static void roster_presence(struct burble_roster *r, const struct burble_contact *c,
                            const struct burble_resource *resource, void *arg)
{
    (void)r, (void)resource;
    take_contact(arg, c);
}

static void roster_request(struct burble_roster *r, const char *jid, const char *status, void *arg)
{
    struct tui *t = arg;
    struct tui_talk *k = tui_talk_open(&t->model, jid, false);
    struct tui_line *l;
    if (k == NULL)
        return;
    if (k->invited && burble_roster_approve(r, jid) == 0) {
        tui_remark(k, tui_now(t), TUI_REMARK, "%s may see when you are here, too", k->title);
    } else {
        l = tui_remark(k, tui_now(t), TUI_REMARK,
                       "%s asks to see when you are here%s%s: /accept or /deny", jid,
                       status != NULL ? ": " : "", status != NULL ? status : "");
        tui_news(&t->model, k, l);
        k->asks = true;
        t->model.bell = true;
    }
    tui_changed(t);
}

int tui_network_start(struct tui *t)
{
    struct burble_roster_config config =
        BURBLE_ROSTER_CONFIG(.arg = t, .ready = roster_ready, .changed = roster_changed,
                             .removed = roster_removed, .request = roster_request,
                             .presence = roster_presence);
    struct burble_chat_config chat = BURBLE_CHAT_CONFIG(.flags = 0);
    int err = burble_roster_new(t->session.client, &config, &t->roster);
    if (err == 0)
        err = burble_chat_new(t->session.client, &chat, &t->chat);
    if (err == 0)
        err = burble_set_identity(t->session.client, NULL, "console", NULL);
    if (err == 0)
        err = burble_caps_start(t->session.client, "https://burble.example", NULL, NULL);
    if (err == 0)
        err = burble_answer_usual(t->session.client);
    if (err != 0)
        return app_fail(t->app, EXIT_REFUSED, "cannot start: %s", burble_error_text(err));
    return tui_rooms_start(t);
}
