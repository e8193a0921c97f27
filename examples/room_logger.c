/* Writes down what is said in rooms, a line each. Comes back by itself when the connection, or the
 * room, was away, and asks for what was said meanwhile.
 *
 *   BURBLE_JID=bot@example.org BURBLE_PASSWORD=... room_logger talk@rooms.example.org ... */
#define _POSIX_C_SOURCE 200809L /* gmtime_r, also for compilers that are told -std=c17 */
#include "example.h"

#include <burble/room.h>
#include <time.h>

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    (void)c, (void)arg;
    example_say_state(e);
}

static void joined(struct burble_room *room, const struct burble_room_joined *j, void *arg)
{
    (void)arg;
    fprintf(stderr, "in %s as %s\n", burble_room_jid(room), j->nick);
}

static void left(struct burble_room *room, const struct burble_room_left *l, void *arg)
{
    (void)arg;
    fprintf(stderr, "%s: %s\n", burble_room_jid(room), l->text);
}

static void message(struct burble_room *room, const struct burble_room_message *r, void *arg)
{
    char stamp[32];
    time_t seconds = (time_t)(r->message->stamp_ms / 1000);
    struct tm tm;
    (void)arg;
    if (r->message->body == NULL || r->own || gmtime_r(&seconds, &tm) == NULL)
        return;
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
    printf("%s %s <%s> ", stamp, burble_room_jid(room), r->nick != NULL ? r->nick : "");
    /* What a stranger says may have line feeds, or steer a terminal. */
    for (const unsigned char *p = (const unsigned char *)r->message->body; *p != '\0'; p++)
        if (*p < 0x20 || *p == 0x7f)
            printf("\\x%02x", *p);
        else
            putchar(*p);
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct burble_loop *loop = example_loop();
    struct burble *c = example_client(loop, on_event, NULL);
    for (int i = 1; i < argc; i++) {
        struct burble_room *room;
        struct burble_room_config config =
            BURBLE_ROOM_CONFIG(.nick = "logger", .flags = BURBLE_ROOM_INSTANT,
                               .handlers = {.joined = joined, .left = left, .message = message});
        int err = burble_room_join(c, argv[i], &config, &room);
        if (err != 0)
            fprintf(stderr, "%s: %s\n", argv[i], burble_error_text(err));
    }
    burble_loop_run(loop);
    burble_free(&c);
    burble_loop_free(&loop);
    return 0;
}
