/* Files of memory that outlives the process: what another process finds in them, and that a start
 * that is killed at any of its steps leaves a complete generation. The system calls that change
 * names are replaced (--wrap), to end the process before one of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "io/files.h"
#include "io/region_file.h"

enum { MIB = 1 << 20 };

static char room[64];

static const char *in_room(const char *name)
{
    static char path[2][160];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", room, name);
    return path[turn];
}

static void on_file(void *ctx, const char *path)
{
    struct buf *names = ctx;
    struct buf text = {0};
    assert_int_equal(file_read(path, 100, &text, NULL), 0);
    assert_int_equal(buf_len(&text), 1);
    buf_add(names, buf_slice(&text));
    buf_free(&text);
}

static int count_files(const char *path)
{
    struct buf names = {0};
    int n = region_dir_each(path, on_file, &names) != 0 ? -1 : (int)buf_len(&names);
    buf_free(&names);
    return n;
}

/* ------------------------------------------------------------------------------- the system calls
 */

static int steps_left = -1; /* -1: no end */
static bool no_exchange;

int __wrap_rename(const char *from, const char *to);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __wrap_unlink(const char *path);
int __wrap_rmdir(const char *path);
int __wrap_mkdir(const char *path, mode_t mode);
int __real_rename(const char *from, const char *to);
int __real_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __real_unlink(const char *path);
int __real_rmdir(const char *path);
int __real_mkdir(const char *path, mode_t mode);

static void step(void)
{
    if (steps_left == 0)
        _exit(9);
    if (steps_left > 0)
        steps_left--;
}

int __wrap_rename(const char *from, const char *to)
{
    step();
    return __real_rename(from, to);
}

int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    step();
    if (no_exchange) {
        errno = EINVAL;
        return -1;
    }
    return __real_renameat2(from_dir, from, to_dir, to, flags);
}

int __wrap_unlink(const char *path)
{
    step();
    return __real_unlink(path);
}

int __wrap_rmdir(const char *path)
{
    step();
    return __real_rmdir(path);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    step();
    return __real_mkdir(path, mode);
}

/* ------------------------------------------------------------------------------------------ files
 */

static void what_is_stored_is_there_after_kill(void **state)
{
    (void)state;
    struct region_file f;
    struct region_copy copy;
    struct stat st;
    const char *path = in_room("a");
    mode_t mask = umask(0777);
    assert_int_equal(region_file_make(path, 1, 8 * MIB, &f), 0);
    umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true((size_t)st.st_blocks * 512 >= f.bytes); /* no store needs the disk */
    assert_true(f.bytes >= 1 && f.bytes < MIB);
    size_t first = f.bytes;
    char *base = f.base;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        f.base[0] = 'a';
        if (region_file_grow(&f, 3 * MIB) && f.base == base)
            f.base[3 * MIB - 1] = 'z';
        kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(region_copy_read(path, 64 * MIB, &copy), 0);
    assert_int_equal(copy.bytes, 3 * MIB);
    assert_true(copy.base[0] == 'a' && copy.base[3 * MIB - 1] == 'z' && copy.base[first] == 0);
    copy.base[0] = 'b'; /* ours alone */
    assert_true(f.base[0] == 'a');
    region_copy_free(&copy);
    assert_int_equal(region_copy_read(path, 16, &copy), 0);
    assert_int_equal(copy.bytes, 16);
    region_copy_free(&copy);
    region_file_close(&f);
    region_file_close(&f); /* twice is fine */
    assert_int_equal(unlink(path), 0);
}

static void it_grows_to_its_bound(void **state)
{
    (void)state;
    struct region_file f;
    const char *path = in_room("a");
    assert_int_equal(region_file_make(path, MIB, 2 * MIB + 1, &f), 0);
    assert_int_equal(f.bytes, MIB);
    assert_int_equal(f.bytes_max, 2 * MIB);
    assert_true(region_file_grow(&f, MIB + 1) && f.bytes > MIB + 1);
    assert_true(region_file_grow(&f, MIB)); /* it has that */
    assert_true(region_file_grow(&f, 2 * MIB));
    memset(f.base, 1, f.bytes);
    assert_false(region_file_grow(&f, 2 * MIB + 1));
    assert_int_equal(f.bytes, 2 * MIB);
    struct region_file other;
    assert_int_equal(region_file_make(path, MIB, MIB, &other), ERR_EXISTS);
    region_file_close(&other);
    region_file_close(&f);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(region_file_make(path, MIB + 1, MIB, &f), ERR_LIMIT);
    assert_int_equal(region_file_make(path, 1, 1000, &f), ERR_LIMIT);
    assert_int_equal(region_file_make(path, MIB + 1, MIB + 1, &f), 0); /* down goes before up */
    assert_int_equal(f.bytes, MIB);
    region_file_close(&f);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(region_file_make(in_room("none/a"), MIB, MIB, &f), ERR_NOT_FOUND);
}

