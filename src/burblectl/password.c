/* Passwords from people and pipes, and made ones. */
#include "burblectl/password.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "burblectl/output.h"
#include "burblectl/prompt.h"
#include "burbled/control_row.h"
#include "io/random.h"

enum { GROUPS = 4, GROUP_BYTES = 5 };

static int refuse(const char *text)
{
    fprintf(stderr, "burblectl: %s\n", text);
    return CONTROL_FAILED;
}

static int judge(enum prompt_line line, size_t len)
{
    if (line == PROMPT_ZERO)
        return refuse("a password cannot hold a zero byte.");
    if (line == PROMPT_LONG || len > PASSWORD_BYTES_MAX)
        return refuse("a password has at most 1,023 bytes.");
    if (line == PROMPT_END || len == 0)
        return refuse("there is no password. Type one, give it as a line of standard input, or use "
                      "--generate.");
    return 0;
}

static int ask(const char *whose, struct password *out)
{
    struct password again = {.len = 0};
    char *name = output_harmless(whose);
    int status = prompt_hide(STDIN_FILENO) ? 0 : refuse("the terminal cannot hide what is typed.");
    if (status == 0) {
        fprintf(stderr, "Password for %s: ", name);
        enum prompt_line line =
            prompt_line(STDIN_FILENO, out->text, sizeof(out->text) - 1, &out->len);
        fputc('\n', stderr);
        status = judge(line, out->len);
        if (status == 0) {
            fputs("Password again: ", stderr);
            prompt_line(STDIN_FILENO, again.text, sizeof(again.text) - 1, &again.len);
            fputc('\n', stderr);
        }
        prompt_show();
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
        enum prompt_line line =
            prompt_line(STDIN_FILENO, out->text, sizeof(out->text) - 1, &out->len);
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
    return prompt_line(STDIN_FILENO, answer, sizeof(answer), &len) == PROMPT_READ && len == 3 &&
           memcmp(answer, "yes", 3) == 0;
}
