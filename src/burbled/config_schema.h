/* The schema of the configuration file as data: what config_read.c reads by, what the option
 * reference is printed from, what the nearest valid key is looked for in. */
#ifndef BURBLED_CONFIG_SCHEMA_H
#define BURBLED_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum config_key_type {
    CONFIG_KEY_BOOL,    /* bool */
    CONFIG_KEY_NUMBER,  /* uint32_t in min..max */
    CONFIG_KEY_CHOICE,  /* enum; choices[i] is the value i */
    CONFIG_KEY_STRING,  /* char *, NULL when absent */
    CONFIG_KEY_STRINGS, /* struct config_strings; a single string is a list of one */
    CONFIG_KEY_GROUP,   /* { ... }: struct inside the outer one */
    CONFIG_KEY_LIST,    /* ( { ... }, ... ): pointer to an array and a uint32_t count */
};

/* Prepares one string: false when it is not what is expected. NULL: anything but control
 * characters. */
typedef bool config_prepare_fn(struct slice in, struct buf *out);

struct config_key {
    const char *name;
    enum config_key_type type;
    bool required;
    bool path;   /* a string that is a path: made absolute */
    bool secret; /* a string that no message repeats */
    size_t offset;
    size_t count_offset;  /* LIST: of the uint32_t */
    uint32_t min, max;    /* NUMBER: range; LIST and STRINGS: entries */
    uint32_t def;         /* BOOL, NUMBER, CHOICE */
    const char *def_text; /* STRING: the default, may be NULL; others: words for the reference */
    const char *const *choices;       /* NULL-terminated */
    config_prepare_fn *prepare;       /* STRING, STRINGS */
    const char *expected;             /* STRING, STRINGS: "a domain name", for messages */
    const struct config_group *group; /* GROUP, LIST */
    const char *unit;                 /* for the reference; may be NULL */
    const char *doc;                  /* one line */
};

struct config_group {
    const struct config_key *keys;
    size_t count;
    size_t size;         /* LIST: of one element's struct */
    size_t place_offset; /* LIST: of its struct config_place */
};

extern const struct config_group CONFIG_ROOT;
extern const struct config_group CONFIG_LIMITS_GROUP;

/* NULL: no such key. */
const struct config_key *config_group_find(const struct config_group *group, const char *name);
/* The key with the smallest edit distance to a misspelt name, NULL when nothing is near. */
const struct config_key *config_group_nearest(const struct config_group *group, const char *name);

#endif
