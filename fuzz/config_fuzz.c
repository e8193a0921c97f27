/* The configuration file: any bytes are either refused with at least one error, or give a struct
 * that keeps its promises. No file is touched: includes are refused, paths are left alone. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "burbled/config.h"

enum { INPUT_BYTES_MAX = 16384 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libconfig 1.5 leaks the text that stood before a syntax error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig";
}
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

static void check_limits(const struct config *c)
{
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++) {
        const struct config_limit *l = &CONFIG_LIMIT_TABLE[i];
        uint32_t value = config_limits_get(&c->limits, l);
        if (c->limits.rate || l->off == CONFIG_LIMIT_STAYS)
            CHECK(value >= l->min && value <= l->max);
        else
            CHECK((int64_t)value == l->off);
    }
}

static void check_config(const struct config *c)
{
    CHECK(c->host_count >= 1 && c->host_count <= CONFIG_HOSTS_MAX);
    CHECK(c->listen_count >= 1 && c->listen_count <= CONFIG_LISTEN_MAX);
    CHECK(c->data_dir != NULL && c->data_dir[0] != '\0');
    for (uint32_t i = 0; i < c->host_count; i++) {
        const struct config_host *h = &c->hosts[i];
        CHECK(h->name != NULL && config_find_host(c, slice_z(h->name)) == h);
        CHECK((h->certificate == NULL) == (h->key == NULL));
        for (uint32_t j = 0; j < h->admins.count; j++)
            CHECK(strchr(h->admins.items[j], '@') != NULL);
    }
    for (uint32_t i = 0; i < c->listen_count; i++) {
        const struct config_listen *l = &c->listen[i];
        CHECK(l->port >= 1 && l->port <= 65535);
        CHECK(!l->plain_without_tls || l->loopback);
        CHECK(!l->require_tls || l->tls != CONFIG_TLS_NONE);
    }
    check_limits(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config c;
    struct config_errors errors = {0};
    if (size > INPUT_BYTES_MAX)
        return 0;
    int err = config_load_text(slice_of((const char *)data, size), "f", NULL, &c, &errors);
    CHECK((err == 0) == (errors.error_count == 0));
    for (uint32_t i = 0; i < errors.count; i++) {
        char line[512];
        CHECK(config_error_format(&errors.items[i], line, sizeof(line)) > 0);
        for (const char *at = line; *at != '\0'; at++)
            CHECK((unsigned char)*at >= 0x20 && *at != 0x7f);
    }
    if (err == 0)
        check_config(&c);
    config_errors_free(&errors);
    config_free(&c);
    return 0;
}
