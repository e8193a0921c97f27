/* What is right and wrong with what is there for web clients (XEP-0156) and for an account
 * (XEP-0479). Rules alone. Pure. */
#include <string.h>

#include "burble/probe.h"

static void judge_meta(struct probe *p)
{
    const struct probe_meta *x = &p->meta_xml, *j = &p->meta_json;
    if (!p->meta_asked)
        return;
    if (x->there == PROBE_UNKNOWN)
        PROBE_OK_ROW(p, "host-meta", "", "%s; only web clients need it", x->why);
    else if (x->there == PROBE_NO)
        PROBE_OK_ROW(p, "host-meta", "", "there is none (%d); only web clients need it", x->status);
    else if (!x->readable)
        PROBE_WARNING_ROW(p, "host-meta", "", "what is there is no XRD (RFC 6415)");
    else if (x->count == 0)
        PROBE_OK_ROW(p, "host-meta", "", "it names no way in for web clients");
    else if (!x->any_origin)
        PROBE_WARNING_ROW(
            p, "host-meta", "",
            "scripts of other sites cannot read it; answer with Access-Control-Allow-Origin: *");
    else
        PROBE_OK_ROW(p, "host-meta", "", "it names %zu ways in", x->count);
    for (size_t i = 0; i < x->count; i++)
        if (strncmp(x->links[i].href, "https://", 8) != 0 &&
            strncmp(x->links[i].href, "wss://", 6) != 0)
            PROBE_WARNING_ROW(p, "host-meta", "",
                              "%s leads to what is not encrypted; only https and wss may",
                              x->links[i].rel);
    if (x->count > 0 && j->there == PROBE_NO)
        PROBE_OK_ROW(p, "host-meta", "",
                     "there is no host-meta.json; browsers read that more easily");
    else if (j->there == PROBE_YES && (!j->readable || j->count != x->count))
        PROBE_WARNING_ROW(p, "host-meta", "", "host-meta.json does not say the same");
}

static void missing(const struct probe *p, enum probe_suite s, bool advanced, struct buf *out)
{
    for (size_t i = 0; i < PROBE_NEED_COUNT; i++) {
        const struct probe_need *n = &PROBE_NEEDS[i];
        if (n->suite == s && n->advanced == advanced && probe_meets(p, n) == PROBE_NO)
            (void)buf_printf(out, "%s%s (%s)", buf_len(out) > 0 ? ", " : "", n->what, n->xep);
    }
}

/* Something of it was looked at. */
static bool is_known(const struct probe *p, enum probe_suite s)
{
    for (size_t i = 0; i < PROBE_NEED_COUNT; i++)
        if (PROBE_NEEDS[i].suite == s && probe_meets(p, &PROBE_NEEDS[i]) != PROBE_UNKNOWN)
            return true;
    return false;
}

static void judge_suites(struct probe *p)
{
    for (enum probe_suite s = 0; s < SUITES; s++) {
        if (!is_known(p, s))
            continue;
        struct buf basic = {0}, more = {0};
        missing(p, s, false, &basic);
        missing(p, s, true, &more);
        if (buf_len(&basic) > 0 && s != SUITE_WEB && s != SUITE_CALLS)
            PROBE_WARNING_ROW(p, "XEP-0479", probe_suite_text(s), "missing: %.*s",
                              SLICE_ARG(buf_slice(&basic)));
        else if (buf_len(&basic) > 0)
            PROBE_OK_ROW(p, "XEP-0479", probe_suite_text(s), "not there: %.*s",
                         SLICE_ARG(buf_slice(&basic)));
        else if (buf_len(&more) > 0)
            PROBE_OK_ROW(p, "XEP-0479", probe_suite_text(s),
                         "complete; of \"advanced\" it misses: %.*s", SLICE_ARG(buf_slice(&more)));
        else
            PROBE_OK_ROW(p, "XEP-0479", probe_suite_text(s), "complete");
        buf_free(&basic);
        buf_free(&more);
    }
}

static void judge_account(struct probe *p)
{
    const struct probe_account *a = &p->account;
    if (!a->asked)
        return;
    if (!a->online) {
        PROBE_ERROR_ROW(p, EXIT_LOGIN, "account", "", "%s",
                        a->why[0] != '\0' ? a->why : "no session");
        return;
    }
    if (a->pings == 0)
        PROBE_WARNING_ROW(p, "account", "", "the server does not answer a ping");
    else if (a->ping_us_sum / a->pings >= PROBE_SLOW_MS * 1000)
        PROBE_WARNING_ROW(p, "account", "",
                          "an answer takes %u ms: the server, or the way to it, is overloaded",
                          (unsigned)(a->ping_us_sum / a->pings / 1000));
    judge_suites(p);
}

void probe_judge_offers(struct probe *p)
{
    judge_meta(p);
    judge_account(p);
}
