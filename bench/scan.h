/* Finds the units of an XMPP stream in incoming bytes without building anything: the stream's
 * opening tag, each element below it, the stream's end. The servers under test are trusted to send
 * well-formed XML; this is no parser and must not become one. */
#ifndef BENCH_SCAN_H
#define BENCH_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum scan_event {
    SCAN_MORE,   /* no unit is complete yet */
    SCAN_OPEN,   /* the stream's opening tag */
    SCAN_STANZA, /* one whole element below the stream */
    SCAN_END,    /* the stream's closing tag */
};

struct scan {
    uint32_t depth;
    uint8_t state;
    char quote;
    size_t at; /* scanned so far, from the first byte of the current unit */
};

/* Looks on in unit, which starts at the first byte behind the last unit and holds everything that
 * came since. When an event other than SCAN_MORE is returned, *len_out bytes belong to it and the
 * next call's unit starts behind them. Bytes are looked at once. A stream restart begins with a
 * zeroed struct scan. */
enum scan_event scan_next(struct scan *s, struct slice unit, size_t *len_out);

/* The raw value (entities as they are) of an attribute of the unit's first tag. */
bool scan_attr(struct slice unit, struct slice name, struct slice *value_out);

/* True when the unit's first tag has this name, which is compared with its prefix. */
bool scan_is(struct slice unit, struct slice name);

/* Text between the first <name...> and the next '<'. */
bool scan_text(struct slice unit, struct slice name, struct slice *text_out);

/* True when needle is in hay. */
bool scan_has(struct slice hay, struct slice needle);

#endif
