/* Error codes of the environment: negative, and never ignored. What a peer did wrong is a value of
 * its own (stream or stanza error), and a bug stops the process (check.h). */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
    ERR_OK = 0,
    ERR_MEMORY = -1,    /* out of memory */
    ERR_LIMIT = -2,     /* a named limit was reached */
    ERR_SYNTAX = -3,    /* malformed input */
    ERR_IO = -4,        /* the system refused or failed */
    ERR_NOT_FOUND = -5, /* no such thing */
    ERR_EXISTS = -6,    /* there is one already */
    ERR_BUSY = -7,      /* try again later */
    ERR_FULL = -8,      /* disk or quota exhausted */
    ERR_READONLY = -9,  /* storage cannot be written */
    ERR_CORRUPT = -10,  /* stored data is damaged */
    ERR_SCHEMA = -11,   /* stored data is of a newer version */
    ERR_CLOSED = -12,   /* the other side is gone */
    ERR_REFUSED = -13,  /* not permitted */
    ERR_CRYPTO = -14,   /* the crypto library failed */
};

/* A short lower-case text such as "out of memory". */
const char *err_text(int err);

#endif
