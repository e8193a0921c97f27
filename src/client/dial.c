/* From a domain to a TCP connection, see dial.h: RFC 6120 section 3.2, RFC 2782, XEP-0368 (version
 * 1.1.0), RFC 8305; redirection: RFC 6120 section 4.9.3.19; location: XEP-0198 section 5.
 *
 * A search is a list of targets that grows at its end, or in front of the next one by a
 * redirection. dial_step() does the next thing that is to be done, and is called whenever something
 * has changed. The search stays when a connection is made, until the login has succeeded: then the
 * rest of it is forgotten.
 *
 * Owns its look-ups and attempts by their ids; what comes with another id is ignored. */
#include "client/dial.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "client/dial_inside.h"

/* ------------------------------------------------------------------------- attempts and look-ups
 */

void dial_cancel(struct burble *c, uint32_t *id)
{
    if (*id != 0)
        (void)client_effect(c, BURBLE_DO_CANCEL, *id, NULL, NULL);
    *id = 0;
}

static void give_up(struct burble *c, struct dial_attempt *a)
{
    if (a->id != 0)
        (void)client_effect(c, BURBLE_DO_CLOSE, a->id, NULL, NULL);
    a->id = 0;
}

/* Nothing is under way any more. A search that was is begun again when it is needed. */
static void rest(struct burble *c)
{
    struct dial_run *run = c->dial.run;
    client_timer_stop(&run->timer);
    dial_cancel(c, &run->host_query);
    for (size_t i = 0; i < DIAL_SERVICES; i++) {
        if (run->queries[i].id != 0)
            run->searched = false;
        dial_cancel(c, &run->queries[i].id);
    }
    for (size_t i = 0; i < DIAL_ATTEMPTS; i++)
        give_up(c, &run->attempts[i]);
}

static size_t under_way(const struct dial_run *run)
{
    size_t n = 0;
    for (size_t i = 0; i < DIAL_ATTEMPTS; i++)
        n += run->attempts[i].id != 0;
    return n;
}

/* A place for one more; the oldest has had DIAL_ATTEMPTS times DIAL_ATTEMPT_MS. */
static struct dial_attempt *place_for_attempt(struct burble *c)
{
    struct dial_run *run = c->dial.run;
    struct dial_attempt *oldest = NULL;
    for (size_t i = 0; i < DIAL_ATTEMPTS; i++) {
        struct dial_attempt *a = &run->attempts[i];
        if (a->id == 0)
            return a;
        if (oldest == NULL || (int32_t)(a->id - oldest->id) < 0)
            oldest = a;
    }
    dial_note(run, oldest->target, &oldest->address, "no answer in time");
    give_up(c, oldest);
    return oldest;
}

/* Starts one, IPv6 first and then in turns (RFC 8305 section 4). */
static void attempt(struct burble *c)
{
    struct dial_run *run = c->dial.run;
    unsigned family = run->turn;
    if (run->used[family] == run->found_count[family])
        family = !family;
    const struct burble_address *to = &run->addresses[family][run->used[family]++];
    run->turn = !family;
    struct dial_attempt *a = place_for_attempt(c);
    *a = (struct dial_attempt){.id = client_next_id(c), .target = run->next - 1, .address = *to};
    if (client_effect(c, BURBLE_DO_CONNECT, a->id, NULL, to) != 0) {
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
        return;
    }
    bool more = run->host_query != 0 || run->used[0] < run->found_count[0] ||
                run->used[1] < run->found_count[1];
    run->not_before = c->now.mono_ms + (more ? DIAL_ATTEMPT_MS : DIAL_TARGET_MS);
    client_timer_set(c, &run->timer, run->not_before);
    client_change_state(c, BURBLE_CONNECTING, NULL);
}

static bool has_address(const struct dial_run *run)
{
    return run->used[0] + run->used[1] < DIAL_ADDRESSES &&
           (run->used[0] < run->found_count[0] || run->used[1] < run->found_count[1]);
}

static void forget_addresses(struct dial_run *run)
{
    memset(run->found_count, 0, sizeof(run->found_count));
    memset(run->used, 0, sizeof(run->used));
    run->turn = 0;
    run->six_until = run->not_before = 0;
}

static void next_target(struct burble *c)
{
    struct dial_run *run = c->dial.run;
    const struct find_target *t = &run->targets[run->next++];
    forget_addresses(run);
    run->host_query = client_next_id(c);
    if (client_effect(c, BURBLE_DO_RESOLVE_HOST, run->host_query,
                      run->proxied ? run->proxy_host : t->host, NULL) != 0)
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
}

/* ------------------------------------------------------------------------------------- one step
 */

