/* Files sent inside of the session to one device of somebody (XEP-0234 over XEP-0261). */
#ifndef BURBLE_SEND_INBAND_H
#define BURBLE_SEND_INBAND_H

#include "burble/local_file.h"
#include "burble/resources.h"

struct send_inband {
    struct session *session;
    char *to; /* an address; without a resource: a contact, whose devices are asked */
    char **paths;
    size_t count;
    /* A file has come there. */
    void (*sent)(struct session *s, const struct local_file *f, const char *to);

    struct resources resources; /* inside */
    char **devices;
    size_t device_count, device, asked;
    bool chosen;
    size_t at;
    struct local_file local;
    struct burble_file *file;
};

/* After session_open with this as its argument, before it runs. 0 or an exit code, having said why.
 */
int send_inband_open(struct send_inband *w);
/* The session stands. It is ended when all is done, or something failed. */
void send_inband_begin(struct send_inband *w);
/* Before session_close. */
void send_inband_stop(struct send_inband *w);
void send_inband_close(struct send_inband *w);

#endif
