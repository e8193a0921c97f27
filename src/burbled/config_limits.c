/* The table of limits, expanded from config_limits.h, and its defaults. Pure. */
#include "burbled/config_limits.h"

#include <string.h>

#define CONFIG_LIMIT_ROW(id_, name_, unit_, def_, min_, max_, off_, doc_)                          \
    {.id = (id_),                                                                                  \
     .name = #name_,                                                                               \
     .unit = (unit_),                                                                              \
     .def = (def_),                                                                                \
     .min = (min_),                                                                                \
     .max = (max_),                                                                                \
     .off = (off_),                                                                                \
     .offset = offsetof(struct config_limits, name_),                                              \
     .doc = (doc_)},

const struct config_limit CONFIG_LIMIT_TABLE[] = {CONFIG_LIMITS(CONFIG_LIMIT_ROW)};
const size_t CONFIG_LIMIT_COUNT = sizeof(CONFIG_LIMIT_TABLE) / sizeof(CONFIG_LIMIT_TABLE[0]);

static void limit_set(struct config_limits *limits, const struct config_limit *limit, uint32_t to)
{
    memcpy((char *)limits + limit->offset, &to, sizeof(to));
}

void config_limits_default(struct config_limits *out)
{
    out->rate = true;
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++)
        limit_set(out, &CONFIG_LIMIT_TABLE[i], CONFIG_LIMIT_TABLE[i].def);
}

void config_limits_rate_off(struct config_limits *limits)
{
    limits->rate = false;
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++) {
        const struct config_limit *l = &CONFIG_LIMIT_TABLE[i];
        if (l->off != CONFIG_LIMIT_STAYS)
            limit_set(limits, l, (uint32_t)l->off);
    }
}

uint32_t config_limits_get(const struct config_limits *limits, const struct config_limit *limit)
{
    uint32_t value;
    memcpy(&value, (const char *)limits + limit->offset, sizeof(value));
    return value;
}

const struct config_limit *config_limit_find(struct slice name)
{
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++) {
        if (slice_eq(name, slice_z(CONFIG_LIMIT_TABLE[i].name)))
            return &CONFIG_LIMIT_TABLE[i];
    }
    return NULL;
}

const char *config_unit_name(enum config_unit unit)
{
    static const char *const NAMES[] = {
        [CONFIG_BYTES] = "bytes",
        [CONFIG_COUNT] = "",
        [CONFIG_SECONDS] = "seconds",
        [CONFIG_PERCENT] = "percent",
        [CONFIG_MIB] = "MiB",
        [CONFIG_PER_SECOND] = "per second",
        [CONFIG_PER_MINUTE] = "per minute",
        [CONFIG_PER_HOUR] = "per hour",
        [CONFIG_BYTES_PER_SECOND] = "bytes per second",
    };
    return NAMES[unit];
}
