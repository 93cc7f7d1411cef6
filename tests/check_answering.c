/* The worker's session machine: its whole table, its typed walk, its refusals, its candidates. */
#include "fsm/answering.h"

#include "base/bytes.h"
#include "support/check_main.h"
#include "support/fsm_walk.h"

static struct hws_answering *answering;

static void setup(void)
{
    answering = hws_answering_new();
    ck_assert_ptr_nonnull(answering);
}

static void teardown(void)
{
    hws_answering_free(answering);
}

static struct hws_answering_answering *offered(void)
{
    struct hws_answering_waiting *at = hws_answering_as_waiting(answering);
    struct hws_answering_answering *to = NULL;

    ck_assert_int_eq(hws_answering_offer(&at, &to), HWS_OK);
    ck_assert_ptr_null(at);
    return to;
}

/* Rows: none, waiting, answering, connected, closed. Columns: offer, answer, connect, close. */
enum {
    X = HWS_ANSWERING_ILLEGAL,
    A = HWS_ANSWERING_ANSWERING,
    N = HWS_ANSWERING_CONNECTED,
    C = HWS_ANSWERING_CLOSED,
};
static const uint8_t want[HWS_ANSWERING_STATE_COUNT][HWS_ANSWERING_INPUT_COUNT] = {
    {X, X, X, X},
    {A, X, X, C},
    {X, A, N, C},
    {X, X, X, C},
    {X, X, X, C},
};

static enum hws_err apply(void *machine, unsigned input)
{
    struct hws_answering_waiting *fresh = machine;
    struct hws_answering_answering *at = machine, *to = NULL;
    struct hws_answering_connected *connected = NULL;
    enum hws_err err;

    switch ((enum hws_answering_input)input) {
    case HWS_ANSWERING_OFFER:
        err = hws_answering_offer(&fresh, &to);
        fsm_walk_handles(err, fresh, machine, to);
        return err;
    case HWS_ANSWERING_ANSWER:
        return hws_answering_answer(at);
    case HWS_ANSWERING_CONNECT:
        err = hws_answering_connect(&at, &connected);
        fsm_walk_handles(err, at, machine, connected);
        return err;
    case HWS_ANSWERING_CLOSE:
        hws_answering_close(machine);
        return HWS_OK;
    case HWS_ANSWERING_INPUT_COUNT:
        break;
    }
    return HWS_ERR_ARGUMENT;
}

/* With its answer out, so that the guard of connect is met: the guard has a test of its own. */
static void *make(unsigned state)
{
    struct hws_answering *it = hws_answering_new();

    ck_assert_ptr_nonnull(it);
    if (state == A || state == N) {
        ck_assert_int_eq(apply(it, HWS_ANSWERING_OFFER), HWS_OK);
        ck_assert_int_eq(apply(it, HWS_ANSWERING_ANSWER), HWS_OK);
    }
    if (state == N) ck_assert_int_eq(apply(it, HWS_ANSWERING_CONNECT), HWS_OK);
    if (state == C) hws_answering_close(it);
    return it;
}

static void drop(void *machine)
{
    hws_answering_free(machine);
}

static unsigned state_of(const void *machine)
{
    return hws_answering_state(machine);
}

static const struct fsm_walk walk = {
    .table = &hws_answering_table,
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
    struct hws_answering_answering *at = offered();
    struct hws_answering_connected *connected = NULL;

    ck_assert_int_eq(hws_answering_answer(at), HWS_OK);
    ck_assert_int_eq(hws_answering_connect(&at, &connected), HWS_OK);
    ck_assert_ptr_null(at);
    ck_assert_ptr_eq(connected, hws_answering_as_connected(answering));
    ck_assert_str_eq(hws_answering_state_name(hws_answering_state(answering)), "connected");
}
END_TEST

START_TEST(nothing_connects_before_the_answer_went_out)
{
    struct hws_answering_answering *at = offered();
    struct hws_answering_connected *connected = NULL;
    char why[HWS_FSM_WHY_MAX];

    ck_assert_int_eq(hws_answering_connect(&at, &connected), HWS_ERR_STATE);
    hws_fsm_why(&hws_answering_table, hws_answering_state(answering), HWS_ANSWERING_CONNECT,
                "client 3", why, sizeof(why));
    ck_assert_str_eq(why, "client 3: connect is refused in state answering of answering, unless "
                          "our answer has gone out");
    ck_assert_ptr_nonnull(at); /* a failed transition consumes nothing */
    ck_assert_ptr_null(connected);
    ck_assert_int_eq(hws_answering_state(answering), HWS_ANSWERING_ANSWERING);
}
END_TEST

START_TEST(candidates_follow_the_answer)
{
    struct hws_answering_answering *at;
    struct hws_bytes got;

    ck_assert_int_eq(hws_answering_hold(answering, hws_bytes_of("candidate:1")), HWS_OK);
    at = offered();
    ck_assert(!hws_answering_next_candidate(answering, &got));
    ck_assert_int_eq(hws_answering_hold(answering, hws_bytes_of("candidate:2")), HWS_OK);
    ck_assert_int_eq(hws_answering_answer(at), HWS_OK);
    ck_assert(hws_answering_next_candidate(answering, &got));
    ck_assert(hws_bytes_equal(got, hws_bytes_of("candidate:1")));
    ck_assert(hws_answering_next_candidate(answering, &got));
    ck_assert(hws_bytes_equal(got, hws_bytes_of("candidate:2")));
    ck_assert(!hws_answering_next_candidate(answering, &got));
}
END_TEST

START_TEST(stale_handles_change_nothing)
{
    struct hws_answering_waiting *at = hws_answering_as_waiting(answering);
    struct hws_answering_waiting *stale = at;
    struct hws_answering_answering *to = NULL;

    ck_assert_int_eq(hws_answering_offer(&at, &to), HWS_OK);
    ck_assert_int_eq(hws_answering_offer(&stale, &to), HWS_ERR_STATE);
    hws_answering_close(answering);
    hws_answering_close(answering);
    ck_assert_int_eq(hws_answering_answer(to), HWS_ERR_STATE);
    ck_assert_int_eq(hws_answering_answer(NULL), HWS_ERR_STATE);
    ck_assert_int_eq(hws_answering_hold(answering, hws_bytes_of("x")), HWS_ERR_STATE);
    ck_assert_int_eq(hws_answering_state(answering), HWS_ANSWERING_CLOSED);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("walks");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, table_is_exactly_this);
    tcase_add_test(tc, transitions_do_what_the_table_says);
    tcase_add_test(tc, walks_to_connected);
    tcase_add_test(tc, nothing_connects_before_the_answer_went_out);
    tcase_add_test(tc, candidates_follow_the_answer);
    tcase_add_test(tc, stale_handles_change_nothing);
    return run_case("answering", tc);
}
