/* The start, in this order, so that a start that fails leaves nothing half done (O01 to O09): the
 * file, the data folder, its lock, the store, certificates, all sockets, and only then threads. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "burbled/control_server.h"
#include "burbled/server_inside.h"
#include "io/clock.h"
#include "io/files.h"
#include "io/process.h"
#include "io/random.h"
#include "io/signals.h"

enum {
    GATE_IDLE_MAX = 16384,
    SHARDS_MAX = 64,
    YEAR_2024_S = 1704067200,
};

static void logger_open(struct server *s, const struct config *c)
{
    bool journal = c != NULL && c->log_target == CONFIG_LOG_JOURNALD;
    logger_free(&s->logger);
    s->logger = logger_new(journal ? LOGGER_JOURNAL : LOGGER_STREAM, STDERR_FILENO,
                           isatty(STDERR_FILENO) == 1);
    s->log = logger_face(s->logger, c != NULL ? c->log_level : LOG_INFO);
    s->store_log = s->log;
    if (c != NULL)
        logger_limit(s->logger, c->limits.log_lines_per_second);
}

int server_fail(struct server *s, enum server_exit exit, const char *event, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    fprintf(stderr, "burbled: %s\n", text);
    if (s->logger == NULL)
        logger_open(s, NULL);
    struct log_line l;
    log_begin(&l, &s->log, LOG_CRITICAL, event);
    log_num(&l, "exit", exit);
    log_z(&l, "cond", text);
    log_end(&l);
    return exit;
}

static int refuse_config(struct server *s, const char *event, const struct config_errors *errors)
{
    config_errors_print(errors, stderr);
    return server_fail(s, EXIT_BAD_CONFIG, event, "%s: errors: %u; it is not served",
                       s->config_path, (unsigned)errors->error_count);
}

/* On the heap, to be freed by the caller. */
static char *path_in(const struct config *c, const char *name)
{
    struct buf text = {0};
    buf_printf(&text, "%s/%s", c->data_dir, name);
    char *path = mem_copy(buf_slice(&text));
    buf_free(&text);
    return path;
}

static void warn_of_readers(struct server *s, const struct config *c)
{
    struct log_line l;
    log_begin(&l, &s->log, LOG_WARNING, "store.perm");
    log_z(&l, "path", c->data_dir);
    log_z(&l, "cond", "others may look into it; chmod 700 it");
    log_end(&l);
}

/* O09. */
static int take_lock(struct server *s, const struct config *c)
{
    char *path = path_in(c, "burbled.lock");
    pid_t pid;
    int exit = EXIT_GOOD, err = file_lock(path, &s->lock_fd, &pid);
    if (err == ERR_BUSY)
        exit =
            server_fail(s, EXIT_TRY_LATER, "store.locked",
                        "%s: in use: a server runs on it already, pid %ld", c->data_dir, (long)pid);
    else if (err != 0)
        exit = server_fail(s, EXIT_STORAGE, err == ERR_READONLY ? "store.readonly" : "store.perm",
                           "%s: %s (running as uid %u)", path, err_text(err), (unsigned)geteuid());
    mem_free(path);
    return exit;
}

/* O08. */
static int take_data_dir(struct server *s, const struct config *c)
{
    struct file_facts facts = {0};
    int err = dir_make(c->data_dir, &facts);
    if (err == ERR_REFUSED)
        return server_fail(s, EXIT_NOT_PERMITTED, "store.perm",
                           "%s: not ours: it must belong to uid %u and be writable", c->data_dir,
                           (unsigned)geteuid());
    if (err != 0)
        return server_fail(s, EXIT_CANNOT_MAKE, "store.perm",
                           "%s: expected a folder, or a place to make one: %s", c->data_dir,
                           err == ERR_EXISTS ? "something else has this name" : err_text(err));
    if (facts.others_read || facts.others_write)
        warn_of_readers(s, c);
    return take_lock(s, c);
}

/* The salts of users that do not exist are the same after a restart (V43). */
static int read_secret(struct server *s, const struct config *c)
{
    char *path = path_in(c, "secret");
    struct buf text = {0};
    int exit = EXIT_GOOD;
    int err = file_read(path, sizeof(s->fake_secret), &text, NULL);
    if (err == 0 && buf_len(&text) != sizeof(s->fake_secret))
        err = ERR_NOT_FOUND; /* the disk was full when it was made */
    if (err == 0) {
        memcpy(s->fake_secret, buf_slice(&text).ptr, sizeof(s->fake_secret));
    } else if (err == ERR_NOT_FOUND || err == ERR_LIMIT) {
        rng_bytes(&s->rng, s->fake_secret, sizeof(s->fake_secret));
        err = file_write(path, slice_of((const char *)s->fake_secret, sizeof(s->fake_secret)));
    }
    mem_wipe(text.ptr, text.cap);
    buf_free(&text);
    if (err != 0)
        exit = server_fail(s, EXIT_STORAGE, "store.perm", "%s: %s", path, err_text(err));
    mem_free(path);
    return exit;
}

