/* The tables of the SQLite driver and the way from each version of them to the next. */
#ifndef DB_SQLITE_SCHEMA_H
#define DB_SQLITE_SCHEMA_H

#include <sqlite3.h>
#include <stddef.h>

/* "brbl": tells a database of ours from any other file of SQLite. */
enum { SQLITE_SCHEMA_APPLICATION = 0x6272626c };

/* The newest version that this binary knows. */
int sqlite_schema_newest(void);

/* Brings an open, writable database to the newest version; each step is one transaction together
 * with its version number, so that a kill leaves the old or the new. 0; ERR_SCHEMA when it is newer
 * than that (*version_out says which), ERR_CORRUPT when it is not one of ours, or what SQLite says.
 */
int sqlite_schema_migrate(sqlite3 *db, int *version_out);

/* The same over a given list of steps, for tests. */
int sqlite_schema_steps(sqlite3 *db, const char *const *steps, int n, int *version_out);

#endif