/* A limit of the file's size stands for a full disk: both are told by posix_fallocate. */
static void a_full_disk_is_an_error(void **state)
{
    (void)state;
    struct region_file f;
    struct rlimit was, low;
    const char *path = in_room("a");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    low = (struct rlimit){.rlim_cur = 2 * MIB, .rlim_max = was.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    assert_int_equal(region_file_make(path, 3 * MIB, 8 * MIB, &f), ERR_FULL);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(region_file_make(path, MIB, 8 * MIB, &f), 0);
    assert_false(region_file_grow(&f, 4 * MIB));
    assert_int_equal(f.bytes, MIB);
    assert_true(region_file_grow(&f, 2 * MIB));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    memset(f.base, 1, f.bytes);
    region_file_close(&f);
    assert_int_equal(unlink(path), 0);
}

static void what_is_no_file_is_not_read(void **state)
{
    (void)state;
    struct region_copy copy;
    assert_int_equal(region_copy_read(in_room("none"), MIB, &copy), ERR_NOT_FOUND);
    assert_int_equal(region_copy_read(room, MIB, &copy), ERR_IO);
    assert_int_equal(file_write(in_room("empty"), SLICE("")), 0);
    assert_int_equal(region_copy_read(in_room("empty"), MIB, &copy), 0);
    assert_true(copy.base == NULL && copy.bytes == 0);
    region_copy_free(&copy);
    assert_int_equal(unlink(in_room("empty")), 0);
}

/* ------------------------------------------------------------------------------------ generations
 */

/* Removes everything; a generation of files with this byte in them is in force then, if any. */
static void fresh(char content)
{
    steps_left = -1;
    no_exchange = false;
    assert_int_equal(region_dir_begin(room), 0);
    assert_int_equal(region_dir_commit(room), 0);
    assert_int_equal(count_files(room), 0);
    rmdir(in_room("sessions"));
    if (content == '\0')
        return;
    assert_int_equal(region_dir_begin(room), 0);
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof(name), "sessions.new/%d", i);
        assert_int_equal(file_write(in_room(name), slice_of(&content, 1)), 0);
    }
    assert_int_equal(region_dir_commit(room), 0);
}

/* A start: takes what is there over into a new generation, of more files. */
static int start(void)
{
    struct buf found = {0};
    int err = region_dir_begin(room);
    if (err == 0 && region_dir_each(room, on_file, &found) == 0)
        for (size_t i = 0; err == 0 && i < buf_len(&found) + 1; i++) {
            char name[32];
            snprintf(name, sizeof(name), "sessions.new/%zu", i);
            FILE *f = fopen(in_room(name), "w");
            err = f == NULL ? ERR_IO : 0;
            if (f != NULL && (fputc('a', f) == EOF || fclose(f) != 0))
                err = ERR_IO;
        }
    if (err == 0)
        err = region_dir_commit(room);
    buf_free(&found);
    return err;
}

static void a_start_that_is_killed_leaves_a_complete_generation(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        int killed = 0;
        for (bool done = false; !done; killed += !done) {
            fresh('a');
            fflush(NULL);
            pid_t pid = fork();
            if (pid == 0) {
                no_exchange = way == 1;
                steps_left = killed;
                _exit(start() == 0 ? 0 : 1);
            }
            int status;
            assert_int_equal(waitpid(pid, &status, 0), pid);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 1);
            done = WEXITSTATUS(status) == 0;
            /* The next one is killed, too, at each of its steps in turn. */
            pid = fork();
            if (pid == 0) {
                no_exchange = way == 1;
                steps_left = killed * 7 % 11;
                _exit(start() == 0 ? 0 : 1);
            }
            assert_int_equal(waitpid(pid, &status, 0), pid);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 1);
            assert_int_equal(region_dir_begin(room), 0);
            int n = count_files(room);
            assert_true(n >= 3 && n <= 5); /* the old one, or a new one, whole */
            assert_int_equal(access(in_room("sessions.old"), F_OK), -1);
            assert_int_equal(region_dir_commit(room), 0);
            assert_int_equal(access(in_room("sessions.new"), F_OK), -1);
        }
        assert_true(killed > 4);
    }
    fresh('\0');
}

