/* Stream management along a login by XEP-0388. */
#include "core/service/sm_inline.h"

#include "core/c2s.h"
#include "core/sm.h"

void sm_inline_enable(struct session *s, struct xml element, struct xml_writer *reply)
{
    struct buf answer = {0};
    (void)sm_enable(s->stream, element, &answer);
    xml_raw_put(reply, buf_slice(&answer));
    buf_free(&answer);
}

enum inline_answer sm_inline_resume(struct engine *e, struct c2s *stream, struct xml element,
                                    struct xml_writer *reply)
{
    struct buf answer = {0};
    enum sm_resumption result = sm_resume(stream, element, &answer);
    (void)e;
    xml_raw_put(reply, buf_slice(&answer));
    buf_free(&answer);
    return result == SM_RESUMED ? INLINE_RESUMED
           : result == SM_WAITS ? INLINE_WAITS
                                : INLINE_FAILED;
}

void sm_inline_resumed(struct engine *e, struct session *s)
{
    sm_replay(e, s);
}
