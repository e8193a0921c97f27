/* burble probe: what an operator wants to know about a domain's XMPP service. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "burble/probe.h"
#include "io/clock.h"
#include "io/files.h"
#include "xmpp/jid.h"

enum { TIME_MAX_S = 3600, PEM_BYTES_MAX = 16 << 20 };

static const struct option_row OPTIONS[] = {
    {"nameserver", "ADDRESS", "ask this one: 127.0.0.1:5353", 0, false},
    {"servers", NULL, "also look at the way in for other servers", 0, false},
    {"host-meta", "URL", "where it is, instead of https://DOMAIN", 0, false},
    {"no-web", NULL, "do not ask for host-meta", 0, false},
    {"http-ca-file", "FILE", "authorities for https", 0, false},
    {"time", "SECONDS", "all of it may take so long: 60", 0, false},
    {NULL, NULL, NULL, 0, false},
};

static int read_trust(struct probe *p)
{
    static const char *const PATHS[] = {"/etc/ssl/certs/ca-certificates.crt",
                                        "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
    const char *given = app_option(p->app, "ca-file"), *env = getenv("SSL_CERT_FILE");
    struct buf pem = {0};
    enum tls_problem problem;
    if (given == NULL)
        given = env;
    if (given != NULL && file_read(given, PEM_BYTES_MAX, &pem, NULL) != 0)
        return app_fail(p->app, EXIT_USAGE, "%s cannot be read", given);
    for (size_t i = 0; given == NULL && buf_len(&pem) == 0 && i < sizeof(PATHS) / sizeof(PATHS[0]);
         i++)
        (void)file_read(PATHS[i], PEM_BYTES_MAX, &pem, NULL);
    struct tls_trust trust = {.anchors_pem = buf_slice(&pem)};
    p->trust = tls_context_client(&trust, &problem);
    buf_free(&pem);
    return p->trust != NULL
               ? 0
               : app_fail(p->app, problem == TLS_NO_MEMORY ? EXIT_REFUSED : EXIT_USAGE,
                          "the authorities cannot be used: they are no certificates in PEM");
}

static int set_up(struct probe *p)
{
    const char *nameserver = app_option(p->app, "nameserver");
    const char *url = app_option(p->app, "host-meta");
    unsigned time_s = PROBE_TIME_S;
    int status = app_option_number(p->app, "time", 1, TIME_MAX_S, &time_s);
    if (status != 0)
        return status;
    if (url != NULL && http_url_scheme(url) != HTTP_SAFE)
        return app_fail(p->app, EXIT_USAGE, "--host-meta is an https URL, not \"%s\"", url);
    p->servers = app_option(p->app, "servers") != NULL;
    p->began = clock_now();
    p->deadline_ms = p->began.mono_ms + (uint64_t)time_s * 1000;
    struct resolver_options dns = {.servers = nameserver != NULL ? nameserver
                                                                 : getenv("BURBLE_NAMESERVERS")};
    if (nameserver != NULL && setenv("BURBLE_NAMESERVERS", nameserver, 1) != 0) /* the session's */
        return app_fail(p->app, EXIT_REFUSED, "out of memory");
    int err = loop_init(&p->loop);
    if (err != 0)
        return app_fail(p->app, EXIT_REFUSED, "%s", err_text(err));
    err = resolver_open(&p->loop, &dns, &p->resolver);
    if (err != 0)
        return app_fail(p->app, err == ERR_SYNTAX ? EXIT_USAGE : EXIT_REFUSED, "name servers: %s",
                        err == ERR_SYNTAX ? "no list of addresses" : err_text(err));
    return read_trust(p);
}

static int look(struct probe *p)
{
    struct app *app = p->app;
    bool with_account = app_option(app, "account") != NULL || app_option(app, "jid") != NULL;
    int status = with_account ? app_choose_account(app) : 0;
    if (status == 0 && with_account && strcmp(strchr(app->account.jid, '@') + 1, p->domain) != 0)
        status = app_fail(app, EXIT_USAGE, "%s is no account of %s", app->account.jid, p->domain);
    if (status == 0)
        status = set_up(p);
    if (status == 0)
        status = probe_dns(p);
    if (status == 0)
        status = probe_ports(p);
    if (status == 0 && app_option(app, "no-web") == NULL)
        status = probe_host_meta(p, app_option(app, "host-meta"));
    if (status == 0 && with_account)
        status = probe_account(p);
    return status;
}

static void release(struct probe *p)
{
    if (p->resolver != NULL)
        resolver_close(&p->resolver);
    if (p->loop.batch != NULL)
        loop_close(&p->loop);
    if (p->trust != NULL)
        tls_context_unref(&p->trust);
    for (size_t i = 0; i < PROBE_PLACES; i++)
        buf_free(&p->account.features[i]);
    mem_free(p);
}

static int run(struct app *app, int argc, char **argv)
{
    struct buf domain = {0}, ascii = {0};
    struct probe *p = mem_new(struct probe);
    int status = 0;
    (void)argc;
    p->app = app;
    if (jid_prepare_domain(slice_z(argv[0]), &domain) != 0 ||
        jid_domain_ascii(buf_slice(&domain), &ascii) != 0 || buf_byte(&domain, '\0') != 0 ||
        buf_byte(&ascii, '\0') != 0 || buf_len(&ascii) > RESOLVER_NAME_BYTES)
        status = app_fail(app, EXIT_USAGE, "\"%s\" is no domain", argv[0]);
    p->domain = buf_slice(&domain).ptr;
    p->ascii = buf_slice(&ascii).ptr;
    if (status == 0)
        status = look(p);
    if (status == 0) {
        probe_judge(p, p->began.wall_ms / 1000);
        probe_show(p);
        status = probe_exit_code(p);
    }
    release(p);
    buf_free(&domain);
    buf_free(&ascii);
    return status;
}

const struct command CMD_PROBE = {
    .name = "probe",
    .shown = "DOMAIN",
    .args_min = 1,
    .args_max = 1,
    .options = OPTIONS,
    .line = "look at a domain's service as its operator should",
    .help = "What the DNS says, which addresses answer, with which TLS and certificate, how\n"
            "people can log in, what is there for web clients; and a verdict that says what\n"
            "to do. With an account of the domain (--account, --jid) also what it offers,\n"
            "against the compliance suites (XEP-0479), and how fast it answers.\n\n"
            "Ends with 0 when nothing is wrong, 1 when there are warnings; with errors as\n"
            "the first of them says: 3 (DNS, no way there), 4 (TLS, certificate, login),\n"
            "5 (what answers is not XMPP as it should be).",
    .run = run,
};
