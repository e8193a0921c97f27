/* A layer under SQLite for tests. Every method passes on to the default layer; writes and syncs may
 * fail or wait first, and are recorded after they were done. */
#include "db/shim_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

enum { SHIM_SECTOR = 512, SHIM_PATH = 512 };

struct plan {
    int code;
    size_t after, times;
};

/* A change of a file: a write, a new size (data NULL), or a sync (size SIZE_MAX) of all changes
 * before number at: those during the sync are not covered by it. */
struct change {
    enum shim_file file;
    char *data;
    size_t at, size;
};

struct shim_handle {
    sqlite3_file base;
    enum shim_file file;
    sqlite3_file *real;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    sqlite3_vfs vfs, *real;
    sqlite3_io_methods methods;
    struct plan plans[SHIM_FILES][SHIM_CALLS];
    size_t failed;
    int some_code;
    unsigned some;
    uint64_t some_state;
    bool holds[SHIM_FILES];
    bool held;
    bool recording;
    char *first; /* the database at the start of the record */
    size_t first_size;
    struct change *changes;
    size_t count, cap;
} shim = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return *state >> 33;
}

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct shim_handle *)f)->real;
}

static int planned(enum shim_file file, enum shim_call call)
{
    struct plan *p = &shim.plans[file][call];
    if (p->after > 0) {
        p->after--;
        return SQLITE_OK;
    }
    if (p->times > 0) {
        p->times -= p->times != SIZE_MAX;
        return p->code;
    }
    if (call == SHIM_WRITE && shim.some > 0 && next_random(&shim.some_state) % shim.some == 0)
        return shim.some_code;
    return SQLITE_OK;
}

static int fault(enum shim_file file, enum shim_call call)
{
    pthread_mutex_lock(&shim.lock);
    int code = planned(file, call);
    shim.failed += code != SQLITE_OK;
    while (call == SHIM_SYNC && shim.holds[file]) {
        shim.held = true;
        pthread_cond_broadcast(&shim.moved);
        pthread_cond_wait(&shim.moved, &shim.lock);
    }
    pthread_mutex_unlock(&shim.lock);
    return code;
}

static void record(enum shim_file file, const void *data, size_t at, size_t size)
{
    pthread_mutex_lock(&shim.lock);
    if (shim.recording) {
        if (shim.count == shim.cap) {
            shim.cap = shim.cap > 0 ? shim.cap * 2 : 1024;
            shim.changes = mem_resize(shim.changes, shim.cap, sizeof(*shim.changes));
        }
        struct change *c = &shim.changes[shim.count++];
        *c = (struct change){.file = file, .at = at, .size = size};
        if (data != NULL)
            c->data = mem_copy(slice_of(data, size));
    }
    pthread_mutex_unlock(&shim.lock);
}

static int shim_close(sqlite3_file *f)
{
    sqlite3_file *real = real_of(f);
    return real->pMethods->xClose(real);
}

static int shim_read(sqlite3_file *f, void *out, int n, sqlite3_int64 at)
{
    return real_of(f)->pMethods->xRead(real_of(f), out, n, at);
}

static int shim_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
    struct shim_handle *h = (struct shim_handle *)f;
    int code = fault(h->file, SHIM_WRITE);
    if (code == SQLITE_OK)
        code = h->real->pMethods->xWrite(h->real, data, n, at);
    if (code == SQLITE_OK)
        record(h->file, data, (size_t)at, (size_t)n);
    return code;
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct shim_handle *h = (struct shim_handle *)f;
    int code = h->real->pMethods->xTruncate(h->real, size);
    if (code == SQLITE_OK)
        record(h->file, NULL, (size_t)size, 0);
    return code;
}

static int shim_sync(sqlite3_file *f, int flags)
{
    struct shim_handle *h = (struct shim_handle *)f;
    size_t before = shim_moment();
    int code = fault(h->file, SHIM_SYNC);
    if (code == SQLITE_OK)
        code = h->real->pMethods->xSync(h->real, flags);
    if (code == SQLITE_OK)
        record(h->file, NULL, before, SIZE_MAX);
    return code;
}

