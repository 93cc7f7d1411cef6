/* The client's session machine: its whole table, its typed walk, its refusals, its candidates. */
#include "fsm/offering.h"

#include "base/bytes.h"
#include "fsm/held.h"
#include "support/check_main.h"
#include "support/fsm_walk.h"

#include <string.h>

static struct hws_offering *offering;

static void setup(void)
{
    offering = hws_offering_new();
    ck_assert_ptr_nonnull(offering);
}

static void teardown(void)
{
    hws_offering_free(offering);
}

static void hold(const char *text)
{
    ck_assert_int_eq(hws_offering_hold(offering, hws_bytes_of(text)), HWS_OK);
}

static void expect_next(const char *text)
{
    struct hws_bytes got;

    ck_assert_msg(hws_offering_next_candidate(offering, &got), "no candidate, want %s", text);
    ck_assert(hws_bytes_equal(got, hws_bytes_of(text)));
}

static void expect_none(void)
{
    struct hws_bytes got;

    ck_assert(!hws_offering_next_candidate(offering, &got));
}

static struct hws_offering_answered *answered(void)
{
    struct hws_offering_offered *at = hws_offering_as_offered(offering);
    struct hws_offering_answered *to = NULL;

    ck_assert_int_eq(hws_offering_answer(&at, &to), HWS_OK);
    ck_assert_ptr_null(at);
    return to;
}

/* Rows: none, offering, answered, connected, closed. Columns: answer, connect, close. */
enum {
    X = HWS_OFFERING_ILLEGAL,
    A = HWS_OFFERING_ANSWERED,
    N = HWS_OFFERING_CONNECTED,
    C = HWS_OFFERING_CLOSED,
};
static const uint8_t want[HWS_OFFERING_STATE_COUNT][HWS_OFFERING_INPUT_COUNT] = {
    {X, X, X},
    {A, X, C},
    {X, N, C},
    {X, X, C},
    {X, X, C},
};

static enum hws_err apply(void *machine, unsigned input)
{
    struct hws_offering_offered *fresh = machine;
    struct hws_offering_answered *at = machine, *to = NULL;
    struct hws_offering_connected *connected = NULL;
    enum hws_err err;

    switch ((enum hws_offering_input)input) {
    case HWS_OFFERING_ANSWER:
        err = hws_offering_answer(&fresh, &to);
        fsm_walk_handles(err, fresh, machine, to);
        return err;
    case HWS_OFFERING_CONNECT:
        err = hws_offering_connect(&at, &connected);
        fsm_walk_handles(err, at, machine, connected);
        return err;
    case HWS_OFFERING_CLOSE:
        hws_offering_close(machine);
        return HWS_OK;
    case HWS_OFFERING_INPUT_COUNT:
        break;
    }
    return HWS_ERR_ARGUMENT;
}

static void *make(unsigned state)
{
    struct hws_offering *it = hws_offering_new();

    ck_assert_ptr_nonnull(it);
    if (state == A || state == N) ck_assert_int_eq(apply(it, HWS_OFFERING_ANSWER), HWS_OK);
    if (state == N) ck_assert_int_eq(apply(it, HWS_OFFERING_CONNECT), HWS_OK);
    if (state == C) hws_offering_close(it);
    return it;
}

static void drop(void *machine)
{
    hws_offering_free(machine);
}

static unsigned state_of(const void *machine)
{
    return hws_offering_state(machine);
}

static const struct fsm_walk walk = {
    .table = &hws_offering_table,
    .want = &want[0][0],
    .make = make,
    .drop = drop,
    .state = state_of,
    .apply = apply,
};

START_TEST(table_is_exactly_this)
{
    fsm_walk_table(&walk);
}
END_TEST

START_TEST(transitions_do_what_the_table_says)
{
    fsm_walk_cells(&walk);
}
END_TEST

START_TEST(walks_to_connected)
{
    struct hws_offering_answered *at = answered();
    struct hws_offering_connected *connected = NULL;

    ck_assert_int_eq(hws_offering_state(offering), HWS_OFFERING_ANSWERED);
    ck_assert_int_eq(hws_offering_connect(&at, &connected), HWS_OK);
    ck_assert_ptr_null(at);
    ck_assert_ptr_eq(connected, hws_offering_as_connected(offering));
    ck_assert_str_eq(hws_offering_state_name(hws_offering_state(offering)), "connected");
}
END_TEST

START_TEST(candidates_wait_for_the_answer_and_keep_their_order)
{
    hold("candidate:1");
    hold("candidate:2");
    expect_none();
    answered();
    hold("candidate:3");
    hold(""); /* their end */
    expect_next("candidate:1");
    expect_next("candidate:2");
    expect_next("candidate:3");
    expect_next("");
    expect_none();
}
END_TEST

START_TEST(a_stale_handle_changes_nothing)
{
    struct hws_offering_offered *at = hws_offering_as_offered(offering);
    struct hws_offering_offered *stale = at;
    struct hws_offering_answered *to = NULL;

    ck_assert_int_eq(hws_offering_answer(&at, &to), HWS_OK);
    ck_assert_int_eq(hws_offering_answer(&stale, &to), HWS_ERR_STATE);
    ck_assert_int_eq(hws_offering_state(offering), HWS_OFFERING_ANSWERED);
    ck_assert_int_eq(hws_offering_answer(&at, &to), HWS_ERR_STATE); /* consumed: NULL */
}
END_TEST

START_TEST(close_is_legal_anywhere_and_drops_what_is_held)
{
    hold("candidate:1");
    hws_offering_close(offering);
    hws_offering_close(offering);
    ck_assert_int_eq(hws_offering_state(offering), HWS_OFFERING_CLOSED);
    expect_none();
    ck_assert_int_eq(hws_offering_hold(offering, hws_bytes_of("candidate:2")), HWS_ERR_STATE);
    ck_assert_ptr_null(hws_offering_as_offered(offering));
}
END_TEST

START_TEST(holding_has_a_bound)
{
    char big[HWS_HELD_TEXT_MAX + 2];

    for (int i = 0; i < HWS_HELD_MAX; i++) {
        hold("candidate:x");
    }
    ck_assert_int_eq(hws_offering_hold(offering, hws_bytes_of("candidate:y")), HWS_ERR_FULL);
    memset(big, 'a', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    ck_assert_int_eq(hws_offering_hold(offering, hws_bytes_of(big)), HWS_ERR_TOO_BIG);
    answered();
    for (int i = 0; i < HWS_HELD_MAX; i++) {
        expect_next("candidate:x");
    }
    expect_none();
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("walks");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, table_is_exactly_this);
    tcase_add_test(tc, transitions_do_what_the_table_says);
    tcase_add_test(tc, walks_to_connected);
    tcase_add_test(tc, candidates_wait_for_the_answer_and_keep_their_order);
    tcase_add_test(tc, a_stale_handle_changes_nothing);
    tcase_add_test(tc, close_is_legal_anywhere_and_drops_what_is_held);
    tcase_add_test(tc, holding_has_a_bound);
    return run_case("offering", tc);
}
