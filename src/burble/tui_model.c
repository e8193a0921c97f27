/* Conversations, and what was said in them. */
#include "burble/tui_model.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

void tui_set(char **text, const char *to)
{
    char *copy = to != NULL ? mem_copy(slice_z(to)) : NULL;
    mem_free(*text);
    *text = copy;
}

static void line_free(struct tui_line *l)
{
    mem_free(l->who);
    mem_free(l->text);
    mem_free(l->from);
    mem_free(l->id);
    mem_free(l->archive_id);
    mem_free(l->occupant_id);
    mem_free(l);
}

static struct tui_talk *talk_of(struct list *l)
{
    return CONTAINER_OF(l, struct tui_talk, link);
}

struct tui_talk *tui_talk_find(const struct tui_model *m, const char *jid)
{
    uint64_t hash = hash_bytes(&m->key, slice_z(jid));
    struct hnode *n = hmap_first(&m->talk_map, hash);
    while (n != NULL && strcmp(CONTAINER_OF(n, struct tui_talk, node)->jid, jid) != 0)
        n = hmap_next(n, hash);
    return n != NULL ? CONTAINER_OF(n, struct tui_talk, node) : NULL;
}

/* The first one of those that are missed least. */
static struct tui_talk *least_missed(struct tui_model *m)
{
    struct tui_talk *best = NULL;
    int least = 3;
    LIST_EACH(it, &m->talks)
    {
        struct tui_talk *t = talk_of(it);
        int missed = t->unread == 0 ? 0 : tui_contact_find(m, t->jid) == NULL ? 1 : 2;
        bool kept = t == m->current || t->room || (t->draft != NULL && *t->draft != '\0');
        if (!kept && missed < least) {
            best = t;
            least = missed;
        }
    }
    return best;
}

struct tui_talk *tui_talk_open(struct tui_model *m, const char *jid, bool room)
{
    struct tui_talk *t = tui_talk_find(m, jid);
    struct tui_talk *old = t == NULL && m->talk_map.count >= TUI_TALKS_MAX ? least_missed(m) : NULL;
    if (t != NULL)
        return t;
    if (old != NULL) {
        tui_notice(m, "too many conversations are open: closed %s", old->title);
        tui_talk_close(m, old);
    }
    if (m->talk_map.count >= TUI_TALKS_MAX)
        return NULL;
    t = mem_new(struct tui_talk);
    t->model = m;
    t->jid = mem_copy(slice_z(jid));
    t->title = mem_copy(slice_z(tui_name_of(m, jid)));
    t->short_name = mem_copy(slice_of(jid, slice_find(slice_z(jid), '@')));
    t->room = room;
    list_push(&m->talks, &t->link);
    hmap_insert(&m->talk_map, &t->node, hash_bytes(&m->key, slice_z(jid)));
    return t;
}

void tui_aside_rename(struct tui_talk *t, const char *nick)
{
    struct buf text = {0};
    (void)buf_printf(&text, "%s/%s%c", t->in_room, nick, '\0');
    hmap_remove(&t->model->talk_map, &t->node);
    if (!text.failed)
        tui_set(&t->jid, text.ptr);
    hmap_insert(&t->model->talk_map, &t->node, hash_bytes(&t->model->key, slice_z(t->jid)));
    buf_clear(&text);
    (void)buf_printf(&text, "%s in %.*s%c", nick, (int)slice_find(slice_z(t->in_room), '@'),
                     t->in_room, '\0');
    if (!text.failed)
        tui_set(&t->title, text.ptr);
    buf_free(&text);
    tui_set(&t->nick, nick);
}

struct tui_talk *tui_talk_open_aside(struct tui_model *m, const char *room, const char *nick)
{
    struct buf jid = {0};
    struct tui_talk *t = NULL;
    (void)buf_printf(&jid, "%s/%s%c", room, nick, '\0');
    if (!jid.failed)
        t = tui_talk_open(m, jid.ptr, false);
    buf_free(&jid);
    if (t != NULL && t->in_room == NULL) {
        tui_set(&t->in_room, room);
        tui_aside_rename(t, nick);
    }
    return t;
}

