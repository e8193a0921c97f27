/* XEP-0077. */
#include "core/c2s.h"

const struct c2s_register_hook *const C2S_REGISTER = NULL;
