/* Inside of HTTP upload: what is believed of a slot. */
#ifndef CLIENT_UPLOAD_H
#define CLIENT_UPLOAD_H

#include "burble/upload.h"
#include "client/view.h"

#define NS_UPLOAD SLICE("urn:xmpp:http:upload:0")

/* Reads <slot/> into URLs and headers of *out, which are the view's. NULL, or why it cannot be
 * used. http: http:// will do. */
const char *upload_slot_read(struct burble_tree *view, struct xml slot, bool http,
                             struct burble_slot *out);

#endif
