/* What a program was told, as text: callbacks append, a test compares. */
#ifndef CLIENT_TEST_LOG_H
#define CLIENT_TEST_LOG_H

struct test_log {
    char text[1024]; /* what comes behind is cut */
};

void test_say(struct test_log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* All since the last call is exactly this. */
void test_told(struct test_log *log, const char *want);
/* "-" for NULL. */
const char *test_or_dash(const char *text);

#endif
