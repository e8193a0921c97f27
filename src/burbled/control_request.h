/* Requests of the control socket: one connection, one line, one command. The protocol is described
 * in docs/control-protocol.md.
 *
 *   {"command":"account add","args":{"jid":"alice@localhost"},"password":"..."}
 *
 * Flat by grammar: args holds texts alone. The parser works in place and allocates nothing, so that
 * a password is in one buffer only and can be wiped there. */
#ifndef BURBLED_CONTROL_REQUEST_H
#define BURBLED_CONTROL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
    CONTROL_REQUEST_BYTES_MAX = 16384, /* of a line, with its line feed */
    CONTROL_COMMAND_BYTES_MAX = 64,
    CONTROL_ARGS_MAX = 16,
    CONTROL_KEY_BYTES_MAX = 64,
    CONTROL_VALUE_BYTES_MAX = 1024, /* of an argument or the password, unescaped */
};

/* Under data_dir. */
#define CONTROL_SOCKET_NAME "control.sock"
/* Left by `burblectl restore`: while files are moved, and until the next start. */
#define CONTROL_RESTORING_NAME "restoring"
#define CONTROL_RESTORED_NAME  "restored"

struct control_arg {
    struct slice key;   /* of [a-z_] */
    struct slice value; /* UTF-8 without NUL */
};

/* Slices point into the line. */
struct control_request {
    struct slice command; /* words of [a-z] with one space between them */
    struct control_arg args[CONTROL_ARGS_MAX];
    size_t arg_count;
    struct slice password; /* ptr is NULL when there is none */
    const char *problem;   /* what is wrong, one line for the answer; NULL when all is well */
};

/* Parses one line without its line feed; the bytes of line are changed. Result: 0; ERR_SYNTAX: not
 * a request, or ERR_LIMIT: too long or too many of something; *out then holds the problem alone. */
int control_request_parse(char *line, size_t len, struct control_request *out);

/* The argument's value; ptr is NULL when it is not there. */
struct slice control_request_arg(const struct control_request *r, const char *key);

/* Appends the line with its line feed; password.ptr NULL: none. Result: 0, ERR_LIMIT when the
 * parser would refuse it (nothing is appended), or ERR_MEMORY. */
int control_request_encode(struct slice command, const struct control_arg *args, size_t n,
                           struct slice password, struct buf *out);

#endif
