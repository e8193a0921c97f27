/* Inside of the conformance suite: the steps that its tests share. */
#ifndef STORE_TEST_SUITE_H
#define STORE_TEST_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/conformance.h"

#define ALICE  SLICE("alice@burble.example")
#define BOB    SLICE("bob@burble.example")
#define CAROL  SLICE("carol@burble.example")
#define ROSTER SLICE("roster")
#define LOG    SLICE("archive")

/* A new store of the kind that is tested; freed with the desk. */
struct desk *suite_open(void **state);
struct store_request *suite_batch(void);
struct store_request *suite_query(void);
/* Carries out, compares the error, frees. */
void suite_expect_err(struct desk *d, struct store_request *r, int err);
/* An item of the owner under ROSTER; it must succeed. */
void suite_put(struct desk *d, struct slice owner, const char *key, const char *value);
/* An entry of the log LOG; its position. */
uint64_t suite_append(struct desk *d, const struct slice *owners, size_t n, const char *text);
/* "key=value key=value ...", with a + behind it when there is more; then frees. */
void suite_expect_rows(struct desk *d, struct store_request *r, const char *wanted);
/* All of ROSTER, all of LOG. */
void suite_expect_list(struct desk *d, struct slice owner, const char *wanted);
void suite_expect_range(struct desk *d, struct slice owner, const char *wanted);
void suite_expect_count(struct desk *d, struct slice owner, struct slice name, uint64_t count,
                        int64_t bytes);

extern const struct CMUnitTest suite_log_tests[];
extern const size_t suite_log_test_count;
extern const struct CMUnitTest suite_search_tests[];
extern const size_t suite_search_test_count;

#endif
