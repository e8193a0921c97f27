/* What the process asks of the system for itself. */
#ifndef IO_PROCESS_H
#define IO_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* Fewer descriptors than this deserve a warning (O12). */
enum { PROCESS_DESCRIPTORS_MIN = 1024 };

/* Raises the limit of descriptors to the hard one, at most `wanted` (0: no wish); returns what
 * holds now. */
uint64_t process_raise_descriptors(uint64_t wanted);
/* Opens /dev/null in place of a standard descriptor that is closed, so that no socket gets number
 * 0, 1 or 2 (O12). */
void process_open_standard(void);
/* O07. */
bool process_is_root(void);
/* No new privileges, no core dumps, no tracing by others, umask 0077. Best effort. Builds with a
 * sanitizer may be traced: their leak check does it. */
void process_harden(void);
/* No process and no thread can be made any more (root is exempt). Not in builds with a sanitizer.
 */
void process_no_more_threads(void);
/* Processors that this process may use, at least 1. */
unsigned process_processors(void);
/* Resident memory in bytes, 0 when unknown. */
uint64_t process_resident_bytes(void);
/* CPU time used so far by all threads, in microseconds. */
uint64_t process_cpu_us(void);

#endif