static int shim_size(sqlite3_file *f, sqlite3_int64 *out)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), out);
}

static int shim_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int shim_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int shim_check_lock(sqlite3_file *f, int *out)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int shim_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int shim_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

/* Claims nothing about the disk: whatever a power cut can do, it may do. */
static int shim_device(sqlite3_file *f)
{
    (void)f;
    return 0;
}

static int shim_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static int shim_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}

static void shim_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int shim_shm_unmap(sqlite3_file *f, int remove)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static int shim_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags, int *out)
{
    (void)vfs;
    struct shim_handle *h = (struct shim_handle *)f;
    h->file = (flags & SQLITE_OPEN_WAL) != 0 ? SHIM_WAL : SHIM_DATABASE;
    h->real = (sqlite3_file *)(void *)(h + 1);
    int code = shim.real->xOpen(shim.real, name, h->real, flags, out);
    h->base.pMethods = h->real->pMethods != NULL ? &shim.methods : NULL;
    return code;
}

static void register_once(void)
{
    shim.real = sqlite3_vfs_find(NULL);
    CHECK(shim.real != NULL);
    shim.vfs = *shim.real;
    shim.vfs.zName = SHIM_VFS;
    shim.vfs.pNext = NULL;
    shim.vfs.szOsFile = (int)sizeof(struct shim_handle) + shim.real->szOsFile;
    shim.vfs.xOpen = shim_open;
    shim.methods = (sqlite3_io_methods){.iVersion = 2,
                                        .xClose = shim_close,
                                        .xRead = shim_read,
                                        .xWrite = shim_write,
                                        .xTruncate = shim_truncate,
                                        .xSync = shim_sync,
                                        .xFileSize = shim_size,
                                        .xLock = shim_lock,
                                        .xUnlock = shim_unlock,
                                        .xCheckReservedLock = shim_check_lock,
                                        .xFileControl = shim_control,
                                        .xSectorSize = shim_sector,
                                        .xDeviceCharacteristics = shim_device,
                                        .xShmMap = shim_shm_map,
                                        .xShmLock = shim_shm_lock,
                                        .xShmBarrier = shim_shm_barrier,
                                        .xShmUnmap = shim_shm_unmap};
    CHECK(sqlite3_vfs_register(&shim.vfs, 0) == SQLITE_OK);
}

void shim_reset(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_once);
    pthread_mutex_lock(&shim.lock);
    memset(shim.plans, 0, sizeof(shim.plans));
    memset(shim.holds, 0, sizeof(shim.holds));
    shim.held = false;
    shim.failed = 0;
    shim.some = 0;
    pthread_cond_broadcast(&shim.moved);
    pthread_mutex_unlock(&shim.lock);
}

void shim_fail(enum shim_file file, enum shim_call call, int code, size_t after, size_t times)
{
    pthread_mutex_lock(&shim.lock);
    shim.plans[file][call] = (struct plan){.code = code, .after = after, .times = times};
    pthread_mutex_unlock(&shim.lock);
}

void shim_fail_some(int code, unsigned n, uint64_t seed)
{
    pthread_mutex_lock(&shim.lock);
    shim.some_code = code;
    shim.some = n;
    shim.some_state = seed;
    pthread_mutex_unlock(&shim.lock);
}

size_t shim_failed(void)
{
    pthread_mutex_lock(&shim.lock);
    size_t failed = shim.failed;
    pthread_mutex_unlock(&shim.lock);
    return failed;
}

void shim_hold(enum shim_file file)
{
    pthread_mutex_lock(&shim.lock);
    shim.holds[file] = true;
    shim.held = false;
    pthread_mutex_unlock(&shim.lock);
}

void shim_wait_held(void)
{
    pthread_mutex_lock(&shim.lock);
    while (!shim.held)
        pthread_cond_wait(&shim.moved, &shim.lock);
    pthread_mutex_unlock(&shim.lock);
}

