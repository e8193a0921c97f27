/* The numbers of owners and names, for the writing connection: both are looked up for every
 * operation, so the most recent owners are kept in memory up to a limit, and all names (they are
 * literals of the source, hence few). What a transaction made is forgotten when it is rolled back.
 */
#ifndef DB_SQLITE_NAMES_H
#define DB_SQLITE_NAMES_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"

/* SQLite numbers rows from 1. */
#define SQLITE_NAMES_NONE INT64_C(0)

struct sqlite_names {
    sqlite3 *db;
    struct hash_key key;
    struct hmap owners, names;
    struct list recent; /* owners, the latest used first */
    size_t owners_max;
    uint64_t serial; /* of the transaction */
    sqlite3_stmt *find_owner, *make_owner, *drop_owner, *find_name, *make_name;
};

/* Prepares statements; 0 or an error, after which nothing is held. */
int sqlite_names_open(struct sqlite_names *n, sqlite3 *db, size_t owners_max);
void sqlite_names_close(struct sqlite_names *n);

void sqlite_names_begin(struct sqlite_names *n);
void sqlite_names_rollback(struct sqlite_names *n);

/* *id_out is SQLITE_NAMES_NONE when there is none and it is not to be made. */
int sqlite_names_owner(struct sqlite_names *n, struct slice owner, bool make, int64_t *id_out);
int sqlite_names_name(struct sqlite_names *n, struct slice name, bool make, int64_t *id_out);
/* The owner's number is given up. */
int sqlite_names_drop_owner(struct sqlite_names *n, struct slice owner, int64_t id);

#endif
