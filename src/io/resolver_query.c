/* Asks the resolver on behalf of the whole-system tests and prints what it says, one line for each
 * record. Not installed.
 *   resolver_query SERVERS srv|tlsa|addresses NAME */
#include <stdio.h>
#include <string.h>

#include "io/loop.h"
#include "io/resolver.h"

static bool done;

static void end(enum resolver_result result)
{
    printf("%s\n", result == RESOLVER_OK ? "ok" : resolver_result_text(result));
    done = true;
}

static void on_srv(void *ctx, enum resolver_result result, const struct resolver_srv *records,
                   size_t n)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        printf("%u %u %u %s\n", records[i].priority, records[i].weight, records[i].port,
               records[i].target[0] != '\0' ? records[i].target : ".");
    end(result);
}

static void on_tlsa(void *ctx, enum resolver_result result, const struct resolver_tlsa *records,
                    size_t n, bool authenticated)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        printf("%u %u %u ", records[i].usage, records[i].selector, records[i].matching);
        for (size_t at = 0; at < records[i].len; at++)
            printf("%02x", records[i].data[at]);
        printf("%s\n", authenticated ? " authenticated" : "");
    }
    end(result);
}

static void on_addresses(void *ctx, enum resolver_result result, const struct addr *addresses,
                         size_t n, bool more)
{
    (void)ctx;
    char text[ADDR_TEXT_BYTES];
    for (size_t i = 0; i < n; i++) {
        addr_host(&addresses[i], text);
        printf("%s\n", text);
    }
    if (!more)
        end(result);
}

static uint64_t ask(struct resolver *r, const char *type, const char *name)
{
    if (strcmp(type, "srv") == 0)
        return resolver_srv(r, name, on_srv, NULL);
    if (strcmp(type, "tlsa") == 0)
        return resolver_tlsa(r, name, on_tlsa, NULL);
    return resolver_addresses(r, name, on_addresses, NULL);
}

int main(int argc, char **argv)
{
    struct loop l;
    struct resolver *r;
    if (argc != 4 || loop_init(&l) != 0)
        return 64;
    if (resolver_open(&l, &(struct resolver_options){.servers = argv[1]}, &r) != 0 ||
        ask(r, argv[2], argv[3]) == 0)
        return 70;
    while (!done) {
        loop_once(&l, resolver_deadline(r), NULL, NULL);
        resolver_run(r, l.now);
    }
    resolver_close(&r);
    loop_close(&l);
    return 0;
}
