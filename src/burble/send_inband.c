/* Sending in-band: which device can take files, then one file after the other. */
#include "burble/send_inband.h"

#include <string.h>

#include "base/mem.h"
#include "burble/disco.h"
#include "burble/session.h"
#include "xml/writer.h"

enum { ANSWER_MS = 10000 };

static void next_file(struct send_inband *w);

static void end(struct send_inband *w, int status)
{
    burble_file_free(&w->file);
    local_file_close(&w->local);
    session_end(w->session, status);
}

/* As much as there is room for at once, so that blocks are full. */
static void on_room(struct burble_file *f, size_t room, void *arg)
{
    struct send_inband *w = arg;
    char *piece = mem_array(room, 1);
    size_t have = 0;
    long n = 1;
    while (n > 0 && have < room) {
        n = local_file_read(&w->local, piece + have, room - have);
        have += n > 0 ? (size_t)n : 0;
    }
    if (n < 0 || burble_file_write(f, piece, have) != 0)
        end(w, EXIT_REFUSED);
    else
        local_file_progress(&w->local, burble_file_moved(f) - have);
    mem_free(piece);
}

static void on_end(struct burble_file *f, enum burble_file_end how, const char *text, void *arg)
{
    struct send_inband *w = arg;
    struct session *s = w->session;
    (void)f;
    if (how != BURBLE_FILE_DONE) {
        local_file_close(&w->local);
        end(w, app_fail(s->app, how == BURBLE_FILE_LOST ? EXIT_UNREACHABLE : EXIT_REFUSED, "%s: %s",
                        w->local.name, text));
        return;
    }
    local_file_progress(&w->local, w->local.size);
    w->sent(s, &w->local, w->devices[w->device]);
    local_file_close(&w->local);
    burble_file_free(&w->file);
    w->at++;
    next_file(w);
}

static void next_file(struct send_inband *w)
{
    static const struct burble_file_handlers HANDLERS = {
        .size = sizeof(HANDLERS), .room = on_room, .end = on_end};
    struct session *s = w->session;
    if (w->at == w->count) {
        end(w, EXIT_DONE);
        return;
    }
    int status = local_file_open(s->app, w->paths[w->at], &w->local);
    if (status != 0) {
        end(w, status);
        return;
    }
    const struct burble_file_info info = {.name = w->local.name,
                                          .size = w->local.size,
                                          .type = w->local.type,
                                          .modified_ms = w->local.modified_ms};
    int err = burble_file_offer(s->client, w->devices[w->device], &info, &HANDLERS, w, &w->file);
    if (err != 0)
        end(w, app_fail(s->app, err == BURBLE_ERR_SYNTAX ? EXIT_USAGE : EXIT_REFUSED, "%s: %s",
                        w->devices[w->device], burble_error_text(err)));
}

/* ----------------------------------------------------------------------------------- which device
 */

/* Whom we do not see, or who does not see us, could not answer us (RFC 6121 section 8.5.3.2). */
static void show_to(struct session *s, const char *jid)
{
    struct buf text = {0};
    buf_lit(&text, "<presence");
    xml_write_attr(&text, SLICE("to"), slice_z(jid));
    buf_lit(&text, "><priority>-1</priority></presence>");
    if (buf_byte(&text, '\0') == 0)
        (void)burble_send(s->client, buf_slice(&text).ptr, 0, NULL);
    buf_free(&text);
}

static void choose(struct send_inband *w, size_t device)
{
    w->chosen = true;
    w->device = device;
    show_to(w->session, w->devices[device]);
    next_file(w);
}

static void nobody(struct send_inband *w)
{
    w->chosen = true;
    session_end(w->session, app_fail(w->session->app, EXIT_REFUSED,
                                     "no connected device of %s takes files in-band", w->to));
}

static void too_late(void *arg)
{
    struct send_inband *w = arg;
    if (!w->chosen && !w->session->ending)
        nobody(w);
}

static void on_info(struct burble *c, const struct burble_disco_info *info, void *arg)
{
    struct send_inband *w = arg;
    (void)c;
    if (w->chosen || w->session->ending || info->outcome == BURBLE_IQ_GONE)
        return;
    w->asked--;
    bool takes = burble_disco_has(info, "urn:xmpp:jingle:apps:file-transfer:5") &&
                 burble_disco_has(info, "urn:xmpp:jingle:transports:ibb:1");
    for (size_t i = 0; takes && i < w->device_count; i++)
        if (strcmp(w->devices[i], info->from) == 0) {
            choose(w, i);
            return;
        }
    out_detail(&w->session->app->out, "%s takes no files in-band", info->from);
    if (w->asked == 0)
        nobody(w);
}

/* All at once: the first that takes files gets them. Some may be gone, and never answer. */
static void found(struct session *s, char **jids, size_t count)
{
    struct send_inband *w = s->arg;
    w->devices = jids;
    w->device_count = count;
    for (size_t i = 0; i < count; i++)
        w->asked += burble_disco_info(s->client, jids[i], NULL, on_info, w, NULL) == 0;
    if (w->asked == 0)
        nobody(w);
    else
        (void)burble_loop_alarm(s->loop, ANSWER_MS, too_late, w, NULL);
}

int send_inband_open(struct send_inband *w)
{
    w->local.fd = -1;
    w->resources = (struct resources){.session = w->session, .found = found};
    if (strchr(w->to, '/') != NULL) {
        w->devices = &w->to;
        w->device_count = 1;
        return 0;
    }
    w->resources.pattern = "*";
    w->resources.only = &w->to;
    w->resources.only_count = 1;
    return resources_open(&w->resources);
}

void send_inband_begin(struct send_inband *w)
{
    if (w->devices != NULL)
        choose(w, 0); /* whoever names a device knows what it does */
}

void send_inband_stop(struct send_inband *w)
{
    burble_file_free(&w->file);
    local_file_close(&w->local);
}

void send_inband_close(struct send_inband *w)
{
    resources_close(&w->resources);
}