static void the_first_start_has_nothing_before_it(void **state)
{
    (void)state;
    fresh('\0');
    assert_int_equal(count_files(room), -1);
    assert_int_equal(region_dir_begin(room), 0);
    assert_int_equal(file_write(in_room("sessions.new/0"), SLICE("a")), 0);
    no_exchange = true;
    assert_int_equal(region_dir_commit(room), 0);
    assert_int_equal(count_files(room), 1);
    fresh('\0');
    assert_int_equal(region_dir_begin("/nonexistent"), ERR_NOT_FOUND);
}

static void what_cannot_be_replaced_is_dropped(void **state)
{
    (void)state;
    fresh('a');
    assert_int_equal(region_dir_begin(room), 0);
    assert_int_equal(mkdir(in_room("sessions.old"), 0700), 0);
    assert_int_equal(region_dir_drop(room), 0);
    assert_int_equal(count_files(room), -1);
    assert_int_equal(access(in_room("sessions.new"), F_OK), -1);
    assert_int_equal(access(in_room("sessions.old"), F_OK), -1);
    assert_int_equal(region_dir_drop(room), 0);
    /* What is not ours is not removed, and not ignored. */
    assert_int_equal(mkdir(in_room("sessions.new"), 0700), 0);
    assert_int_equal(mkdir(in_room("sessions.new/x"), 0700), 0);
    assert_int_not_equal(region_dir_begin(room), 0);
    assert_int_not_equal(region_dir_drop(room), 0);
    assert_int_equal(rmdir(in_room("sessions.new/x")), 0);
    assert_int_equal(region_dir_drop(room), 0);
}

static void the_boot_has_a_number(void **state)
{
    (void)state;
    uint8_t id[BOOT_ID_BYTES], again[BOOT_ID_BYTES], zero[BOOT_ID_BYTES] = {0};
    assert_int_equal(boot_id_read(BOOT_ID_PATH, id), 0);
    assert_int_equal(boot_id_read(BOOT_ID_PATH, again), 0);
    assert_memory_equal(id, again, sizeof(id));
    assert_memory_not_equal(id, zero, sizeof(id));
    const char *path = in_room("boot");
    assert_int_equal(file_write(path, SLICE("00010203-0405-0607-0809-0a0b0c0d0eff\n")), 0);
    assert_int_equal(boot_id_read(path, id), 0);
    assert_true(id[0] == 0 && id[10] == 10 && id[15] == 0xff);
    const char *const bad[] = {"", "\n", "0001", "00010203-0405-0607-0809-0a0b0c0d0eff0",
                               "00010203-0405-0607-0809-0a0b0c0d0eg0"};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(file_write(path, slice_z(bad[i])), 0);
        assert_int_equal(boot_id_read(path, id), ERR_SYNTAX);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(boot_id_read(path, id), ERR_NOT_FOUND);
}

static int make_room(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(room, sizeof(room), "%s/burble-region-XXXXXX", tmp != NULL ? tmp : "/tmp");
    return mkdtemp(room) == NULL ? -1 : 0;
}

static int remove_room(void **state)
{
    (void)state;
    return rmdir(room); /* every test has tidied up */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stored_is_there_after_kill),
        cmocka_unit_test(it_grows_to_its_bound),
        cmocka_unit_test(a_full_disk_is_an_error),
        cmocka_unit_test(what_is_no_file_is_not_read),
        cmocka_unit_test(a_start_that_is_killed_leaves_a_complete_generation),
        cmocka_unit_test(the_first_start_has_nothing_before_it),
        cmocka_unit_test(what_cannot_be_replaced_is_dropped),
        cmocka_unit_test(the_boot_has_a_number),
    };
    return cmocka_run_group_tests(tests, make_room, remove_room);
}
