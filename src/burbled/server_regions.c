/* Sessions outlive the process: each shard writes its own into a file of data_dir/sessions
 * (core/region.h, io/region_file.h). At the start a new generation of files is made, what the last
 * process left is put into it, spread anew over the shards, and it takes the place of the old one
 * before the first connection. So the number of shards may change, and a start may be killed. */
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "burbled/server_inside.h"
#include "core/module.h"
#include "core/region.h"
#include "io/region_file.h"

enum {
    FIRST_BYTES = 1 << 20,
    PATH_BYTES = 1024,
};

struct server_regions {
    struct server_file {
        struct server *server;
        struct region_file file;
        struct region *region;
    } * list;
    uint32_t count;
    struct region_stamp stamp;
    /* What was found. */
    unsigned good, sessions, tails, damaged, stale, foreign;
};

static void tell(struct server *s, const char *event, const char *cond)
{
    struct log_line l;
    log_begin(&l, &s->log, LOG_WARNING, event);
    log_z(&l, "cond", cond);
    log_end(&l);
}

/* On the thread of a shard. */
static bool grow(void *ctx, size_t bytes)
{
    struct server_file *f = ctx;
    return region_file_grow(&f->file, bytes);
}

static void full(void *ctx)
{
    const struct server_file *f = ctx;
    bool limit = f->file.bytes >= f->file.bytes_max;
    struct log_line l;
    log_begin(&l, &f->server->store_log, LOG_WARNING, "sessions.full");
    log_num(&l, "bytes", (long long)f->file.bytes);
    log_num(&l, "limit", (long long)f->file.bytes_max);
    log_z(&l, "cond",
          limit ? "some sessions cannot be resumed: limits.sessions_bytes is reached"
                : "some sessions cannot be resumed: the disk is full");
    log_end(&l);
}

/* What the meaning of the bytes depends on, beyond the region's own format. */
static uint64_t layout(void)
{
    static const struct hash_key key = {0x6275, 0x7262};
    uint64_t hash = NODE_STATE_FORMAT;
    for (size_t i = 0; MODULES[i] != NULL; i++)
        hash =
            hash_pair(&key, slice_of((const char *)&hash, sizeof(hash)), slice_z(MODULES[i]->name));
    return hash;
}

static int make_files(struct server *s, struct server_regions *r)
{
    const struct config *c = &s->setup->config;
    size_t bytes_max = c->limits.sessions_bytes / r->count;
    int err = boot_id_read(BOOT_ID_PATH, r->stamp.boot_id);
    r->stamp.layout = layout();
    if (err == 0)
        err = region_dir_begin(c->data_dir);
    for (uint32_t i = 0; err == 0 && i < r->count; i++) {
        struct server_file *f = &r->list[i];
        char path[PATH_BYTES];
        snprintf(path, sizeof(path), "%s/sessions.new/%u", c->data_dir, (unsigned)i);
        err = region_file_make(path, bytes_max < FIRST_BYTES ? bytes_max : FIRST_BYTES, bytes_max,
                               &f->file);
        if (err != 0)
            break;
        f->server = s;
        struct region_memory memory = {.base = f->file.base,
                                       .bytes = f->file.bytes,
                                       .bytes_max = f->file.bytes_max,
                                       .grow = grow,
                                       .full = full,
                                       .ctx = f};
        f->region = region_new(&memory, &r->stamp);
    }
    return err;
}

int server_regions_make(struct server *s)
{
    const struct config *c = &s->setup->config;
    if (c->store == CONFIG_STORE_MEMORY)
        return EXIT_GOOD; /* nothing outlives the process */
    struct server_regions *r = s->regions = mem_new(struct server_regions);
    r->count = s->all.count;
    r->list = mem_array(r->count, sizeof(*r->list));
    int err = make_files(s, r);
    if (err == 0)
        return EXIT_GOOD;
    /* Without them; but then what is left of the last process is outdated at the next start. */
    char text[256];
    snprintf(text, sizeof(text), "sessions cannot be resumed when this process ended: %s",
             err_text(err));
    tell(s, err == ERR_FULL ? "sessions.full" : "sessions.off", text);
    server_regions_free(s);
    err = region_dir_drop(c->data_dir);
    return err == 0 ? EXIT_GOOD
                    : server_fail(s, EXIT_STORAGE, "store.perm",
                                  "%s/sessions: cannot be removed: %s", c->data_dir, err_text(err));
}

