/* Lines of `burble chat` from the archive (XEP-0313): older ones, and what was said while we were
 * away. */
#include <string.h>

#include "base/mem.h"
#include "burble/archive.h"
#include "burble/tui.h"

enum { OLDER_MAX = 50 };

/* A query under way; the conversation may be closed meanwhile, so it is known by its address. */
struct older {
    struct tui *tui;
    char *jid;
};

static void older_message(struct burble *c, const struct burble_message *m, void *arg)
{
    const struct older *o = arg;
    struct tui_talk *k = tui_talk_find(&o->tui->model, o->jid);
    (void)c;
    if (k != NULL)
        tui_archived(o->tui, k, m, false);
}

static void older_done(struct burble *c, const struct burble_archive_result *r, void *arg)
{
    struct older *o = arg;
    struct tui *t = o->tui;
    struct tui_talk *k = tui_talk_find(&t->model, o->jid);
    (void)c;
    if (k != NULL) {
        bool climb = k->climb;
        k->asking = k->climb = false;
        k->at_start = r->outcome == BURBLE_IQ_ERROR ||
                      (r->outcome == BURBLE_IQ_RESULT && (r->complete || r->count == 0)) ||
                      k->count == TUI_LINES_MAX;
        if (r->outcome == BURBLE_IQ_ERROR)
            tui_notice(&t->model, "no older messages: %s", r->text);
        else if (climb && k == t->model.current)
            tui_scroll(t, true);
    }
    mem_free(o->jid);
    mem_free(o);
    tui_changed(t);
}

/* The oldest line that the archive knows. */
static const struct tui_line *oldest(const struct tui_talk *k)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->lines[i]->archive_id != NULL)
            return k->lines[i];
    return NULL;
}

void tui_older(struct tui *t, struct tui_talk *k, bool climb)
{
    const struct tui_line *first = oldest(k);
    if (k->in_room != NULL)
        return; /* what an archive has of that name may be of others who had it */
    if (k->asking || k->at_start || !t->model.online || (k->room && k->handle == NULL)) {
        k->climb |= climb && k->asking;
        return;
    }
    struct older *o = mem_new(struct older);
    *o = (struct older){.tui = t, .jid = mem_copy(slice_z(k->jid))};
    struct burble_archive_query query =
        BURBLE_ARCHIVE_QUERY(.archive = k->room ? k->jid : NULL, .with = k->room ? NULL : k->jid,
                             .before_id = first != NULL ? first->archive_id : NULL,
                             .max = OLDER_MAX, .page = OLDER_MAX, .flags = BURBLE_ARCHIVE_BACKWARDS,
                             .message = older_message, .done = older_done, .arg = o);
    if (burble_archive_query(t->session.client, &query, NULL) == 0) {
        k->asking = true;
        k->older_at = 0;
        k->climb = climb;
        tui_changed(t);
        return;
    }
    mem_free(o->jid);
    mem_free(o);
}

static void missed(struct burble *c, const struct burble_message *m, void *arg)
{
    struct tui *t = arg;
    (void)c;
    tui_note_last(t, m);
    if (m->body == NULL || m->type == BURBLE_GROUPCHAT)
        return;
    struct tui_talk *k = tui_aside_of(t, m, strcmp(m->from_bare, t->model.own) == 0, true);
    if (k == NULL)
        k = tui_talk_open(&t->model, m->with, false);
    if (k != NULL && !k->room)
        tui_archived(t, k, m, true);
}

int64_t tui_stamp(const struct tui *t, const struct burble_message *m)
{
    int64_t now_ms = tui_now(t);
    return m->origin == BURBLE_LIVE || m->stamp_ms > now_ms ? now_ms : m->stamp_ms;
}

void tui_note_last(struct tui *t, const struct burble_message *m)
{
    int64_t stamp_ms = tui_stamp(t, m);
    if (stamp_ms > t->last_ms)
        t->last_ms = stamp_ms;
    if (m->stanza_id != NULL)
        tui_set(&t->last_id, m->stanza_id);
}

static void newest(struct burble *c, const struct burble_message *m, void *arg)
{
    struct tui *t = arg;
    (void)c;
    if (t->last_id == NULL && m->stanza_id != NULL)
        tui_set(&t->last_id, m->stanza_id);
}

void tui_catch_up(struct tui *t)
{
    if (t->last_id != NULL || t->last_ms != 0) {
        (void)burble_archive_catch_up(t->session.client, NULL, t->last_id, t->last_ms, missed, NULL,
                                      t, NULL);
        return;
    }
    /* The first session of this run: conversations load when they are opened. From what is the last
     * one now it can be told later what was missed. */
    struct burble_archive_query query =
        BURBLE_ARCHIVE_QUERY(.max = 1, .page = 1, .flags = BURBLE_ARCHIVE_BACKWARDS,
                             .message = newest, .arg = t);
    t->last_ms = tui_now(t);
    (void)burble_archive_query(t->session.client, &query, NULL);
}
