/* The server: its start in order, its main thread (signals, control socket, watchdog), its end. */
#ifndef BURBLED_SERVER_H
#define BURBLED_SERVER_H

/* Exit statuses, after sysexits.h; those of reliability sections 2.5 and 2.8. */
enum server_exit {
    EXIT_GOOD = 0,
    EXIT_WRONG_USAGE = 64,
    EXIT_INTERNAL = 70,
    EXIT_SYSTEM = 71,      /* a port is in use, no memory, no descriptors */
    EXIT_CANNOT_MAKE = 73, /* the data folder */
    EXIT_STORAGE = 74,     /* the database */
    EXIT_TRY_LATER = 75,   /* another server has the data folder */
    EXIT_NOT_PERMITTED = 77,
    EXIT_BAD_CONFIG = 78,
};

/* Serves what the file says until the process is told to end. Returns the exit status. */
int server_main(const char *config_path);

#endif
