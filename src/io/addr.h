/* Network addresses as values: IPv4 or IPv6 and a port. An IPv4 address that arrives mapped into
 * IPv6 (::ffff:a.b.c.d) is IPv4 here, so limits and log lines know one form. */
#ifndef IO_ADDR_H
#define IO_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct sockaddr;
struct sockaddr_storage;

struct addr {
    uint8_t family; /* 4 or 6; 0: none (a Unix socket, or unknown) */
    uint16_t port;
    uint32_t scope; /* interface of a link-local address, otherwise 0 */
    uint8_t ip[16]; /* network order; IPv4 in the first four, the rest zero */
};

/* "[ffff:...:255.255.255.255%4294967295]:65535" and its NUL fit. */
enum { ADDR_TEXT_BYTES = 72 };

/* A literal such as 127.0.0.1, ::1, fe80::1%2. No names, no brackets. False when it is not one. */
bool addr_parse(struct slice text, uint16_t port, struct addr *out);
/* "192.0.2.1:5222", "[2001:db8::1]:5222", "-" for none. NUL-terminated; the length is returned. */
unsigned addr_text(const struct addr *a, char out[ADDR_TEXT_BYTES]);
/* The same without port and brackets. */
unsigned addr_host(const struct addr *a, char out[ADDR_TEXT_BYTES]);
bool addr_is_loopback(const struct addr *a);
/* 0.0.0.0 or :: */
bool addr_is_any(const struct addr *a);
/* Same address, whatever the port. */
bool addr_same_host(const struct addr *a, const struct addr *b);

void addr_from_socket(const struct sockaddr_storage *from, struct addr *out);
/* Writes the system's form; returns its length, 0 for none. */
unsigned addr_to_socket(const struct addr *a, struct sockaddr_storage *out);

#endif
