/* What a program was told, see test_log.h. */
#include "client/test_log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

void test_say(struct test_log *log, const char *fmt, ...)
{
    size_t len = strlen(log->text);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(log->text + len, sizeof(log->text) - len, fmt, args);
    va_end(args);
}

void test_told(struct test_log *log, const char *want)
{
    bool same = strcmp(log->text, want) == 0;
    if (!same)
        fprintf(stderr, "expected to be told:\n%s\nbut it was:\n%s\n", want, log->text);
    log->text[0] = '\0';
    CHECK(same);
}

const char *test_or_dash(const char *text)
{
    return text != NULL ? text : "-";
}
