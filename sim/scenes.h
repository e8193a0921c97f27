/* The scenes that the simulation plays: each a dialogue that must come out the same whatever the
 * order of events. */
#ifndef SIM_SCENES_H
#define SIM_SCENES_H

#include "world.h"

struct scene {
    const char *name; /* "S1" */
    const char *about;
    void (*play)(struct world *w);
};

/* Ends with name NULL. */
extern const struct scene SCENES[];

/* What the scene expected and did not get; NULL: all was well. */
const char *scene_failure(void);
void scene_reset(void);
void scene_fail(const char *what);

/* scene_sm.c */
void scene_sessions(struct world *w);

#endif
