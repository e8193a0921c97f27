/* Signals as readable events. */
#ifndef IO_SIGNALS_H
#define IO_SIGNALS_H

/* Blocks SIGTERM, SIGINT, SIGHUP and SIGUSR1 for the process and makes a descriptor that is
 * readable when one came (watch it with LOOP_READ); ignores SIGPIPE. Call it on the main thread
 * before any other is started. 0, ERR_FULL, ERR_IO. */
int signals_open(int *fd_out);
/* The next one that came, or 0. */
int signals_next(int fd);
/* Closes it; the signals have their default effect again. */
void signals_close(int *fd);

#endif
