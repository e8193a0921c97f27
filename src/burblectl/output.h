/* What burblectl says: aligned tables and records for people, a JSON array for programs, and
 * errors. Texts of the server may hold anything; on their way to a terminal they become harmless.
 */
#ifndef BURBLECTL_OUTPUT_H
#define BURBLECTL_OUTPUT_H

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "burblectl/commands.h"

enum { OUTPUT_ROWS_HELD = 1000 }; /* column widths are those of the first rows */

struct output {
    const struct command *command;
    bool json;
    size_t count; /* rows so far */
    char ***held; /* rows that wait for the widths; [row][column] */
    size_t held_count;
    size_t widths[COMMAND_COLUMNS_MAX];
    bool flushed; /* the widths are fixed, rows pass through */
    bool ended;
};

/* Begins with {.command = c, .json = ...}. */
void output_row(struct output *o, const json_t *row);
/* The rest of the rows, or what there is to say when there were none. good: the command was done.
 */
void output_end(struct output *o, bool good);

/* "burblectl: ..." to standard error, harmlessly; the text may have several lines. */
void output_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void output_verror(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

/* A copy without control characters, invalid bytes and characters that turn the direction of
 * writing; those become \xNN. Free with mem_free. */
char *output_harmless(const char *text);

#endif
