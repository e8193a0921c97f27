/* Reads answers of the DNS and checks names. Pure: no memory, no system calls, nothing kept. */
#ifndef IO_RESOLVER_ANSWER_H
#define IO_RESOLVER_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/resolver.h"

enum resolver_type { RESOLVER_A = 1, RESOLVER_AAAA = 28, RESOLVER_SRV = 33, RESOLVER_TLSA = 52 };

struct resolver_records {
    size_t n;
    bool authenticated; /* the AD bit */
    union {
        struct addr addr[RESOLVER_RECORDS_MAX];
        struct resolver_srv srv[RESOLVER_RECORDS_MAX];
        struct resolver_tlsa tlsa[RESOLVER_RECORDS_MAX]; /* their data lies in the message */
    } of;
};

/* Reads the records of the type from the answer section; what is there beyond RESOLVER_RECORDS_MAX
 * of them is not looked at. out->n > 0 with RESOLVER_OK and only then. Linear in len. */
enum resolver_result resolver_answer_read(const uint8_t *message, size_t len,
                                          enum resolver_type type, struct resolver_records *out);

/* Copies a name to out in lower case and without its last dot. False when it is none: longer than
 * 253 octets, a label empty or longer than 63, or with octets that no name of a host or a service
 * has (letters, digits, hyphen, underscore). */
bool resolver_name_read(const char *name, char out[RESOLVER_NAME_BYTES]);

#endif
