/* For tests of the resolver: messages of the DNS, well made or not, and a server that answers by a
 * script, in the loop of the test itself. */
#ifndef IO_TEST_DNS_H
#define IO_TEST_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "io/loop.h"

enum { DNS_MESSAGE_BYTES_MAX = 65535, DNS_QUESTION_AT = 12 };

struct dns_message {
    size_t len;
    uint8_t at[DNS_MESSAGE_BYTES_MAX];
};

/* An answer to a question (its first len bytes: header and question) without any record. */
void dns_begin(struct dns_message *m, const uint8_t *question, size_t len, unsigned rcode);
/* The same without a question to answer: for name and type. */
void dns_begin_for(struct dns_message *m, const char *name, uint16_t type);
void dns_u16(struct dns_message *m, unsigned value);
void dns_bytes(struct dns_message *m, const void *bytes, size_t len);
/* Labels between dots and the root, without any check. */
void dns_name(struct dns_message *m, const char *name);
/* Begins a record for the name of the question, and counts it; what follows until dns_end is its
 * data. Gives what dns_end wants. */
size_t dns_record(struct dns_message *m, uint16_t type);
void dns_end(struct dns_message *m, size_t record);
void dns_srv(struct dns_message *m, unsigned priority, unsigned weight, unsigned port,
             const char *target);
/* A or AAAA, by the literal. */
void dns_address(struct dns_message *m, const char *literal);

struct dns_question {
    const uint8_t *at; /* as far as the question's end */
    size_t len;
    uint16_t type;
    bool tcp;
    int fd; /* of the connection */
    struct sockaddr_storage from;
    socklen_t from_len;
};

struct dns_server {
    struct loop *loop;
    uint16_t port;
    char address[32]; /* "127.0.0.1:port" */
    struct loop_fd udp, listener, connection;
    unsigned asked, asked_tcp;
    /* Says what there is to say, by dns_say or not at all. */
    void (*answer)(struct dns_server *s, const struct dns_question *q);
    struct dns_message reply; /* for answer to use */
};

void dns_server_open(struct dns_server *s, struct loop *l,
                     void (*answer)(struct dns_server *s, const struct dns_question *q));
void dns_server_close(struct dns_server *s);
/* Sends s->reply, with its length before it by TCP. */
void dns_say(struct dns_server *s, const struct dns_question *q);
/* Closes the connection. */
void dns_hang_up(struct dns_server *s);

#endif
