/* Looks for what is wrong before anybody notices: the file, the certificates, the data folder, and
 * what a running server adds (O01, O04, O08). */
#include "burblectl/check.h"

#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "burblectl/client.h"
#include "burbled/config.h"
#include "burbled/config_tls.h"
#include "burbled/control_request.h"
#include "burbled/control_row.h"
#include "io/clock.h"

struct check {
    struct output *o;
    int status; /* the worst so far */
};

static void add_row(struct check *c, const char *check, const char *result, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void add_row(struct check *c, const char *check, const char *result, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    char *detail = output_harmless(text), *name = output_harmless(check); /* valid UTF-8 */
    json_t *row = json_pack("{s:s, s:s, s:s}", "check", name, "result", result, "detail", detail);
    CHECK(row != NULL);
    output_row(c->o, row);
    json_decref(row);
    mem_free(detail);
    mem_free(name);
    if (strcmp(result, "error") == 0 && c->status == 0)
        c->status = CONTROL_FAILED;
}

static void check_config(struct check *c, const char *path, struct config *config)
{
    struct config_errors errors = {0};
    if (config_load(path, config, &errors) == 0)
        add_row(c, "configuration", "ok", "%s: hosts: %u, listeners: %u", path,
                (unsigned)config->host_count, (unsigned)config->listen_count);
    else
        c->status = CONTROL_CONFIG;
    for (uint32_t i = 0; i < errors.count; i++) {
        char line[1024];
        config_error_format(&errors.items[i], line, sizeof(line));
        add_row(c, "configuration", errors.items[i].warning ? "warning" : "error", "%s", line);
    }
    config_errors_free(&errors);
}

static void check_certificates(struct check *c, const struct config *config)
{
    int64_t now_s = clock_now().wall_ms / 1000;
    for (uint32_t i = 0; i < config->host_count; i++) {
        struct config_tls_report r;
        char name[128];
        config_tls_inspect(&config->hosts[i], now_s, &r);
        snprintf(name, sizeof(name), "certificate %.100s", config->hosts[i].name);
        bool good = r.state == CONFIG_TLS_FINE || r.state == CONFIG_TLS_SELF_MADE;
        add_row(c, name,
                good                        ? "ok"
                : r.state == CONFIG_TLS_BAD ? "error"
                                            : "warning",
                "%s", r.text);
        if (r.state == CONFIG_TLS_BAD)
            c->status = CONTROL_CONFIG;
    }
}

static void check_data_dir(struct check *c, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        add_row(c, "data folder", "warning",
                "%s is not there, or not for you to see; burbled makes it at its first start",
                path);
    else if (!S_ISDIR(st.st_mode))
        add_row(c, "data folder", "error", "%s is no folder", path);
    else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        add_row(c, "data folder", "warning", "%s is open to others: chmod 700 %s", path, path);
    else
        add_row(c, "data folder", "ok", "%s", path);
}

static void on_row(void *ctx, const json_t *row)
{
    struct check *c = ctx;
    const char *result = json_string_value(json_object_get(row, "result"));
    if (result != NULL && strcmp(result, "error") == 0 && c->status == 0)
        c->status = CONTROL_FAILED;
    output_row(c->o, row);
}

static void check_server(struct check *c, const char *data_dir)
{
    struct buf request = {0};
    int err = control_request_encode(SLICE("check"), NULL, 0, SLICE_NONE, &request);
    CHECK(err == 0);
    struct client_end end = client_run(data_dir, &request, on_row, c);
    if (end.status == CONTROL_UNAVAILABLE)
        add_row(c, "server", "warning", "does not run on %s", data_dir);
    else if (end.status != 0)
        add_row(c, "server", "error", "%s", end.text);
    if (end.status != 0 && end.status != CONTROL_UNAVAILABLE && c->status == CONTROL_FAILED)
        c->status = end.status;
    mem_free(end.text);
    buf_free(&request);
}

int check_run(const struct options *options, const char *data_dir, struct output *o)
{
    struct check c = {.o = o};
    struct config config = {0};
    /* Who names a data folder alone may mean another server than that of the usual file. */
    const char *path = options->config != NULL ? options->config
                       : data_dir == NULL      ? CONFIG_DEFAULT_PATH
                                               : NULL;
    if (path != NULL && options->config == NULL && access(path, F_OK) != 0)
        add_row(&c, "configuration", "warning", "there is no %s; name the file with -c", path);
    else if (path != NULL)
        check_config(&c, path, &config);
    check_certificates(&c, &config);
    const char *dir = data_dir != NULL          ? data_dir
                      : config.data_dir != NULL ? config.data_dir
                                                : CONFIG_DEFAULT_DATA_DIR;
    check_data_dir(&c, dir);
    check_server(&c, dir);
    config_free(&config);
    return c.status;
}

int check_limits(const char *config_path, struct output *o)
{
    struct config config = {0};
    struct config_errors errors = {0};
    config_limits_default(&config.limits);
    if (config_path != NULL && config_load(config_path, &config, &errors) != 0) {
        config_errors_print(&errors, stderr);
        config_errors_free(&errors);
        return CONTROL_CONFIG;
    }
    config_errors_free(&errors);
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++) {
        const struct config_limit *l = &CONFIG_LIMIT_TABLE[i];
        uint32_t value = config_limits_get(&config.limits, l);
        bool off = !config.limits.rate && l->off != CONFIG_LIMIT_STAYS;
        json_t *row = json_pack("{s:s, s:o, s:I, s:s, s:s, s:s}", "name", l->name, "value",
                                off ? json_string("off") : json_integer((json_int_t)value),
                                "default", (json_int_t)l->def, "unit", config_unit_name(l->unit),
                                "id", l->id, "meaning", l->doc);
        CHECK(row != NULL);
        output_row(o, row);
        json_decref(row);
    }
    config_free(&config);
    return 0;
}
