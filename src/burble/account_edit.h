/* Changes to the text of an accounts.conf that leave everything else as it is, comments too. */
#ifndef BURBLE_ACCOUNT_EDIT_H
#define BURBLE_ACCOUNT_EDIT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"
#include "burble/account.h"

/* All: text is one that accounts_parse accepts; the changed text is appended to *out, which has
 * room for it from the start, so that no copy of a password stays behind. 0 or ERR_MEMORY. */

/* Adds an account behind the others. */
int account_edit_add(struct slice text, const struct account *a, struct buf *out);
/* Takes out the account at a position (from 0) of the list. */
int account_edit_remove(struct slice text, size_t at, struct buf *out);
/* Replaces the stored password of the account at a position; ERR_NOT_FOUND: it has none. */
int account_edit_password(struct slice text, size_t at, struct slice password, struct buf *out);
/* Sets the default; an empty name takes it out. */
int account_edit_default(struct slice text, struct slice name, struct buf *out);

#endif