void tui_talk_close(struct tui_model *m, struct tui_talk *t)
{
    if (m->current == t)
        tui_talk_show(m, NULL);
    list_remove(&t->link);
    hmap_remove(&m->talk_map, &t->node);
    m->bytes -= t->bytes;
    for (size_t i = 0; i < t->count; i++)
        line_free(t->lines[i]);
    mem_free(t->lines);
    char *texts[] = {t->jid,   t->title,   t->short_name,   t->typing,          t->subject,
                     t->draft, t->last_id, t->last_from,    t->last_archive_id, t->in_room,
                     t->nick,  t->peer,    t->invited_into, t->room_password};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        mem_free(texts[i]);
    mem_free(t);
}

void tui_talk_show(struct tui_model *m, struct tui_talk *t)
{
    struct tui_talk *old = m->current;
    if (old == t)
        return;
    if (old != NULL) {
        mem_free(old->draft);
        old->draft = mem_copy(editor_text(&m->editor));
        old->scroll = 0;
        tui_seen(old);
    }
    m->current = t;
    editor_set(&m->editor, slice_z(t != NULL ? t->draft : NULL));
    if (t == NULL)
        return;
    t->unread = 0;
    t->mention = false;
    t->bottom = NULL;
}

/* By time, behind those of the same time. */
static size_t place_of(const struct tui_talk *t, int64_t stamp_ms)
{
    size_t at = t->count;
    while (at > 0 && t->lines[at - 1]->stamp_ms > stamp_ms)
        at--;
    return at;
}

/* What a line takes is counted anew. */
static void weigh(struct tui_talk *t, struct tui_line *l)
{
    const char *const TEXTS[] = {l->who, l->text, l->from, l->id, l->archive_id, l->occupant_id};
    size_t bytes = sizeof(*l);
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
        bytes += TEXTS[i] != NULL ? strlen(TEXTS[i]) + 1 : 0;
    t->bytes += bytes - l->bytes;
    t->model->bytes += bytes - l->bytes;
    l->bytes = bytes;
}

static void drop_oldest(struct tui_talk *t)
{
    t->bytes -= t->lines[0]->bytes;
    t->model->bytes -= t->lines[0]->bytes;
    if (t->bottom == t->lines[0])
        t->bottom = NULL;
    line_free(t->lines[0]);
    memmove(t->lines, t->lines + 1, (--t->count) * sizeof(t->lines[0]));
    t->older_at -= t->older_at > 0;
}

/* What is too long for a screen is cut, between characters. */
static char *text_of(const char *text)
{
    struct slice all = slice_z(text);
    struct buf cut = {0};
    if (all.len <= TUI_TEXT_MAX)
        return mem_copy(all);
    size_t len = TUI_TEXT_MAX;
    while (len > 0 && ((unsigned char)all.ptr[len] & 0xc0) == 0x80)
        len--;
    (void)buf_add(&cut, slice_of(all.ptr, len));
    (void)buf_printf(&cut, "\xe2\x80\xa6 [%zu bytes more]", all.len - len);
    char *copy = mem_copy(buf_slice(&cut));
    buf_free(&cut);
    return copy;
}

static struct tui_line *add_at(struct tui_talk *t, const struct tui_line *line, size_t at)
{
    if (t->count == t->cap) {
        t->cap = t->cap == 0 ? 64 : t->cap * 2;
        t->lines = mem_resize(t->lines, t->cap, sizeof(t->lines[0]));
    }
    struct tui_line *l = mem_new(struct tui_line);
    *l = *line;
    l->who = mem_copy(slice_z(line->who));
    l->text = text_of(line->text);
    l->from = line->from != NULL ? mem_copy(slice_z(line->from)) : NULL;
    l->id = line->id != NULL ? mem_copy(slice_z(line->id)) : NULL;
    l->archive_id = line->archive_id != NULL ? mem_copy(slice_z(line->archive_id)) : NULL;
    l->occupant_id = line->occupant_id != NULL ? mem_copy(slice_z(line->occupant_id)) : NULL;
    l->bytes = 0;
    weigh(t, l);
    memmove(t->lines + at + 1, t->lines + at, (t->count - at) * sizeof(t->lines[0]));
    t->lines[at] = l;
    t->count++;
    t->older_at += at < t->older_at;
    return l;
}

/* For one more line. */
static void make_room(struct tui_talk *t)
{
    if (t->count == TUI_LINES_MAX)
        drop_oldest(t);
    while (t->model->bytes > TUI_BYTES_MAX) {
        struct tui_talk *largest = t;
        LIST_EACH(it, &t->model->talks)
        if (talk_of(it)->bytes > largest->bytes)
            largest = talk_of(it);
        if (largest->count == 0)
            return;
        drop_oldest(largest);
    }
}

