/* A layer under SQLite for tests: fails, holds or records what it does with the database and its
 * write-ahead log. One per process; any thread. */
#ifndef DB_SHIM_VFS_H
#define DB_SHIM_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHIM_VFS "shim"

enum shim_file { SHIM_DATABASE, SHIM_WAL, SHIM_FILES };
enum shim_call { SHIM_WRITE, SHIM_SYNC, SHIM_CALLS };

/* Registers the layer, forgets every plan. */
void shim_reset(void);
/* The call fails with this result code of SQLite: first `after` calls succeed, then `times` fail
 * (SIZE_MAX: until it is reset). A failed write or sync does nothing. */
void shim_fail(enum shim_file file, enum shim_call call, int code, size_t after, size_t times);
/* Calls that have failed so far. */
size_t shim_failed(void);
/* Every n-th write of either file fails from now on, by a fixed pattern; 0: none. */
void shim_fail_some(int code, unsigned n, uint64_t seed);

/* Syncs of this file wait until they are let go. */
void shim_hold(enum shim_file file);
/* Waits until one does. */
void shim_wait_held(void);
void shim_let_go(void);

/* Records all changes of both files from now on. The database must be closed and exist. */
void shim_record(const char *path);
/* Changes so far: the moment that is passed to shim_crash. */
size_t shim_moment(void);
/* Writes the files as a power cut at that moment may have left them: what was synced is there; of
 * the rest, each sector of 512 bytes is there or not, as the seed has it. */
void shim_crash(size_t moment, uint64_t seed, const char *path_out);
/* Forgets the record. */
void shim_record_end(void);

#endif
