/* How burble ends. The same list is in `burble help` and in burble(1). */
#ifndef BURBLE_EXIT_CODE_H
#define BURBLE_EXIT_CODE_H

enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,     /* the server's answer was no, or the work could not be done here */
    EXIT_USAGE = 2,       /* the command line, the accounts or another file is wrong */
    EXIT_UNREACHABLE = 3, /* DNS, connecting, or a time limit */
    EXIT_LOGIN = 4,       /* certificate, SASL, a downgrade, a server that proves nothing (A12) */
    EXIT_PROTOCOL = 5,    /* what answers does not speak XMPP as it should (C04) */
    EXIT_INTERRUPTED = 6, /* a signal, or nobody reads standard output any more (C09) */
};

#endif
