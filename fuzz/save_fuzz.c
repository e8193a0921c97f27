/* Fuzz target of saved states: what is not damaged is the same after reading and writing, and the
 * client that has it connects, and gives up everything once. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "burble/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 7, n);
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    (void)c;
    *(size_t *)arg += e->kind == BURBLE_EVENT_SENT && e->sent->error != 0;
}

static struct burble *load(const void *state, size_t len, size_t *told)
{
    struct burble *c;
    struct burble_config config =
        BURBLE_CONFIG(.jid = "me@example.org", .state = state, .state_len = len,
                      .on_event = on_event, .arg = told);
    int err = burble_new(&config, &c);
    CHECK(err == 0 || err == BURBLE_ERR_CORRUPT);
    CHECK((err == 0) == (c != NULL));
    return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *once, *twice;
    size_t once_len, twice_len, told = 0;
    struct burble *c = load(data, size, &told);
    if (c == NULL)
        return 0;
    CHECK(burble_save(c, &once, &once_len) == 0);
    size_t queued = burble_queued(c);
    burble_free(&c);
    c = load(once, once_len, &told);
    CHECK(c != NULL && burble_queued(c) == queued);
    CHECK(burble_save(c, &twice, &twice_len) == 0);
    CHECK(once_len == twice_len && memcmp(once, twice, once_len) == 0);
    struct burble_now now = {.mono_ms = 1, .wall_ms = 1};
    struct burble_input in = {.kind = BURBLE_IN_TIME};
    burble_set_outside(c, &(struct burble_outside){.random = fill});
    CHECK(burble_connect(c) == 0 && burble_feed(c, &in, now));
    burble_disconnect(c);
    CHECK(burble_feed(c, &in, now) && burble_state(c) == BURBLE_OFFLINE);
    CHECK(burble_queued(c) == 0 && told <= queued);
    burble_free(&c);
    free(once);
    free(twice);
    return 0;
}
