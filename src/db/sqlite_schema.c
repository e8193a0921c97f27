/* Tables and migrations.
 *
 * Every key is narrow: owners and names are numbers. An item stands at its place in the list of its
 * owner and name, so that a list is one scan; the empty key is always at place 0 and needs no
 * second index. A holder row exists while an owner has any item of a name, so that owners can be
 * listed in byte order. An entry of the log is written once; the owners in its row are the truth,
 * and entry_owner is the index by owner. Positions are never used twice: state.position is the last
 * one given, also when its entry is gone. What says what the database is: state.identity. Positions
 * of entries whose value was replaced stand in revised until what is derived from them has followed
 * (sqlite_derived.h); the last row stays, so that its number is not given again. */
#include "db/sqlite_schema.h"

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "db/sql.h"

static const char *const schema_steps[] = {
    /* 1 */
    "CREATE TABLE state ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  commits INTEGER NOT NULL,"
    "  position INTEGER NOT NULL,"
    "  indexed INTEGER NOT NULL,"
    "  clean INTEGER NOT NULL"
    ");"
    "INSERT INTO state VALUES (1, 0, 0, 0, 1);"
    "CREATE TABLE owner ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  owner BLOB NOT NULL UNIQUE"
    ");"
    "CREATE TABLE name ("
    "  id INTEGER PRIMARY KEY,"
    "  name BLOB NOT NULL UNIQUE"
    ");"
    "CREATE TABLE item ("
    "  owner INTEGER NOT NULL,"
    "  name INTEGER NOT NULL,"
    "  place INTEGER NOT NULL,"
    "  key BLOB NOT NULL,"
    "  value BLOB NOT NULL,"
    "  PRIMARY KEY (owner, name, place)"
    ") WITHOUT ROWID;"
    "CREATE UNIQUE INDEX item_key ON item (owner, name, key) WHERE place > 0;"
    "CREATE TABLE holder ("
    "  name INTEGER NOT NULL,"
    "  owner BLOB NOT NULL,"
    "  PRIMARY KEY (name, owner)"
    ") WITHOUT ROWID;"
    "CREATE TABLE entry ("
    "  position INTEGER PRIMARY KEY,"
    "  name INTEGER NOT NULL,"
    "  wall_ms INTEGER NOT NULL,"
    "  flags INTEGER NOT NULL,"
    "  owner1 INTEGER, owner2 INTEGER, owner3 INTEGER, owner4 INTEGER,"
    "  origin BLOB NOT NULL,"
    "  peer BLOB NOT NULL,"
    "  payload BLOB NOT NULL"
    ");"
    "CREATE TABLE entry_owner ("
    "  owner INTEGER NOT NULL,"
    "  name INTEGER NOT NULL,"
    "  position INTEGER NOT NULL,"
    "  PRIMARY KEY (owner, name, position)"
    ") WITHOUT ROWID;",
    /* 2 */
    "ALTER TABLE state ADD COLUMN identity BLOB NOT NULL DEFAULT x'';"
    "UPDATE state SET identity=randomblob(16);"
    "CREATE TABLE revised ("
    "  id INTEGER PRIMARY KEY,"
    "  position INTEGER NOT NULL"
    ");",
};

enum { SCHEMA_STEPS = sizeof(schema_steps) / sizeof(schema_steps[0]) };

int sqlite_schema_newest(void)
{
    return SCHEMA_STEPS;
}

static int take_step(sqlite3 *db, const char *step, int version)
{
    char text[64];
    snprintf(text, sizeof(text), "PRAGMA user_version=%d", version);
    int err = sql_exec(db, "BEGIN IMMEDIATE");
    if (err != 0)
        return err;
    err = sql_exec(db, step);
    if (err == 0)
        err = sql_exec(db, text);
    if (err == 0)
        err = sql_exec(db, "COMMIT");
    if (err != 0 && sqlite3_get_autocommit(db) == 0)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

int sqlite_schema_steps(sqlite3 *db, const char *const *steps, int n, int *version_out)
{
    int64_t application = 0, version = 0;
    int err = sql_number(db, "PRAGMA application_id", &application);
    if (err == 0)
        err = sql_number(db, "PRAGMA user_version", &version);
    if (err != 0)
        return err;
    *version_out = (int)version;
    if (application != SQLITE_SCHEMA_APPLICATION || version < 0)
        return ERR_CORRUPT;
    if (version > n)
        return ERR_SCHEMA;
    for (int i = (int)version; i < n && err == 0; i++)
        err = take_step(db, steps[i], i + 1);
    return err;
}

int sqlite_schema_migrate(sqlite3 *db, int *version_out)
{
    return sqlite_schema_steps(db, schema_steps, SCHEMA_STEPS, version_out);
}
