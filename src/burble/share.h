/* A file of ours, uploaded to the server (XEP-0363) by HTTPS; its link is what others get. */
#ifndef BURBLE_SHARE_H
#define BURBLE_SHARE_H

#include "burble/http.h"
#include "burble/local_file.h"
#include "burble/session.h"
#include "burble/upload.h"

struct share {
    struct session *session;
    /* The file is there, and url is its link; or NULL: it is not, and why was said; code is for
     * session_end. */
    void (*done)(struct session *s, const char *url, int code);

    struct http *http; /* inside */
    struct local_file local;
    char *url, *proxy;
};

/* When the session stands; one at a time. done is called later, unless share_close comes before. 0
 * or an exit code, having said why. */
int share_file(struct share *x, const char *path);
/* Before session_close. */
void share_close(struct share *x);

#endif
