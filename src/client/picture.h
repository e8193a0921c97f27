/* Pictures as the network carries them: base64 with a limit, named by their SHA-1. */
#ifndef CLIENT_PICTURE_H
#define CLIENT_PICTURE_H

#include "client/client.h"

/* "da39a3ee..." and a NUL. */
enum { PICTURE_ID_BYTES = 41 };

/* Decodes the text of an element, which may be broken into lines, into the view: 0; ERR_LIMIT: more
 * than burble_set_picture_max says; ERR_SYNTAX: no base64, or nothing; ERR_MEMORY. */
int picture_decode(struct burble *c, struct xml x, struct slice *out);
/* False: no hash could be made. */
bool picture_id(struct slice data, char out[PICTURE_ID_BYTES]);
/* 40 hexadecimal digits. */
bool picture_is_id(struct slice s);
/* Is it the picture of that name, in either case? */
bool picture_has_id(struct slice data, const char *id);
uint32_t picture_max(const struct burble *c);

#endif
