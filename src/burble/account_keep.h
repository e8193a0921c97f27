/* What commands that make or change accounts keep in accounts.conf. Passwords are wiped behind. */
#ifndef BURBLE_ACCOUNT_KEEP_H
#define BURBLE_ACCOUNT_KEEP_H

#include "base/slice.h"

struct app;

/* Could app->account be added with this password? 0 or an exit code, having said why: before there
 * is an account on the server that is to be kept. */
int account_keep_check(struct app *app, struct slice password);
/* Adds it. 0 or an exit code, having said why. */
int account_keep_new(struct app *app, struct slice password);

/* The account of app->account has a new password: replaced where the old one is stored, in
 * accounts.conf (every entry of the address) or in the account's password file. What is stored
 * nowhere, or not by us, is left alone: *kept_out is false then. 0 or an exit code, having said
 * why. */
int account_keep_password(struct app *app, struct slice password, bool *kept_out);

#endif
