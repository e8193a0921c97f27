/* Files, locks, Unix sockets, signals, notify and process facts, in a directory of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "io/clock.h"
#include "io/files.h"
#include "io/notify.h"
#include "io/process.h"
#include "io/random.h"
#include "io/signals.h"
#include "io/unix_socket.h"

static char room[64];

static const char *in_room(const char *name)
{
    static char path[2][160];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", room, name);
    return path[turn];
}

static int entries(void)
{
    int n = 0;
    DIR *d = opendir(room);
    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 2;
}

static void a_file_is_replaced_as_a_whole_and_private(void **state)
{
    (void)state;
    struct buf b = {0};
    struct file_facts facts;
    int before = entries();
    mode_t mask = umask(0777); /* an odd umask (O12) */
    assert_int_equal(file_write(in_room("f"), SLICE("one")), 0);
    umask(mask);
    assert_int_equal(file_write(in_room("f"), SLICE("two!")), 0);
    assert_int_equal(file_read(in_room("f"), 4, &b, &facts), 0);
    assert_true(slice_is(buf_slice(&b), "two!"));
    assert_int_equal(facts.mode, 0600);
    assert_false(facts.others_read || facts.others_write);
    assert_int_equal(facts.owner, geteuid());
    assert_int_equal(entries(), before + 1); /* no temporary file stays */
    assert_int_equal(file_read(in_room("f"), 3, &b, NULL), ERR_LIMIT);
    assert_true(slice_is(buf_slice(&b), "two!")); /* what was there stays */
    assert_int_equal(file_create(in_room("f"), SLICE("three")), ERR_EXISTS);
    assert_int_equal(entries(), before + 1);
    assert_int_equal(file_read(in_room("none"), 3, &b, NULL), ERR_NOT_FOUND);
    assert_int_equal(file_read(room, 3, &b, NULL), ERR_IO); /* a directory */
    assert_int_equal(file_write(in_room("no/such"), SLICE("x")), ERR_NOT_FOUND);
    unlink(in_room("f"));
    assert_int_equal(file_create(in_room("f"), SLICE("three")), 0);
    chmod(in_room("f"), 0644);
    assert_int_equal(file_read(in_room("f"), 100, &b, &facts), 0);
    assert_true(facts.others_read && !facts.others_write);
    unlink(in_room("f"));
    buf_free(&b);
}

static void a_file_without_a_size_meets_the_cap_too(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(file_read("/proc/self/status", 10, &b, NULL), ERR_LIMIT);
    assert_int_equal(buf_len(&b), 0);
    assert_int_equal(file_read("/proc/self/status", 100000, &b, NULL), 0);
    assert_true(buf_len(&b) > 100);
    buf_free(&b);
    assert_int_equal(mkfifo(in_room("fifo"), 0600), 0);
    assert_int_equal(file_read(in_room("fifo"), 10, &b, NULL), ERR_IO); /* and does not hang */
    unlink(in_room("fifo"));
    buf_free(&b);
}

static void O08_a_data_directory_is_made_private_or_judged(void **state)
{
    (void)state;
    struct file_facts facts;
    assert_int_equal(dir_make(in_room("a/b/c"), &facts), 0);
    assert_int_equal(facts.mode, 0700);
    assert_int_equal(dir_make(in_room("a/b/c"), &facts), 0);
    chmod(in_room("a/b/c"), 0777);
    assert_int_equal(dir_make(in_room("a/b/c"), &facts), 0);
    assert_true(facts.others_write);
    assert_int_equal(dir_make("/dev/null", &facts), ERR_EXISTS);
    if (geteuid() == 0) { /* only root can make one that is somebody else's */
        assert_int_equal(chown(in_room("a/b/c"), 1234, 1234), 0);
        assert_int_equal(dir_make(in_room("a/b/c"), &facts), ERR_REFUSED);
    }
    rmdir(in_room("a/b/c"));
    rmdir(in_room("a/b"));
    rmdir(in_room("a"));
}

static void D11_O09_a_second_holder_is_told_the_pid_of_the_first(void **state)
{
    (void)state;
    int fd, second;
    pid_t pid;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        char c;
        close(ready[0]);
        if (file_lock(in_room("lock"), &fd, &pid) != 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        while (read(STDIN_FILENO, &c, 0) == 0) /* until it is killed */
            pause();
        _exit(0);
    }
    char c;
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(file_lock(in_room("lock"), &second, &pid), ERR_BUSY);
    assert_int_equal(pid, child);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(file_lock(in_room("lock"), &fd, &pid), 0); /* a stale file is no obstacle */
    assert_int_equal(file_lock(in_room("lock"), &second, &pid), ERR_BUSY);
    assert_int_equal(pid, getpid());
    file_unlock(&fd);
    assert_int_equal(file_lock(in_room("lock"), &fd, &pid), 0);
    file_unlock(&fd);
    close(ready[0]);
    unlink(in_room("lock"));
}

