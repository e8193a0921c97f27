/* Names of files as strangers give them (V70): whatever comes, what is saved under is one visible
 * component of a path, and stays what it is when it is made safe again. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/utf8.h"
#include "burble/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char name[4096];
    char safe[BURBLE_FILE_NAME_BYTES], again[BURBLE_FILE_NAME_BYTES];
    if (size >= sizeof(name))
        return 0;
    memcpy(name, data, size);
    name[size] = '\0';
    burble_file_safe_name(name, safe);
    size_t len = strlen(safe);
    CHECK(len > 0 && len < sizeof(safe) && utf8_valid(slice_z(safe)));
    CHECK(strpbrk(safe, "/\\:*?\"<>|\n\r\t\x1b") == NULL);
    CHECK(strchr(".-~ ", safe[0]) == NULL && strchr(". ", safe[len - 1]) == NULL);
    burble_file_safe_name(safe, again);
    CHECK(strcmp(safe, again) == 0);
    return 0;
}
