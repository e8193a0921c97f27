/* Passwords from people and pipes. The terminal's echo comes back however the program ends. */
#include "burblectl/password.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "burblectl/output.h"
#include "burbled/control_row.h"
#include "io/random.h"

enum { GROUPS = 4, GROUP_BYTES = 5 };

static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { SIGNAL_COUNT = sizeof(SIGNALS) / sizeof(SIGNALS[0]) };

static struct termios shown; /* the terminal as it was */

/* Only calls that a signal handler may make. */
static void on_signal(int number)
{
    tcsetattr(STDIN_FILENO, TCSANOW, &shown);
    signal(number, SIG_DFL);
    raise(number);
}

static bool echo_off(void)
{
    if (tcgetattr(STDIN_FILENO, &shown) != 0)
        return false;
    struct sigaction act = {.sa_handler = on_signal};
    for (int i = 0; i < SIGNAL_COUNT; i++)
        sigaction(SIGNALS[i], &act, NULL);
    signal(SIGTSTP, SIG_IGN); /* nobody finds a terminal without echo */
    struct termios hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    hidden.c_lflag |= ICANON | ISIG;
    return tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
}

static void echo_on(void)
{
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    for (int i = 0; i < SIGNAL_COUNT; i++)
        signal(SIGNALS[i], SIG_DFL);
    signal(SIGTSTP, SIG_DFL);
}

enum line { LINE_READ, LINE_END, LINE_LONG, LINE_ZERO };

/* One line, byte by byte: what is behind it is not ours. */
static enum line read_line(char *out, size_t cap, size_t *len_out)
{
    size_t len = 0;
    enum line result = LINE_READ;
    bool any = false;
    for (;;) {
        char c;
        ssize_t n = read(STDIN_FILENO, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || c == '\n')
            break;
        any = true;
        if (c == '\0')
            result = LINE_ZERO;
        if (len < cap)
            out[len++] = c;
        else
            result = LINE_LONG;
    }
    if (len > 0 && out[len - 1] == '\r')
        len--;
    *len_out = len;
    return any ? result : LINE_END;
}

static int refuse(const char *text)
{
    fprintf(stderr, "burblectl: %s\n", text);
    return CONTROL_FAILED;
}

static int judge(enum line line, size_t len)
{
    if (line == LINE_ZERO)
        return refuse("a password cannot hold a zero byte.");
    if (line == LINE_LONG || len > PASSWORD_BYTES_MAX)
        return refuse("a password has at most 1,023 bytes.");
    if (line == LINE_END || len == 0)
        return refuse("there is no password. Type one, give it as a line of standard input, or use "
                      "--generate.");
    return 0;
}

static int ask(const char *whose, struct password *out)
{
    struct password again = {.len = 0};
    char *name = output_harmless(whose);
    int status = echo_off() ? 0 : refuse("the terminal cannot hide what is typed.");
    if (status == 0) {
        fprintf(stderr, "Password for %s: ", name);
        enum line line = read_line(out->text, sizeof(out->text) - 1, &out->len);
        fputc('\n', stderr);
        status = judge(line, out->len);
        if (status == 0) {
            fputs("Password again: ", stderr);
            read_line(again.text, sizeof(again.text) - 1, &again.len);
            fputc('\n', stderr);
        }
        echo_on();
    }
    if (status == 0 && (again.len != out->len || memcmp(again.text, out->text, out->len) != 0))
        status = refuse("the two passwords differ. Nothing was changed.");
    password_wipe(&again);
    mem_free(name);
    return status;
}

int password_read(const char *whose, struct password *out)
{
    memset(out, 0, sizeof(*out));
    int status;
    if (isatty(STDIN_FILENO)) {
        status = ask(whose, out);
    } else {
        enum line line = read_line(out->text, sizeof(out->text) - 1, &out->len);
        status = judge(line, out->len);
    }
    if (status != 0)
        password_wipe(out);
    return status;
}

void password_generate(struct password *out)
{
    struct rng rng;
    random_init(&rng);
    memset(out, 0, sizeof(*out));
    for (int i = 0; i < GROUPS; i++) {
        if (i > 0)
            out->text[out->len++] = '-';
        rng_token(&rng, out->text + out->len, GROUP_BYTES);
        out->len += GROUP_BYTES;
    }
    mem_wipe(&rng, sizeof(rng));
}

void password_wipe(struct password *p)
{
    mem_wipe(p, sizeof(*p));
}

bool password_confirm(const char *question)
{
    char answer[8];
    size_t len;
    fprintf(stderr, "%s ", question);
    return read_line(answer, sizeof(answer), &len) == LINE_READ && len == 3 &&
           memcmp(answer, "yes", 3) == 0;
}
