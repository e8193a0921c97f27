/* A client whose memory runs out, in tests that are linked with base/test_memory. */
#ifndef CLIENT_TEST_STARVE_H
#define CLIENT_TEST_STARVE_H

#include "base/test_memory.h"
#include "client/test_client.h"

/* The server says this, or time passes (NULL). What the test itself needs memory for is not
 * refused. */
void starve_feed(struct test_client *t, const char *bytes);

#endif