/* Nothing is left, or there is no time. */
static void finish(struct burble *c)
{
    struct dial_run *run = c->dial.run;
    struct buf text = {0};
    run->over = true;
    for (size_t i = 0; i < DIAL_ATTEMPTS; i++)
        if (run->attempts[i].id != 0)
            dial_note(run, run->attempts[i].target, &run->attempts[i].address, "no answer in time");
    if (run->host_query != 0)
        dial_note(run, run->next - 1, NULL, "no answer in time");
    if (run->why != BURBLE_WHY_NONE) {
        client_fail(c, run->why, run->condition[0] != '\0' ? run->condition : NULL, run->text);
        return;
    }
    bool reached = false;
    for (size_t i = 0; i < run->failure_count; i++)
        reached |= run->failures[i].address.family != 0;
    dial_summary(run, &text);
    bool told = buf_len(&text) > 0 && buf_byte(&text, '\0') == 0 && !text.failed;
    client_fail(c,
                run->proxied && run->next > 0 ? BURBLE_WHY_PROXY
                : reached                     ? BURBLE_WHY_UNREACHABLE
                                              : BURBLE_WHY_DNS,
                NULL, told ? buf_slice(&text).ptr : NULL);
    buf_free(&text);
}

static bool must_wait(struct burble *c, uint64_t until)
{
    if (c->now.mono_ms >= until)
        return false;
    client_timer_set(c, &c->dial.run->timer, until);
    return true;
}

void dial_step(struct burble *c)
{
    struct dial_run *run = c->dial.run;
    if (dial_is_searching(run))
        return;
    if (has_address(run)) {
        if (!must_wait(c, run->not_before > run->six_until ? run->not_before : run->six_until))
            attempt(c);
        return;
    }
    if (run->host_query != 0)
        return; /* its answer comes, or the deadline */
    size_t n = under_way(run);
    if (n > 0 && must_wait(c, run->not_before))
        return;
    /* What the proxy has to be reached for is the same for all targets. */
    bool hopeless = run->proxied && run->next > 0 && run->why == BURBLE_WHY_NONE;
    if (run->next < run->count && !hopeless)
        next_target(c);
    else if (!run->searched && !hopeless)
        dial_search(c);
    else if (n == 0)
        finish(c);
}

static void due(struct burble *c, struct client_timer *t)
{
    struct dial_run *run = CONTAINER_OF(t, struct dial_run, timer);
    if (dial_is_searching(run))
        dial_search_late(c);
    else
        dial_step(c);
}

/* ----------------------------------------------------------------------------------- what comes
 */

static void host_came(struct burble *c, const struct burble_input *in)
{
    struct dial_run *run = c->dial.run;
    size_t target = run->next - 1;
    for (size_t i = 0; i < in->count; i++) {
        unsigned family = in->addresses[i].family == 6 ? 0 : 1;
        if (run->found_count[family] == DIAL_ADDRESSES)
            continue;
        struct burble_address *a = &run->addresses[family][run->found_count[family]++];
        *a = in->addresses[i];
        a->port = run->proxied ? run->proxy.port : run->targets[target].port;
    }
    if (!in->more)
        run->host_query = 0;
    size_t all = run->found_count[0] + run->found_count[1];
    run->six_until = in->more && run->found_count[0] == 0 ? c->now.mono_ms + DIAL_RESOLUTION_MS : 0;
    if (!in->more && all == 0)
        dial_note(run, target, NULL, in->failure != NULL ? in->failure : "the name has no address");
    dial_step(c);
}

static struct dial_attempt *attempt_of(struct dial_run *run, uint32_t id)
{
    for (size_t i = 0; i < DIAL_ATTEMPTS; i++)
        if (run->attempts[i].id == id)
            return &run->attempts[i];
    return NULL;
}

/* Where others are still to be tried, one that says nothing must not take all the time. */
static uint64_t share(const struct burble *c)
{
    const struct dial_run *run = c->dial.run;
    uint64_t now = c->now.mono_ms, all = run->deadline_ms > now ? run->deadline_ms - now : 0;
    uint64_t left = run->count - run->next + !run->searched;
    if (!run->proxied)
        left += run->found_count[0] + run->found_count[1] - run->used[0] - run->used[1];
    if (left == 0)
        return run->deadline_ms;
    uint64_t one = all / (left + 1);
    one = one < DIAL_SHARE_MS ? DIAL_SHARE_MS : one > DIAL_SHARE_MAX_MS ? DIAL_SHARE_MAX_MS : one;
    return now + (one < all ? one : all);
}

static void connected(struct burble *c, struct dial_attempt *a)
{
    struct dial_run *run = c->dial.run;
    const struct find_target *t = &run->targets[a->target];
    struct link_target to = {
        .host = run->proxied ? t->host : NULL, .port = t->port, .direct_tls = t->direct_tls};
    uint32_t id = a->id;
    a->id = 0; /* it is the link's now */
    rest(c);
    run->linked = a->target + 1;
    c->dial.direct_tls = t->direct_tls;
    client_timer_set(c, &c->phase_timer, share(c));
    client_link_open(c, id, &to);
}

static void attempt_failed(struct burble *c, struct dial_attempt *a, const char *failure)
{
    struct dial_run *run = c->dial.run;
    a->id = 0;
    dial_note(run, a->target, &a->address, failure);
    run->not_before = 0; /* RFC 8305 section 5: no need to wait */
    dial_step(c);
}

