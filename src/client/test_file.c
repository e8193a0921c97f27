/* Bob's side of a file. */
#include "client/test_file.h"

void test_jingle(struct test_client *t, const char *action, const char *sid, const char *in)
{
    (void)test_sent(t);
    test_receivef(t,
                  "<iq type='set' id='q' from='" BOB "'><jingle xmlns='" JINGLE
                  "' action='%s' sid='%s'>%s</jingle></iq>",
                  action, sid, in);
}
