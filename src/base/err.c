/* Texts of the error codes. */
#include "base/err.h"

const char *err_text(int err)
{
    switch (err) {
    case ERR_OK:
        return "no error";
    case ERR_MEMORY:
        return "out of memory";
    case ERR_LIMIT:
        return "limit reached";
    case ERR_SYNTAX:
        return "malformed input";
    case ERR_IO:
        return "input/output error";
    case ERR_NOT_FOUND:
        return "not found";
    case ERR_EXISTS:
        return "exists already";
    case ERR_BUSY:
        return "busy";
    case ERR_FULL:
        return "no space left";
    case ERR_READONLY:
        return "read-only";
    case ERR_CORRUPT:
        return "damaged data";
    case ERR_SCHEMA:
        return "data of a newer version";
    case ERR_CLOSED:
        return "closed";
    case ERR_REFUSED:
        return "not permitted";
    case ERR_CRYPTO:
        return "crypto library failure";
    default:
        return "unknown error";
    }
}