void dial_input(struct burble *c, const struct burble_input *in)
{
    struct dial_run *run = c->dial.run;
    if (run == NULL || in->id == 0)
        return;
    for (size_t i = 0; in->kind == BURBLE_IN_SRV && i < DIAL_SERVICES; i++) {
        if (run->queries[i].id == in->id) {
            dial_srv_came(c, &run->queries[i], in);
            return;
        }
    }
    struct dial_attempt *a = attempt_of(run, in->id);
    if (in->kind == BURBLE_IN_HOST && in->id == run->host_query)
        host_came(c, in);
    else if (in->kind == BURBLE_IN_CONNECTED && a != NULL)
        connected(c, a);
    else if (in->kind == BURBLE_IN_CLOSED && a != NULL)
        attempt_failed(c, a, in->failure);
}

/* ------------------------------------------------------------------------------------- the faces
 */

/* Places that the server has told come first. */
static void add_told(struct burble *c)
{
    struct find_target t, *told = c->dial.told;
    c->dial.told = NULL;
    if (told != NULL)
        dial_add_target(c->dial.run, told);
    else
        c->dial.hops = 0;
    free(told);
    if (c->setup.host == NULL && client_sm_can_resume(c) && c->sm.location != NULL &&
        dial_told_place(c, slice_z(c->sm.location), c->sm.direct, &t))
        dial_add_target(c->dial.run, &t);
}

void dial_begin(struct burble *c)
{
    struct dial_run *run = client_alloc(sizeof(*run));
    CHECK(c->dial.run == NULL);
    client_change_state(c, BURBLE_RESOLVING, NULL);
    if (run == NULL) {
        client_fail(c, BURBLE_WHY_MEMORY, NULL, NULL);
        return;
    }
    c->dial.run = run;
    run->timer.fire = due;
    run->deadline_ms = c->now.mono_ms + c->setup.config.connect_ms;
    client_timer_set(c, &c->phase_timer, run->deadline_ms);
    if (c->setup.proxy != NULL) {
        run->proxied = setup_proxy_parse(slice_z(c->setup.proxy), &run->proxy);
        if (!run->proxied || !find_host(run->proxy.host, run->proxy_host)) {
            client_fail(c, BURBLE_WHY_PROXY, NULL, "the proxy is neither a name nor an address");
            return;
        }
    }
    add_told(c);
    dial_step(c);
}

bool dial_again(struct burble *c, const struct burble_state_event *why)
{
    struct dial_run *run = c->dial.run;
    if (run == NULL || run->over)
        return false;
    size_t linked = run->linked;
    run->linked = 0;
    if (linked == 0) {
        if (why->why != BURBLE_WHY_TIMEOUT)
            return false;
        finish(c);
        return true;
    }
    if (!dial_worth(why->why))
        return false;
    dial_remember(run, linked - 1, why);
    run->not_before = run->six_until = 0;
    if (run->proxied) /* it is there: another address of it is the same */
        forget_addresses(run);
    if (c->now.mono_ms >= run->deadline_ms) {
        finish(c);
        return true;
    }
    client_timer_set(c, &c->phase_timer, run->deadline_ms);
    dial_step(c);
    return true;
}

bool dial_patience(struct burble *c)
{
    const struct dial_run *run = c->dial.run;
    if (run == NULL || !c->stream.authenticated || c->now.mono_ms >= run->deadline_ms)
        return false;
    client_timer_set(c, &c->phase_timer, run->deadline_ms);
    return true;
}

bool dial_redirect(struct burble *c, struct slice where)
{
    struct dial_run *run = c->dial.run;
    struct find_target t;
    if (run == NULL || run->linked == 0 || c->dial.hops >= DIAL_HOPS ||
        !dial_told_place(c, where, c->dial.direct_tls, &t))
        return false;
    c->dial.hops++;
    run->linked = 0;
    forget_addresses(run);
    if (run->count == DIAL_TARGETS)
        run->count--;
    memmove(&run->targets[run->next + 1], &run->targets[run->next],
            (run->count - run->next) * sizeof(run->targets[0]));
    run->targets[run->next] = t;
    run->count++;
    return true;
}

void dial_follow(struct burble *c)
{
    client_timer_set(c, &c->phase_timer, c->dial.run->deadline_ms);
    dial_step(c);
}

bool dial_move(struct burble *c, struct slice where)
{
    struct find_target t;
    if (c->dial.hops >= DIAL_HOPS || !dial_told_place(c, where, c->dial.direct_tls, &t))
        return false;
    if (c->dial.told == NULL)
        c->dial.told = client_alloc(sizeof(t));
    if (c->dial.told != NULL) /* else the search is the usual one */
        *c->dial.told = t;
    c->dial.hops++;
    return true;
}

static void free_run(struct burble *c)
{
    if (c->dial.run != NULL)
        client_timer_stop(&c->dial.run->timer);
    free(c->dial.run);
    c->dial.run = NULL;
}

void dial_stop(struct burble *c)
{
    if (c->dial.run == NULL)
        return;
    rest(c);
    free_run(c);
}

void dial_free(struct burble *c)
{
    free_run(c);
    free(c->dial.told);
    c->dial.told = NULL;
}
