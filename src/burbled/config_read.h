/* Inside of the configuration reader, between config.c, config_read.c and config_check.c. */
#ifndef BURBLED_CONFIG_READ_H
#define BURBLED_CONFIG_READ_H

#include <libconfig.h>
#include <stdbool.h>

#include "burbled/config.h"

/* The names given to settings that were refused as duplicates begin so. */
#define CONFIG_DUPLICATE_PREFIX "**"

struct config_key;

struct config_group;

struct config_reader {
    struct config_errors *errors;
    const char *name; /* of the file in messages */
    const char *dir;  /* relative paths are relative to it; NULL: paths are left alone */
    bool private;     /* nothing of the text is shown in messages about its syntax */
    bool duplicates;  /* some setting was renamed */
};

/* What a file is read into: the schema of its settings, and what no single key shows. */
struct config_shape {
    const struct config_group *root;
    void (*check)(struct config_reader *r, const config_setting_t *root, void *out);
};

/* Reads text into the zeroed struct at out by a schema; @include is refused. 0, or ERR_SYNTAX with
 * everything found in r->errors, sorted. What out holds belongs to the caller in any case. */
int config_load_shape(struct slice text, struct config_reader *r, const struct config_shape *shape,
                      void *out);

/* Where a setting stands. */
const char *config_reader_file(const struct config_reader *r, const config_setting_t *s);
uint32_t config_reader_line(const config_setting_t *s);

/* An error about a setting. */
void config_reader_error(struct config_reader *r, const config_setting_t *s, const char *key,
                         const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* "expected ..., found ...". */
void config_value_wrong(struct config_reader *r, const config_setting_t *s, const char *path,
                        const char *expected);
/* Reads one value, no group or list of groups, into its field of the struct at base. */
void config_value_read(struct config_reader *r, const config_setting_t *s,
                       const struct config_key *key, void *base, const char *path);

/* Fills the struct at out with what the settings say, and defaults for the rest. Errors are added;
 * what was wrong keeps its default. Owned by the caller in any case. */
void config_read_all(struct config_reader *r, const config_setting_t *root,
                     const struct config_group *group, void *out);

/* What no single key shows: pairs, doubles, public addresses, files that cannot be read. Also
 * fills the computed fields. */
void config_check_all(struct config_reader *r, const config_setting_t *root, void *config);

#endif
