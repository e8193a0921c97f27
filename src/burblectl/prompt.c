/* Lines from people and pipes. The terminal's echo comes back however the program ends. */
#include "burblectl/prompt.h"

#include <errno.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { SIGNAL_COUNT = sizeof(SIGNALS) / sizeof(SIGNALS[0]) };

static int hidden_fd = -1;
static struct termios shown;                      /* the terminal as it was */
static struct sigaction before[SIGNAL_COUNT + 1]; /* what signals did, SIGTSTP last */

/* Only calls that a signal handler may make. */
static void on_signal(int number)
{
    tcsetattr(hidden_fd, TCSANOW, &shown);
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        if (SIGNALS[i] == number)
            sigaction(number, &before[i], NULL);
    }
    raise(number);
}

bool prompt_hide(int fd)
{
    if (tcgetattr(fd, &shown) != 0)
        return false;
    hidden_fd = fd;
    struct sigaction act = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN}; /* nobody finds a terminal without echo */
    for (int i = 0; i < SIGNAL_COUNT; i++)
        sigaction(SIGNALS[i], &act, &before[i]);
    sigaction(SIGTSTP, &ignore, &before[SIGNAL_COUNT]);
    struct termios hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    hidden.c_lflag |= ICANON | ISIG;
    if (tcsetattr(fd, TCSAFLUSH, &hidden) == 0)
        return true;
    prompt_show();
    return false;
}

void prompt_show(void)
{
    if (hidden_fd < 0)
        return;
    tcsetattr(hidden_fd, TCSAFLUSH, &shown);
    for (int i = 0; i < SIGNAL_COUNT; i++)
        sigaction(SIGNALS[i], &before[i], NULL);
    sigaction(SIGTSTP, &before[SIGNAL_COUNT], NULL);
    hidden_fd = -1;
}

enum prompt_line prompt_line(int fd, char *out, size_t cap, size_t *len_out)
{
    size_t len = 0;
    enum prompt_line result = PROMPT_READ;
    bool any = false;
    for (;;) {
        char c;
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || c == '\n')
            break;
        any = true;
        if (c == '\0')
            result = PROMPT_ZERO;
        if (len < cap)
            out[len++] = c;
        else
            result = PROMPT_LONG;
    }
    if (len > 0 && out[len - 1] == '\r')
        len--;
    *len_out = len;
    return any ? result : PROMPT_END;
}
