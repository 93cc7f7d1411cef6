/* The negotiation machine: its whole table, its typed walk, and its refusals. */
#include "fsm/negotiation.h"

#include "support/check_main.h"

static const struct hws_sdp offer = {.sctp_port = 5000, .media_count = 1};
static const struct hws_sdp answer = {
    .type = HWS_SDP_ANSWER, .sctp_port = 5000, .media_count = 1, .setup = HWS_SETUP_ACTIVE};
static const struct hws_sdp refusal = {
    .type = HWS_SDP_ANSWER, .sctp_port = 5000, .media_count = 2, .setup = HWS_SETUP_ACTIVE};

static struct hws_neg *neg; /* Check runs each test in its own process */

static void setup(void)
{
    neg = hws_neg_new();
    ck_assert_ptr_nonnull(neg);
}

static void teardown(void)
{
    hws_neg_free(neg);
}

/* Written out a second time on purpose. Rows: none, stable, local offer, remote offer, closed.
 * Columns: send_offer, recv_offer, send_answer, recv_answer, rollback, close. */
START_TEST(table_is_exactly_this)
{
    enum {
        X = HWS_NEG_ILLEGAL,
        S = HWS_NEG_STABLE,
        L = HWS_NEG_LOCAL_OFFER,
        R = HWS_NEG_REMOTE_OFFER,
        C = HWS_NEG_CLOSED,
    };
    static const int want[HWS_NEG_STATE_COUNT][HWS_NEG_INPUT_COUNT] = {
        {X, X, X, X, X, X},
        {L, R, X, X, X, C},
        {X, X, X, S, S, C},
        {X, X, S, X, X, C},
        {X, X, X, X, X, C},
    };

    for (int from = 0; from < HWS_NEG_STATE_COUNT; from++) {
        for (int input = 0; input < HWS_NEG_INPUT_COUNT; input++) {
            ck_assert_int_eq(hws_neg_next((enum hws_neg_state)from, (enum hws_neg_input)input),
                             want[from][input]);
        }
    }
}
END_TEST

START_TEST(offer_then_answer_is_stable_again)
{
    struct hws_neg_stable *stable = hws_neg_as_stable(neg);
    struct hws_neg_local_offer *offered = NULL;

    ck_assert_int_eq(hws_neg_send_offer(&stable, &offer, &offered), HWS_OK);
    ck_assert_ptr_null(stable); /* consumed */
    ck_assert_ptr_nonnull(hws_neg_offer(neg));
    ck_assert_int_eq(hws_neg_recv_answer(&offered, &answer, &stable), HWS_OK);
    ck_assert_int_eq(hws_neg_state(neg), HWS_NEG_STABLE);
    ck_assert_ptr_null(hws_neg_offer(neg));
}
END_TEST

START_TEST(remote_offer_then_answer_is_stable_again)
{
    struct hws_neg_stable *stable = hws_neg_as_stable(neg);
    struct hws_neg_remote_offer *offered = NULL;

    ck_assert_int_eq(hws_neg_recv_offer(&stable, &offer, &offered), HWS_OK);
    ck_assert_int_eq(hws_neg_send_answer(&offered, &answer, &stable), HWS_OK);
    ck_assert_ptr_null(offered);
    ck_assert_int_eq(hws_neg_state(neg), HWS_NEG_STABLE);
}
END_TEST

START_TEST(rollback_drops_the_offer)
{
    struct hws_neg_stable *stable = hws_neg_as_stable(neg);
    struct hws_neg_local_offer *offered = NULL;

    ck_assert_int_eq(hws_neg_send_offer(&stable, &offer, &offered), HWS_OK);
    ck_assert_int_eq(hws_neg_rollback(&offered, &stable), HWS_OK);
    ck_assert_ptr_null(hws_neg_offer(neg));
    ck_assert_ptr_nonnull(stable);
}
END_TEST

START_TEST(a_refused_answer_changes_nothing)
{
    struct hws_neg_stable *stable = hws_neg_as_stable(neg);
    struct hws_neg_local_offer *offered = NULL;

    ck_assert_int_eq(hws_neg_send_offer(&stable, &offer, &offered), HWS_OK);
    ck_assert_int_eq(hws_neg_recv_answer(&offered, &refusal, &stable), HWS_ERR_MISMATCH);
    ck_assert_ptr_null(stable);
    ck_assert_int_eq(hws_neg_recv_answer(&offered, &answer, &stable), HWS_OK);
}
END_TEST

START_TEST(an_outdated_handle_fails_cleanly)
{
    struct hws_neg_stable *stable = hws_neg_as_stable(neg);
    struct hws_neg_local_offer *offered = NULL;

    hws_neg_close(neg); /* as the network might, between two of our calls */
    ck_assert_int_eq(hws_neg_send_offer(&stable, &offer, &offered), HWS_ERR_STATE);
    ck_assert_ptr_null(offered);
    ck_assert_int_eq(hws_neg_rollback(&offered, &stable), HWS_ERR_STATE); /* a NULL handle too */
}
END_TEST

START_TEST(close_is_legal_in_every_state)
{
    struct hws_neg_stable *stable = hws_neg_as_stable(neg);
    struct hws_neg_remote_offer *offered = NULL;

    ck_assert_int_eq(hws_neg_recv_offer(&stable, &offer, &offered), HWS_OK);
    hws_neg_close(neg);
    hws_neg_close(neg);
    ck_assert_int_eq(hws_neg_state(neg), HWS_NEG_CLOSED);
    ck_assert_int_eq(hws_neg_send_answer(&offered, &answer, &stable), HWS_ERR_STATE);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("walks");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, table_is_exactly_this);
    tcase_add_test(tc, offer_then_answer_is_stable_again);
    tcase_add_test(tc, remote_offer_then_answer_is_stable_again);
    tcase_add_test(tc, rollback_drops_the_offer);
    tcase_add_test(tc, a_refused_answer_changes_nothing);
    tcase_add_test(tc, an_outdated_handle_fails_cleanly);
    tcase_add_test(tc, close_is_legal_in_every_state);
    return run_case("negotiation", tc);
}
