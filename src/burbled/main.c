/* burbled: the server program. Reads the options; everything else is server.c. */
#include <stdio.h>
#include <string.h>

#include "burbled/config.h"
#include "burbled/config_tls.h"
#include "burbled/server.h"
#include "io/clock.h"
#include "io/process.h"

static const char USAGE[] = "usage: burbled -c FILE [--check]\n"
                            "       burbled --print-options | --version | --help\n";

static const char HELP[] =
    "burbled serves the XMPP hosts of one configuration file, in the foreground.\n"
    "\n"
    "  -c FILE           the configuration file (burble.conf(5))\n"
    "  --check           tell everything that is wrong with it, and end\n"
    "  --print-options   all keys of the file as Markdown\n"
    "  --version         the version\n"
    "  --help            this\n"
    "\n"
    "SIGHUP reads the file again, SIGTERM ends the server. burblectl(1) administers it.\n";

struct options {
    const char *config;
    bool check, print, version, help;
};

static int wrong(const char *text, const char *what)
{
    fprintf(stderr, "burbled: %s%s\n%s", text, what, USAGE);
    return EXIT_WRONG_USAGE;
}

static int read_options(int argc, char **argv, struct options *out)
{
    static const char CONFIG[] = "--config=";
    *out = (struct options){0};
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (strcmp(a, "-c") == 0 || strcmp(a, "--config") == 0) {
            if (++i == argc)
                return wrong("expected a file behind ", a);
            out->config = argv[i];
        } else if (strncmp(a, CONFIG, sizeof(CONFIG) - 1) == 0) {
            out->config = a + sizeof(CONFIG) - 1;
        } else if (strcmp(a, "--check") == 0) {
            out->check = true;
        } else if (strcmp(a, "--print-options") == 0) {
            out->print = true;
        } else if (strcmp(a, "--version") == 0) {
            out->version = true;
        } else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            out->help = true;
        } else {
            return wrong("there is no option ", a);
        }
    }
    if (out->config == NULL && !out->print && !out->version && !out->help)
        return wrong("expected -c FILE", "");
    return EXIT_GOOD;
}

static int check(const char *path)
{
    struct config config = {0};
    struct config_errors errors = {0};
    bool good = config_load(path, &config, &errors) == 0;
    if (good)
        config_tls_check(&config, clock_now().wall_ms / 1000, &errors);
    good = good && errors.error_count == 0;
    config_errors_print(&errors, stderr);
    if (good)
        printf("%s: fine; hosts: %u, listeners: %u\n", path, (unsigned)config.host_count,
               (unsigned)config.listen_count);
    config_errors_free(&errors);
    config_free(&config);
    return good ? EXIT_GOOD : EXIT_BAD_CONFIG;
}

int main(int argc, char **argv)
{
    struct options options;
    process_open_standard();
    int exit = read_options(argc, argv, &options);
    if (exit != EXIT_GOOD)
        return exit;
    if (options.help) {
        printf("%s\n%s", USAGE, HELP);
    } else if (options.version) {
        puts("burbled " BURBLE_VERSION);
    } else if (options.print) {
        config_print_schema(stdout);
    } else if (options.check) {
        exit = check(options.config);
    } else {
        return server_main(options.config);
    }
    if ((fflush(stdout) != 0 || ferror(stdout)) && exit == EXIT_GOOD)
        exit = EXIT_CANNOT_MAKE;
    return exit;
}
