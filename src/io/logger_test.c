/* The logger on pipes and files, with a clock of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/logger.h"

static struct now at_ms(uint64_t ms)
{
    return (struct now){.mono_ms = 5000 + ms, .wall_ms = 1000};
}

static void put(struct logger *l, const char *event, uint64_t ms)
{
    char line[64];
    int n = snprintf(line, sizeof(line), "info event=%s", event);
    logger_put(l, LOG_INFO, event, line, (size_t)n, at_ms(ms));
}

/* What the pipe holds, NUL-terminated. */
static const char *drain(int fd)
{
    static char text[1 << 17];
    size_t len = 0;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (ssize_t n; (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0;)
        len += (size_t)n;
    text[len] = '\0';
    return text;
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        n++;
    return n;
}

static void L24_twenty_lines_per_second_and_event_then_one_that_counts(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct logger *l = logger_new(LOGGER_STREAM, fds[1], false);
    for (int i = 0; i < 100; i++)
        put(l, "c2s.flood", 0);
    put(l, "c2s.other", 1);
    const char *text = drain(fds[0]);
    assert_int_equal(count(text, "event=c2s.flood\n"), 20);
    assert_int_equal(count(text, "event=c2s.other\n"), 1);
    logger_tick_at(l, at_ms(999));
    assert_string_equal(drain(fds[0]), "");
    logger_tick_at(l, at_ms(1000));
    assert_string_equal(drain(fds[0]), "info event=log.suppressed of=c2s.flood lines=80\n");
    for (int i = 0; i < 21; i++)
        put(l, "c2s.flood", 1001);
    put(l, "c2s.flood", 2002); /* without a tick the next line tells it */
    assert_non_null(strstr(drain(fds[0]), "of=c2s.flood lines=1\ninfo event=c2s.flood\n"));
    logger_free(&l);
    close(fds[0]);
    close(fds[1]);
}

static void O11_a_full_target_loses_lines_and_says_so_later(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct logger *l = logger_new(LOGGER_STREAM, fds[1], false);
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    static char junk[1 << 17];
    assert_true(write(fds[1], junk, sizeof(junk)) > 0);
    fcntl(fds[1], F_SETFL, 0); /* a blocking pipe, full */
    for (int i = 0; i < 5; i++)
        put(l, "x.y", 0);
    assert_int_equal(logger_lost(l), 5);
    drain(fds[0]);
    put(l, "x.z", 1);
    assert_string_equal(drain(fds[0]), "info event=x.z\nwarning event=log.lost lines=5\n");
    assert_int_equal(logger_lost(l), 5);
    logger_free(&l);
    close(fds[0]);
    close(fds[1]);
}

static void O11_N05_a_target_without_a_reader_is_survived(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct logger *l = logger_new(LOGGER_STREAM, fds[1], false);
    close(fds[0]);
    put(l, "x.y", 0);
    assert_int_equal(logger_lost(l), 1);
    close(fds[1]);
    put(l, "x.y", 0); /* not even a descriptor */
    assert_int_equal(logger_lost(l), 2);
    logger_free(&l);
}

static void O11_a_full_disk_is_survived(void **state)
{
    (void)state;
    int fd = open("/dev/full", O_WRONLY);
    assert_true(fd >= 0);
    struct logger *l = logger_new(LOGGER_STREAM, fd, false);
    put(l, "x.y", 0);
    assert_int_equal(logger_lost(l), 1);
    logger_free(&l);
    close(fd);
}

static void a_line_can_carry_the_time(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct logger *l = logger_new(LOGGER_STREAM, fds[1], true);
    put(l, "x.y", 0);
    assert_string_equal(drain(fds[0]), "1970-01-01T00:00:01.000Z info event=x.y\n");
    logger_free(&l);
    close(fds[0]);
    close(fds[1]);
}

static void lines_come_through_the_face_at_their_level(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct logger *l = logger_new(LOGGER_STREAM, fds[1], false);
    struct log log = logger_face(l, LOG_WARNING);
    struct log_line line;
    log_begin(&line, &log, LOG_INFO, "a.b");
    log_end(&line);
    log_begin(&line, &log, LOG_ERROR, "a.c");
    log_num(&line, "n", 3);
    log_end(&line);
    assert_string_equal(drain(fds[0]), "error event=a.c n=3\n");
    logger_free(&l);
    close(fds[0]);
    close(fds[1]);
}

static void events_without_end_take_no_memory_without_end(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct logger *l = logger_new(LOGGER_STREAM, fds[1], false);
    char event[32];
    for (int i = 0; i < 400; i++) {
        snprintf(event, sizeof(event), "e%d", i);
        put(l, event, 0);
    }
    /* 255 of their own, and one window for all the others. */
    assert_int_equal(count(drain(fds[0]), "\n"), 255 + 20);
    logger_free(&l);
    close(fds[0]);
    close(fds[1]);
}

static void a_missing_journal_loses_lines_only(void **state)
{
    (void)state;
    struct logger *l = logger_new(LOGGER_JOURNAL, -1, false);
    if (access("/run/systemd/journal/socket", F_OK) != 0) {
        put(l, "x.y", 0);
        assert_int_equal(logger_lost(l), 1);
    }
    logger_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(L24_twenty_lines_per_second_and_event_then_one_that_counts),
        cmocka_unit_test(O11_a_full_target_loses_lines_and_says_so_later),
        cmocka_unit_test(O11_N05_a_target_without_a_reader_is_survived),
        cmocka_unit_test(O11_a_full_disk_is_survived),
        cmocka_unit_test(a_line_can_carry_the_time),
        cmocka_unit_test(lines_come_through_the_face_at_their_level),
        cmocka_unit_test(events_without_end_take_no_memory_without_end),
        cmocka_unit_test(a_missing_journal_loses_lines_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
