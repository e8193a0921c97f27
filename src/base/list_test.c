/* Tests of list.h: order, removal while walking, nodes in no list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"
#include "base/test_support.h"

struct item {
    int value;
    struct list link;
};

static int value_of(struct list *node)
{
    return CONTAINER_OF(node, struct item, link)->value;
}

static void pushes_and_pops_keep_the_order(void **state)
{
    (void)state;
    struct list head;
    list_init(&head);
    assert_true(list_empty(&head));
    assert_null(list_pop(&head));
    struct item a = {.value = 1}, b = {.value = 2}, c = {.value = 3};
    list_push(&head, &b.link);
    list_push(&head, &c.link);
    list_push_front(&head, &a.link);
    for (int i = 1; i <= 3; i++)
        assert_int_equal(value_of(list_pop(&head)), i);
    assert_true(list_empty(&head));
}

static void a_zeroed_or_removed_node_is_in_no_list_and_may_be_removed_again(void **state)
{
    (void)state;
    struct list head;
    struct item a = {0};
    list_init(&head);
    assert_false(list_linked(&a.link));
    list_remove(&a.link);
    list_push(&head, &a.link);
    assert_true(list_linked(&a.link));
    list_remove(&a.link);
    assert_false(list_linked(&a.link));
    list_remove(&a.link);
    assert_true(list_empty(&head));
    list_push(&head, &a.link);
    assert_int_equal(value_of(list_pop(&head)), 0);
    assert_false(list_linked(&a.link));
}

static void the_current_node_may_be_removed_while_walking(void **state)
{
    (void)state;
    struct list head;
    struct item items[10];
    list_init(&head);
    for (int i = 0; i < 10; i++) {
        items[i] = (struct item){.value = i};
        list_push(&head, &items[i].link);
    }
    int visited = 0;
    LIST_EACH(it, &head)
    {
        assert_int_equal(value_of(it), visited++);
        if (value_of(it) % 2 == 0)
            list_remove(it);
    }
    assert_int_equal(visited, 10);
    int expected = 1;
    LIST_EACH(it, &head)
    {
        assert_int_equal(value_of(it), expected);
        expected += 2;
    }
    assert_int_equal(expected, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pushes_and_pops_keep_the_order),
        cmocka_unit_test(a_zeroed_or_removed_node_is_in_no_list_and_may_be_removed_again),
        cmocka_unit_test(the_current_node_may_be_removed_while_walking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