void shim_let_go(void)
{
    pthread_mutex_lock(&shim.lock);
    memset(shim.holds, 0, sizeof(shim.holds));
    pthread_cond_broadcast(&shim.moved);
    pthread_mutex_unlock(&shim.lock);
}

void shim_record(const char *path)
{
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL && fseek(f, 0, SEEK_END) == 0);
    long size = ftell(f);
    CHECK(size >= 0 && fseek(f, 0, SEEK_SET) == 0);
    pthread_mutex_lock(&shim.lock);
    shim.first_size = (size_t)size;
    shim.first = mem_alloc(shim.first_size);
    CHECK(fread(shim.first, 1, shim.first_size, f) == shim.first_size);
    shim.recording = true;
    pthread_mutex_unlock(&shim.lock);
    fclose(f);
}

size_t shim_moment(void)
{
    pthread_mutex_lock(&shim.lock);
    size_t count = shim.count;
    pthread_mutex_unlock(&shim.lock);
    return count;
}

void shim_record_end(void)
{
    pthread_mutex_lock(&shim.lock);
    for (size_t i = 0; i < shim.count; i++)
        mem_free(shim.changes[i].data);
    mem_free(shim.changes);
    mem_free(shim.first);
    shim.changes = NULL;
    shim.first = NULL;
    shim.count = shim.cap = 0;
    shim.recording = false;
    pthread_mutex_unlock(&shim.lock);
}

struct image {
    char *bytes;
    size_t size, cap;
};

static void image_resize(struct image *image, size_t size)
{
    if (size > image->cap) {
        image->cap = size + size / 2;
        image->bytes = mem_resize(image->bytes, image->cap, 1);
    }
    if (size > image->size)
        memset(image->bytes + image->size, 0, size - image->size);
    image->size = size;
}

/* random NULL: as it is, else sector by sector. */
static void image_apply(struct image *image, const struct change *c, uint64_t *random)
{
    if (c->size == SIZE_MAX)
        return;
    if (c->data == NULL) {
        if (random == NULL || next_random(random) % 2 == 0)
            image_resize(image, c->at);
        return;
    }
    for (size_t done = 0; done < c->size;) {
        size_t at = c->at + done, n = SHIM_SECTOR - at % SHIM_SECTOR;
        n = n < c->size - done ? n : c->size - done;
        if (random == NULL || next_random(random) % 2 == 0) {
            if (image->size < at + n)
                image_resize(image, at + n);
            memcpy(image->bytes + at, c->data + done, n);
        }
        done += n;
    }
}

static void write_image(const struct image *image, const char *path)
{
    FILE *f = fopen(path, "wb");
    CHECK(f != NULL);
    CHECK(fwrite(image->bytes, 1, image->size, f) == image->size);
    CHECK(fclose(f) == 0);
}

void shim_crash(size_t moment, uint64_t seed, const char *path_out)
{
    static const char *const suffixes[SHIM_FILES] = {"", "-wal"};
    struct image images[SHIM_FILES] = {0};
    size_t synced[SHIM_FILES] = {0, 0};
    pthread_mutex_lock(&shim.lock);
    CHECK(moment <= shim.count);
    image_resize(&images[SHIM_DATABASE], shim.first_size);
    memcpy(images[SHIM_DATABASE].bytes, shim.first, shim.first_size);
    for (size_t i = 0; i < moment; i++)
        if (shim.changes[i].size == SIZE_MAX && shim.changes[i].at > synced[shim.changes[i].file])
            synced[shim.changes[i].file] = shim.changes[i].at;
    for (size_t i = 0; i < moment; i++) {
        const struct change *c = &shim.changes[i];
        image_apply(&images[c->file], c, i < synced[c->file] ? NULL : &seed);
    }
    pthread_mutex_unlock(&shim.lock);
    for (size_t i = 0; i < SHIM_FILES; i++) {
        char path[SHIM_PATH];
        snprintf(path, sizeof(path), "%s%s", path_out, suffixes[i]);
        if (images[i].size > 0)
            write_image(&images[i], path);
        else
            (void)unlink(path);
        mem_free(images[i].bytes);
    }
}
