/* The commands that look at the configuration themselves: `check`, and `limits` where no server
 * runs. */
#ifndef BURBLECTL_CHECK_H
#define BURBLECTL_CHECK_H

#include "burblectl/options.h"
#include "burblectl/output.h"

/* Both return the exit status and write rows to o. data_dir NULL: that of the configuration. */
int check_run(const struct options *options, const char *data_dir, struct output *o);

/* Rows like those of the server's answer. config NULL: the defaults. Returns the exit status. */
int check_limits(const char *config, struct output *o);

#endif