static int open_listeners(struct server *s)
{
    struct buf problem = {0};
    int err = setup_open(s->setup, NULL, &problem), exit = EXIT_GOOD;
    if (err != 0)
        exit = server_fail(s,
                           err == ERR_REFUSED  ? EXIT_NOT_PERMITTED
                           : err == ERR_SYNTAX ? EXIT_BAD_CONFIG
                                               : EXIT_SYSTEM,
                           err == ERR_REFUSED ? "priv.fail" : "listen.fail", "cannot listen: %.*s",
                           SLICE_ARG(buf_slice(&problem)));
    buf_free(&problem);
    return exit;
}

/* --------------------------------------------------------------------------------------- threads
 */

static void job_run(void *work)
{
    struct job *job = work;
    job->run(job);
}

static void job_done(void *ctx, void *work, bool dropped)
{
    struct server *s = ctx;
    struct job *job = work;
    if (dropped)
        job->err = ERR_BUSY;
    shard_job_done(s->all.list[job->shard], job);
}

static int make_shards(struct server *s)
{
    const struct config *c = &s->setup->config;
    uint32_t count = c->shards != 0 ? c->shards : process_processors();
    s->all.count = count < SHARDS_MAX ? count : SHARDS_MAX;
    s->all.list = mem_array(s->all.count, sizeof(struct shard *));
    s->all.gate = gate_new(&s->setup->gate, GATE_IDLE_MAX, &s->rng);
    atomic_store(&s->all.next_conn, 1);
    rng_bytes(&s->rng, &s->owner_key, sizeof(s->owner_key));
    struct shard_options options = {.all = &s->all,
                                    .setup = s->setup,
                                    .log = &s->log,
                                    .owner_key = s->owner_key,
                                    .fake_secret = s->fake_secret};
    int exit = server_regions_make(s);
    if (exit != EXIT_GOOD)
        return exit;
    for (uint32_t i = 0; i < s->all.count; i++) {
        options.index = i;
        options.region = server_region(s, i);
        int err = shard_new(&options, &s->all.list[i]);
        if (err != 0)
            return server_fail(s, EXIT_SYSTEM, "start.fail", "cannot make shard %u: %s",
                               (unsigned)i, err_text(err));
    }
    return EXIT_GOOD;
}

static int start_threads(struct server *s)
{
    const struct config_limits *l = &s->setup->config.limits;
    int err =
        job_pool_start(l->pbkdf2_workers, l->pbkdf2_queue, job_run, job_done, s, &s->all.jobs);
    for (uint32_t i = 0; err == 0 && i < s->all.count; i++)
        err = shard_start(s->all.list[i]);
    if (err != 0)
        return server_fail(s, EXIT_SYSTEM, "start.fail", "cannot start threads: %s", err_text(err));
    process_no_more_threads();
    return EXIT_GOOD;
}

static int open_main(struct server *s)
{
    int fd;
    if (loop_init(&s->loop) != 0 || signals_open(&fd) != 0)
        return server_fail(s, EXIT_SYSTEM, "start.fail", "cannot make the main loop");
    s->signals.fd = fd;
    mailbox_init(&s->all.main_mails, &s->loop.waker);
    mailbox_init(&s->all.main_orders, &s->loop.waker);
    mailbox_init(&s->all.main_answers, &s->loop.waker);
    return EXIT_GOOD;
}

/* ------------------------------------------------------------------------------------- the order
 */

static void warn_environment(struct server *s)
{
    struct log_line l;
    if (s->descriptors < PROCESS_DESCRIPTORS_MIN) {
        log_begin(&l, &s->log, LOG_WARNING, "start.env");
        log_num(&l, "descriptors", (long long)s->descriptors);
        log_z(&l, "cond", "few descriptors: raise the limit (ulimit -n, LimitNOFILE)");
        log_end(&l);
    }
    const struct config *c = &s->setup->config;
    if (c->store == CONFIG_STORE_SQLITE && c->durability == CONFIG_DURABILITY_RELAXED) {
        log_begin(&l, &s->log, LOG_WARNING, "store.relaxed");
        log_z(&l, "cond", "a power cut may take messages that were acknowledged");
        log_end(&l);
    }
    if (s->started_wall_ms / 1000 < YEAR_2024_S) {
        log_begin(&l, &s->log, LOG_WARNING, "time.suspect");
        log_z(&l, "cond", "the clock of this machine is wrong; certificates will seem invalid");
        log_end(&l);
    }
}

