/* The file of the accounts on the disk: where it is, who may read it (C12), how it is replaced. */
#ifndef BURBLE_ACCOUNT_FILE_H
#define BURBLE_ACCOUNT_FILE_H

#include "base/buf.h"
#include "base/slice.h"
#include "burble/account.h"

struct app;

/* Reads and checks accounts.conf. No file is no account. 0 or EXIT_USAGE, having said why and what
 * to do; accounts_wipe in any case. */
int accounts_load(const struct app *app, struct accounts *out);

/* The text of the file, for changing it; empty when there is none. 0 or EXIT_USAGE. Wipe it. */
int account_file_read(const struct app *app, struct buf *out);
/* Makes the folder, refuses text that could not be read again, replaces the file as a whole, 0600:
 * 0 or an exit code, having said why. */
int account_file_write(const struct app *app, struct slice text);

#endif
