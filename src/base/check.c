/* The end of a process that found a bug in itself. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "critical event=bug check=\"%s\" at=%s:%d\n", what, file, line);
    abort();
}