struct tui_line *tui_line_add(struct tui_talk *t, const struct tui_line *line)
{
    make_room(t);
    return add_at(t, line, place_of(t, line->stamp_ms));
}

struct tui_line *tui_line_add_older(struct tui_talk *t, const struct tui_line *line)
{
    make_room(t);
    size_t at = t->older_at;
    while (at < t->count && t->lines[at]->stamp_ms < line->stamp_ms)
        at++;
    struct tui_line *l = add_at(t, line, at);
    t->older_at = at + 1;
    return l;
}

void tui_line_move(struct tui_talk *t, struct tui_line *l, int64_t stamp_ms)
{
    size_t at = 0;
    while (t->lines[at] != l)
        at++;
    t->count--;
    memmove(t->lines + at, t->lines + at + 1, (t->count - at) * sizeof(t->lines[0]));
    t->older_at -= at < t->older_at;
    l->stamp_ms = stamp_ms;
    at = place_of(t, stamp_ms);
    memmove(t->lines + at + 1, t->lines + at, (t->count - at) * sizeof(t->lines[0]));
    t->lines[at] = l;
    t->count++;
}

struct tui_line *tui_remark(struct tui_talk *t, int64_t now_ms, enum tui_line_kind kind,
                            const char *fmt, ...)
{
    struct tui_line *l;
    struct buf text = {0};
    va_list args;
    va_start(args, fmt);
    (void)buf_vprintf(&text, fmt, args);
    va_end(args);
    (void)buf_byte(&text, '\0');
    l = tui_line_add(t, &(struct tui_line){.kind = kind,
                                           .stamp_ms = now_ms,
                                           .text = text.failed ? (char *)(void *)"" : text.ptr});
    buf_free(&text);
    return l;
}

struct tui_line *tui_line_find(struct tui_talk *t, const char *id, bool own)
{
    for (size_t i = t->count; id != NULL && i > 0; i--) {
        struct tui_line *l = t->lines[i - 1];
        if (l->own == own && l->id != NULL && strcmp(l->id, id) == 0)
            return l;
    }
    return NULL;
}

bool tui_line_known(struct tui_talk *t, const char *from, const char *id, const char *archive_id)
{
    for (size_t i = t->count; i > 0; i--) {
        const struct tui_line *l = t->lines[i - 1];
        if (archive_id != NULL && l->archive_id != NULL && strcmp(l->archive_id, archive_id) == 0)
            return true;
        if (id != NULL && l->id != NULL && from != NULL && l->from != NULL &&
            strcmp(l->id, id) == 0 && strcmp(l->from, from) == 0)
            return true;
    }
    return false;
}

void tui_line_set_text(struct tui_talk *t, struct tui_line *l, const char *text)
{
    mem_free(l->text);
    l->text = text_of(text);
    weigh(t, l);
    l->corrected = true;
}

void tui_news(struct tui_model *m, struct tui_talk *t, struct tui_line *l)
{
    if (t == m->current)
        return;
    l->fresh = true;
    t->unread++;
}

void tui_seen(struct tui_talk *t)
{
    t->unread = 0;
    t->mention = false;
    for (size_t i = 0; i < t->count; i++)
        t->lines[i]->fresh = false;
}

struct tui_talk *tui_next_unread(const struct tui_model *m)
{
    struct tui_talk *best = NULL;
    LIST_EACH(it, (struct list *)(void *)&m->talks)
    {
        struct tui_talk *t = talk_of(it);
        if (t->unread == 0 || t == m->current)
            continue;
        if (best == NULL || (t->mention && !best->mention) ||
            (t->mention == best->mention && best->room && !t->room))
            best = t;
    }
    return best;
}

void tui_notice(struct tui_model *m, const char *fmt, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, fmt);
    (void)buf_vprintf(&text, fmt, args);
    va_end(args);
    if (buf_byte(&text, '\0') == 0)
        tui_set(&m->notice, text.ptr);
    buf_free(&text);
}

void tui_model_free(struct tui_model *m)
{
    while (!list_empty(&m->talks))
        tui_talk_close(m, talk_of(m->talks.next));
    tui_contacts_free(m);
    hmap_free(&m->talk_map);
    mem_free(m->own);
    mem_free(m->status);
    mem_free(m->notice);
    mem_free(m->trouble);
    mem_free(m->page);
    editor_free(&m->editor);
    *m = (struct tui_model){0};
}
