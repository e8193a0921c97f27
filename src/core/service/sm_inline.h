/* Stream management along a login by XEP-0388 (XEP-0198 section 9; core/service/inline.h). */
#ifndef CORE_SERVICE_SM_INLINE_H
#define CORE_SERVICE_SM_INLINE_H

#include "core/service/inline.h"

/* <enable/> inside of a bind: writes <enabled/> or <failed/> into <bound/>. */
void sm_inline_enable(struct session *s, struct xml element, struct xml_writer *reply);
/* <resume/>: see struct inline_resume. */
enum inline_answer sm_inline_resume(struct engine *e, struct c2s *stream, struct xml element,
                                    struct xml_writer *reply);
void sm_inline_resumed(struct engine *e, struct session *s);

#endif
