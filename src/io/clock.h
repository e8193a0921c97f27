/* The clocks. Everything above io gets the time as an argument. */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include "base/time.h"

/* CLOCK_MONOTONIC (it stands still while the machine sleeps, so that waking up is no mass time-out)
 * and CLOCK_REALTIME. Any thread; no system call where the kernel maps its clock (vDSO). */
struct now clock_now(void);

#endif