/* The store and the certificates at the same time; a fault of the store is told first. */
static int open_files(struct server *s, struct config *c, struct config_errors *errors)
{
    int exit = read_secret(s, c);
    if (exit != EXIT_GOOD)
        return exit;
    struct server_opening *opening = server_store_begin(s, c);
    s->setup = setup_new(c, s->started_wall_ms / 1000, errors);
    exit = server_store_finish(s, &opening);
    if (exit == EXIT_GOOD && s->setup == NULL)
        exit = refuse_config(s, "tls.config", errors); /* O04 */
    return exit;
}

static int with_config(struct server *s, struct config *c, struct config_errors *errors)
{
    int exit = take_data_dir(s, c);
    if (exit == EXIT_GOOD)
        exit = server_refuse_half_restored(s, c);
    if (exit == EXIT_GOOD)
        exit = open_files(s, c, errors);
    if (exit == EXIT_GOOD)
        exit = open_listeners(s);
    if (exit == EXIT_GOOD)
        exit = open_main(s);
    if (exit == EXIT_GOOD)
        exit = make_shards(s);
    if (exit == EXIT_GOOD)
        exit = server_regions_recover(s);
    if (exit == EXIT_GOOD)
        exit = control_open(s, &s->control);
    if (exit == EXIT_GOOD)
        exit = start_threads(s);
    return exit;
}

static void log_start(struct server *s)
{
    struct log_line l;
    log_begin(&l, &s->log, LOG_INFO, "start");
    log_z(&l, "version", BURBLE_VERSION);
    log_num(&l, "pid", getpid());
    log_num(&l, "shards", s->all.count);
    log_num(&l, "hosts", s->setup->config.host_count);
    log_end(&l);
}

/* The file, and all that depends on it. */
static int read_file(struct server *s)
{
    struct config config = {0};
    struct config_errors errors = {0};
    int exit;
    if (config_load(s->config_path, &config, &errors) != 0) {
        exit = refuse_config(s, "config.error", &errors); /* O01 */
    } else {
        logger_open(s, &config);
        config_errors_print(&errors, stderr); /* warnings */
        config_errors_free(&errors);
        exit = with_config(s, &config, &errors);
    }
    config_free(&config);
    config_errors_free(&errors);
    return exit;
}

int server_start(struct server *s)
{
    struct now now = clock_now();
    s->lock_fd = s->signals.fd = -1;
    s->started_wall_ms = now.wall_ms;
    s->started_mono_ms = now.mono_ms;
    random_init(&s->rng);
    if (process_is_root())
        return server_fail(s, EXIT_NOT_PERMITTED, "priv.fail",
                           "does not run as root: start it as a user of its own, for example with "
                           "\"sudo -u burble burbled -c FILE\"");
    process_harden();
    s->descriptors = process_raise_descriptors(0);
    notify_open(&s->notify);
    int exit = read_file(s);
    if (exit != EXIT_GOOD)
        return exit;
    warn_environment(s);
    server_tell_restored(s, &s->setup->config);
    log_start(s);
    notify_ready(&s->notify);
    return EXIT_GOOD;
}

static void drop_main_mail(struct server *s)
{
    struct mailbox_node *n, *next;
    for (n = mailbox_take(&s->all.main_mails); n != NULL; n = next) {
        next = n->next;
        struct mail *m = CONTAINER_OF(n, struct mail, next_node);
        engine_drop_mail(&m);
    }
    for (n = mailbox_take(&s->all.main_orders); n != NULL; n = next) {
        next = n->next;
        mem_free(CONTAINER_OF(n, struct order, node));
    }
    for (n = mailbox_take(&s->all.main_answers); n != NULL; n = next) {
        next = n->next;
        struct store_request *r = CONTAINER_OF(n, struct store_request, link);
        store_request_free(&r);
    }
}

void server_free(struct server *s)
{
    for (uint32_t i = 0; i < s->all.count; i++)
        if (s->all.list[i] != NULL)
            shard_join(s->all.list[i]);
    job_pool_stop(&s->all.jobs);
    store_free(&s->all.store); /* what was submitted is answered before it returns */
    control_close(&s->control);
    for (uint32_t i = 0; i < s->all.count; i++)
        shard_free(&s->all.list[i]);
    mem_free(s->all.list);
    server_regions_free(s);
    drop_main_mail(s);
    reload_free(s);
    if (s->setup != NULL)
        setup_close(s->setup, NULL);
    setup_free(&s->setup);
    gate_free(&s->all.gate);
    if (s->signals.fd >= 0)
        signals_close(&s->signals.fd);
    if (s->loop.batch != NULL)
        loop_close(&s->loop);
    notify_close(&s->notify);
    file_unlock(&s->lock_fd);
    mem_wipe(s->fake_secret, sizeof(s->fake_secret));
    logger_free(&s->logger);
}