static void the_control_socket_is_private_and_knows_its_peer(void **state)
{
    (void)state;
    int l, c, s;
    struct unix_peer peer;
    struct stat st;
    assert_int_equal(unix_listen(in_room("ctl"), &l), 0);
    assert_int_equal(stat(in_room("ctl"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(unix_accept(l, &s, &peer), ERR_BUSY);
    assert_int_equal(unix_connect(in_room("ctl"), &c), 0);
    assert_int_equal(unix_accept(l, &s, &peer), 0);
    assert_int_equal(peer.pid, getpid());
    assert_int_equal(peer.uid, geteuid());
    int again;
    assert_int_equal(unix_listen(in_room("ctl"), &again), ERR_EXISTS); /* somebody answers */
    close(c);
    close(s);
    close(l); /* a crash: the path stays */
    assert_int_equal(unix_connect(in_room("ctl"), &c), ERR_CLOSED);
    assert_int_equal(unix_listen(in_room("ctl"), &l), 0);
    unix_close(&l, in_room("ctl"));
    assert_int_equal(unix_connect(in_room("ctl"), &c), ERR_NOT_FOUND);
    assert_int_equal(file_write(in_room("ctl"), SLICE("a file")), 0);
    assert_int_equal(unix_listen(in_room("ctl"), &l), ERR_EXISTS); /* nothing else is replaced */
    unlink(in_room("ctl"));
    char longer[200];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(unix_listen(longer, &l), ERR_LIMIT);
}

static void another_user_is_turned_away(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    /* As seen by a server that runs as user 1234: a client of user 4321. */
    pid_t server = fork();
    if (server == 0) {
        int l = -1, s;
        struct unix_peer peer;
        if (chown(room, 1234, 1234) != 0 || seteuid(1234) != 0 ||
            unix_listen(in_room("ctl"), &l) != 0 || chmod(in_room("ctl"), 0666) != 0 ||
            chmod(room, 0777) != 0)
            _exit(1);
        pid_t client = fork();
        if (client == 0) {
            int c;
            if (seteuid(0) != 0 || setuid(4321) != 0)
                _exit(1);
            _exit(unix_connect(in_room("ctl"), &c) == 0 ? 0 : 1);
        }
        struct pollfd p = {.fd = l, .events = POLLIN};
        poll(&p, 1, 5000);
        int err = unix_accept(l, &s, &peer);
        waitpid(client, NULL, 0);
        unlink(in_room("ctl"));
        _exit(err == ERR_REFUSED && peer.uid == 4321 ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(server, &status, 0), server);
    assert_int_equal(chown(room, 0, 0), 0);
    chmod(room, 0700);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void signals_are_read_like_data(void **state)
{
    (void)state;
    int fd;
    assert_int_equal(signals_open(&fd), 0);
    assert_int_equal(signals_next(fd), 0);
    raise(SIGHUP);
    raise(SIGTERM);
    int first = signals_next(fd), second = signals_next(fd);
    assert_true((first == SIGHUP && second == SIGTERM) || (first == SIGTERM && second == SIGHUP));
    assert_int_equal(signals_next(fd), 0);
    raise(SIGPIPE); /* N05 */
    signals_close(&fd);
}

static void systemd_is_told(void **state)
{
    (void)state;
    char text[256];
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    snprintf(name.sun_path, sizeof(name.sun_path), "%s", in_room("notify"));
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    setenv("NOTIFY_SOCKET", name.sun_path, 1);
    setenv("WATCHDOG_USEC", "30000000", 1);
    struct notify n;
    notify_open(&n);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_int_equal(n.watchdog_ms, 30000);
    notify_ready(&n);
    assert_int_equal(recv(fd, text, sizeof(text), 0), 7);
    assert_memory_equal(text, "READY=1", 7);
    notify_reloading(&n);
    assert_true(recv(fd, text, sizeof(text), 0) > 28);
    assert_memory_equal(text, "RELOADING=1\nMONOTONIC_USEC=", 27);
    notify_watchdog(&n);
    assert_int_equal(recv(fd, text, sizeof(text), 0), 10);
    notify_status(&n, "3 sessions\nREADY=0");
    assert_int_equal(recv(fd, text, sizeof(text), 0), 17);
    notify_stopping(&n);
    assert_int_equal(recv(fd, text, sizeof(text), 0), 10);
    notify_close(&n);
    notify_ready(&n);
    notify_open(&n); /* without systemd */
    assert_int_equal(n.fd, -1);
    notify_ready(&n);
    close(fd);
    unlink(name.sun_path);
}

static void the_process_knows_itself(void **state)
{
    (void)state;
    uint64_t n = process_raise_descriptors(0);
    assert_true(n >= 64);
    assert_true(process_processors() >= 1);
    assert_true(process_resident_bytes() > 100000);
    (void)process_cpu_us();
    assert_int_equal(process_is_root(), geteuid() == 0);
    pid_t child = fork();
    if (child == 0) {
        close(0);
        close(2);
        process_open_standard();
        int fd = open("/dev/null", O_RDONLY);
        _exit(fd > 2 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void clock_and_randomness_are_there(void **state)
{
    (void)state;
    struct now a = clock_now(), b = clock_now();
    assert_true(a.mono_ms > 0 && b.mono_ms >= a.mono_ms);
    assert_true(a.wall_ms > 1600000000000);
    struct rng one, two;
    random_init(&one);
    random_init(&two);
    assert_true(rng_u64(&one) != rng_u64(&two));
    unsigned char big[2048] = {0};
    random_bytes(big, sizeof(big));
    int zeros = 0;
    for (size_t i = 0; i < sizeof(big); i++)
        zeros += big[i] == 0;
    assert_in_range(zeros, 0, 60); /* 8 are expected */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_replaced_as_a_whole_and_private),
        cmocka_unit_test(a_file_without_a_size_meets_the_cap_too),
        cmocka_unit_test(O08_a_data_directory_is_made_private_or_judged),
        cmocka_unit_test(D11_O09_a_second_holder_is_told_the_pid_of_the_first),
        cmocka_unit_test(the_control_socket_is_private_and_knows_its_peer),
        cmocka_unit_test(another_user_is_turned_away),
        cmocka_unit_test(signals_are_read_like_data),
        cmocka_unit_test(systemd_is_told),
        cmocka_unit_test(the_process_knows_itself),
        cmocka_unit_test(clock_and_randomness_are_there),
    };
    snprintf(room, sizeof(room), "/tmp/burble-files-XXXXXX");
    if (mkdtemp(room) == NULL)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(room);
    return failed;
}
