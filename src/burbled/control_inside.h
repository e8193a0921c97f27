/* What the files of the control socket share. */
#ifndef BURBLED_CONTROL_INSIDE_H
#define BURBLED_CONTROL_INSIDE_H

#include "burbled/control_request.h"
#include "burbled/control_row.h"
#include "burbled/control_server.h"
#include "core/handle.h"
#include "io/conn.h"
#include "io/unix_socket.h"

struct control {
    struct server *server;
    struct loop_fd listener;
    char path[UNIX_SOCKET_PATH_MAX + 1];
    struct list conns; /* struct control_conn */
    unsigned count;
    struct conn_reserve reserve; /* a descriptor for the administrator when none is left (R03) */
    bool paused;                 /* even that was not enough: until the next tick */
    struct handles handles;
};

struct control_conn {
    struct list link;
    struct loop_fd watch;
    struct control *control;
    uint64_t handle;
    struct unix_peer peer;
    enum control_state {
        CONTROL_READING,
        CONTROL_RUNNING,  /* waits for shards, a reload, the store */
        CONTROL_STOPPING, /* waits for the end of the server */
        CONTROL_ENDING,   /* the answer is to be sent */
    } state;
    enum control_extra { CONTROL_PLAIN, CONTROL_HOSTS, CONTROL_STATS } extra;
    struct buf in, out;
    struct admin_request *held; /* goes on when out is sent */
    uint64_t deadline_ms;
};

/* control_server.c: the answer is complete: ok, or the error (text NULL: ok). */
void control_end(struct control_conn *conn, enum control_exit exit, const char *text);
/* Something was added to out. */
void control_send(struct control_conn *conn);

/* control_commands.c: carries out the request; its line stays valid during the call. */
void control_run(struct control_conn *conn, const struct control_request *request);
/* Sends the request to the shard that it wants to go to next. */
void control_forward(struct control *c, struct admin_request *r);

#endif
