/* The documentation of the configuration says what the schema says: the man page, the reference,
 * the example file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "burbled/config.h"
#include "burbled/config_schema.h"
#include "io/files.h"

/* The file of the source tree as text; free with buf_free. */
static struct buf text_of(const char *name)
{
    struct buf text = {0};
    char path[1024];
    snprintf(path, sizeof(path), SOURCE_ROOT "/%s", name);
    if (file_read(path, 1000000, &text, NULL) != 0)
        fail_msg("cannot read %s", path);
    buf_byte(&text, '\0');
    return text;
}

static void expect_key(const char *page, const struct config_key *key)
{
    char want[256], def[128] = "";
    if (key->type == CONFIG_KEY_NUMBER)
        snprintf(def, sizeof(def), " No = %u\n", (unsigned)key->def);
    else if (key->type == CONFIG_KEY_BOOL)
        snprintf(def, sizeof(def), " No = %s\n", key->def != 0 ? "true" : "false");
    else if (key->type == CONFIG_KEY_CHOICE && !key->required)
        snprintf(def, sizeof(def), " No = \\(dq%s\\(dq\n", key->choices[key->def]);
    else if (key->type == CONFIG_KEY_STRING && key->def_text != NULL)
        snprintf(def, sizeof(def), " No = \\(dq%s\\(dq\n", key->def_text);
    snprintf(want, sizeof(want), ".It Ic %s%s", key->name, def[0] != '\0' ? def : "\n");
    if (strstr(page, want) == NULL)
        fail_msg("burble.conf.5 lacks: %s", want);
    for (size_t i = 0; key->choices != NULL && key->choices[i] != NULL; i++) {
        snprintf(want, sizeof(want), ".Ql %s", key->choices[i]);
        if (!key->required && i == key->def)
            continue;
        if (strstr(page, want) == NULL)
            fail_msg("burble.conf.5 lacks the choice %s of %s", key->choices[i], key->name);
    }
}

static void the_man_page_has_every_key_and_default(void **state)
{
    (void)state;
    struct buf page = text_of("docs/man/burble.conf.5");
    const struct config_group *groups[16] = {&CONFIG_ROOT};
    for (size_t n = 1, at = 0; at < n; at++) {
        for (size_t i = 0; i < groups[at]->count; i++) {
            const struct config_key *key = &groups[at]->keys[i];
            if (key->group != NULL && strcmp(key->name, "contact") != 0)
                groups[n++] = key->group;
            expect_key(page.ptr, key);
        }
    }
    buf_free(&page);
}

static void the_man_page_has_the_range_of_every_limit(void **state)
{
    (void)state;
    struct buf page = text_of("docs/man/burble.conf.5");
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++) {
        const struct config_limit *l = &CONFIG_LIMIT_TABLE[i];
        char item[128], range[64];
        snprintf(item, sizeof(item), ".It Ic %s ", l->name);
        snprintf(range, sizeof(range), "%u to %u%s", (unsigned)l->min, (unsigned)l->max,
                 l->off == CONFIG_LIMIT_STAYS ? ".\n" : "; switched off by rate = false.\n");
        const char *at = strstr(page.ptr, item);
        assert_non_null(at);
        const char *found = strstr(at, range), *next = strstr(at + 1, "\n.");
        if (found == NULL || found > next)
            fail_msg("burble.conf.5: %s: expected %s", l->name, range);
    }
    buf_free(&page);
}

static void the_reference_is_what_the_server_prints(void **state)
{
    (void)state;
    struct buf page = text_of("docs/configuration.md");
    char *printed = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&printed, &len);
    config_print_schema(to);
    fclose(to);
    if (strcmp(printed, page.ptr) != 0)
        fail_msg("run: burbled --print-options > docs/configuration.md");
    free(printed);
    buf_free(&page);
}

static void the_example_is_right(void **state)
{
    (void)state;
    struct config c;
    struct config_errors errors = {0};
    assert_int_equal(config_load(SOURCE_ROOT "/packaging/burble.conf", &c, &errors), 0);
    assert_int_equal(errors.count, 0);
    assert_string_equal(c.hosts[0].name, "localhost");
    config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_man_page_has_every_key_and_default),
        cmocka_unit_test(the_man_page_has_the_range_of_every_limit),
        cmocka_unit_test(the_reference_is_what_the_server_prints),
        cmocka_unit_test(the_example_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
