/* A loop of the program's own with poll(2): the client is one descriptor and one deadline in it.
 * Lines of standard input go to one address.
 *
 *   BURBLE_JID=me@example.org BURBLE_PASSWORD=... poll_loop bob@example.org */
#include "example.h"

#include <burble/message.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    bool *over = arg;
    (void)c;
    example_say_state(e);
    if (e->kind == BURBLE_EVENT_STATE && e->state->state == BURBLE_OFFLINE)
        *over = true;
    if (e->kind == BURBLE_EVENT_MESSAGE && e->message->body != NULL)
        printf("%s: %s\n", e->message->from_bare, e->message->body);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    bool over = false, input = true;
    char line[2048];
    if (argc != 2) {
        fprintf(stderr, "usage: poll_loop JID\n");
        return 2;
    }
    struct burble_loop *loop = example_loop();
    struct burble *c = example_client(loop, on_event, &over);
    while (!over) {
        struct pollfd fds[] = {{.fd = burble_loop_fd(loop), .events = POLLIN},
                               {.fd = input ? STDIN_FILENO : -1, .events = POLLIN}};
        if (poll(fds, 2, burble_loop_wait_ms(loop)) < 0)
            break;
        if (fds[1].revents != 0) {
            ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);
            line[n > 0 ? n : 0] = '\0';
            line[strcspn(line, "\n")] = '\0';
            if (n > 0)
                burble_say(c, argv[1], line, NULL, NULL, NULL);
            else
                burble_disconnect(c); /* what waits is sent first */
            input = n > 0;
        }
        burble_loop_step(loop); /* never waits */
    }
    burble_free(&c);
    burble_loop_free(&loop);
    return 0;
}