struct region *server_region(const struct server *s, uint32_t shard)
{
    return s->regions != NULL ? s->regions->list[shard].region : NULL;
}

/* ---------------------------------------------------------------------------------------- recovery
 */

static void on_image(void *ctx, struct slice image)
{
    struct server *s = ctx;
    struct server_regions *r = s->regions;
    struct region_image read;
    struct jid account;
    if (!node_image_account(image, &account) || !region_image_read(image, &read)) {
        r->damaged++;
        return;
    }
    if (read.kind == REGION_SESSION)
        r->sessions++;
    else
        r->tails++;
    uint32_t shard = (uint32_t)(hash_bytes(&s->owner_key, jid_bare(&account)) % r->count);
    shard_restore(s->all.list[shard], image);
}

static int read_file(struct server *s, const char *path)
{
    struct server_regions *r = s->regions;
    struct region_copy copy;
    size_t used;
    unsigned damaged = 0;
    int err = region_copy_read(path, REGION_BLOCK, &copy); /* is the rest worth reading? */
    if (err != 0)
        return err;
    enum region_trust trust = region_judge(copy.base, copy.bytes, &r->stamp, &used);
    region_copy_free(&copy);
    if (trust == REGION_GOOD) {
        err = region_copy_read(path, used, &copy);
        if (err != 0)
            return err;
        trust = region_recover(copy.base, copy.bytes, &r->stamp, on_image, s, &damaged);
        region_copy_free(&copy);
    }
    r->good += trust == REGION_GOOD;
    r->stale += trust == REGION_STALE;
    r->foreign += trust == REGION_FOREIGN;
    r->damaged += damaged + (trust == REGION_DAMAGED);
    return 0;
}

static void on_file(void *ctx, const char *path)
{
    struct server *s = ctx;
    struct log_line l;
    int err = read_file(s, path);
    if (err == 0)
        return;
    log_begin(&l, &s->log, LOG_WARNING, "sessions.damaged");
    log_z(&l, "path", path);
    log_z(&l, "cond", err_text(err));
    log_end(&l);
}

static void log_found(struct server *s)
{
    const struct server_regions *r = s->regions;
    struct log_line l;
    if (r->sessions > 0 || r->tails > 0) {
        log_begin(&l, &s->log, LOG_INFO, "sessions.recovered");
        log_num(&l, "sessions", r->sessions);
        log_num(&l, "tails", r->tails);
        log_end(&l);
    }
    if (r->stale > 0)
        tell(s, "sessions.stale", "the machine was started anew; no session can be resumed");
    if (r->foreign > 0)
        tell(s, "sessions.foreign", "left by another version; no session can be resumed");
    if (r->damaged > 0) {
        log_begin(&l, &s->log, LOG_WARNING, "sessions.damaged");
        log_num(&l, "records", r->damaged);
        log_z(&l, "cond", "these cannot be resumed");
        log_end(&l);
    }
}

int server_regions_recover(struct server *s)
{
    const char *dir = s->setup->config.data_dir;
    if (s->regions == NULL)
        return EXIT_GOOD;
    int err = region_dir_each(dir, on_file, s);
    if (err == 0 || err == ERR_NOT_FOUND)
        err = region_dir_commit(dir);
    if (err != 0)
        return server_fail(s, EXIT_STORAGE, "store.perm", "%s/sessions: cannot be replaced: %s",
                           dir, err_text(err));
    log_found(s);
    /* An orderly stop has written them to the store, too: for where the files say nothing. In any
     * case they are outdated from now on. */
    for (uint32_t i = 0; i < s->all.count; i++)
        shard_restore_saved(s->all.list[i], s->regions->good == 0);
    return EXIT_GOOD;
}

void server_regions_free(struct server *s)
{
    struct server_regions *r = s->regions;
    if (r == NULL)
        return;
    for (uint32_t i = 0; i < r->count; i++) {
        region_free(&r->list[i].region);
        region_file_close(&r->list[i].file);
    }
    mem_free(r->list);
    mem_free(r);
    s->regions = NULL;
}
