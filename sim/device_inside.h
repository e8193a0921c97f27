/* What the files of a device share. */
#ifndef SIM_DEVICE_INSIDE_H
#define SIM_DEVICE_INSIDE_H

#include "device.h"
#include "xml/tree.h"

bool device_is_stanza(struct xml x);
/* The server has handled so many. */
void device_handled(struct device *d, uint32_t h, const char *where);
/* Bound: a session begins; the last one is forgotten, or what it did not get through is sent in the
 * new one, perhaps. */
void device_session_new(struct device *d);
void device_session_lost(struct device *d);
void device_session_begin(struct device *d);
void device_resumed(struct device *d, struct xml x);
void device_refused(struct device *d, struct xml x);
/* An element in a session. */
void device_element(struct device *d, struct xml x);
/* device_login.c: on the way there. */
void device_features(struct device *d, struct slice text);
void device_step(struct device *d, struct xml x);

#endif
