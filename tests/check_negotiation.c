/* The negotiation machine: its whole table, its typed walk, and its refusals. */
#include "fsm/negotiation.h"

#include "support/check_main.h"
#include "support/fsm_walk.h"

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

/* Written out a second time on purpose. Rows: none, stable, local offer, remote offer, local and
 * remote provisional answer, closed. Columns: send_offer, recv_offer, send_answer, recv_answer,
 * send_pranswer, recv_pranswer, rollback, close. */
enum {
    X = HWS_NEG_ILLEGAL,
    S = HWS_NEG_STABLE,
    L = HWS_NEG_LOCAL_OFFER,
    R = HWS_NEG_REMOTE_OFFER,
    P = HWS_NEG_LOCAL_PRANSWER,
    Q = HWS_NEG_REMOTE_PRANSWER,
    C = HWS_NEG_CLOSED,
};
static const uint8_t want[HWS_NEG_STATE_COUNT][HWS_NEG_INPUT_COUNT] = {
    {X, X, X, X, X, X, X, X},
    {L, R, X, X, X, X, X, C},
    {X, X, X, S, X, Q, S, C},
    {X, X, S, X, P, X, X, C},
    {X, X, S, X, P, X, X, C},
    {X, X, X, S, X, Q, X, C},
    {X, X, X, X, X, X, X, C},
};

static enum hws_err apply_offer(struct hws_neg *it, bool ours)
{
    struct hws_neg_stable *from = (struct hws_neg_stable *)it;
    struct hws_neg_local_offer *local = NULL;
    struct hws_neg_remote_offer *remote = NULL;
    const struct hws_sdp *before = hws_neg_offer(it);
    enum hws_err err = ours ? hws_neg_send_offer(&from, &offer, &local)
                            : hws_neg_recv_offer(&from, &offer, &remote);

    fsm_walk_handles(err, from, it, ours ? (void *)local : (void *)remote);
    if (err) ck_assert_ptr_eq(hws_neg_offer(it), before);
    return err;
}

/* An answer, final or not, of a machine that has the offer of the other side. */
static enum hws_err apply_ours(struct hws_neg *it, bool final)
{
    struct hws_neg_remote_offer *remote = (struct hws_neg_remote_offer *)it;
    struct hws_neg_local_pranswer *local = (struct hws_neg_local_pranswer *)it, *fresh = NULL;
    struct hws_neg_stable *to = NULL;
    enum hws_err err;

    if (hws_neg_state(it) == HWS_NEG_LOCAL_PRANSWER && final) {
        ck_assert_int_eq(hws_neg_send_answer(&remote, &answer, &to), HWS_ERR_STATE);
        err = hws_neg_send_final(&local, &answer, &to);
        fsm_walk_handles(err, local, it, to);
    } else if (hws_neg_state(it) == HWS_NEG_LOCAL_PRANSWER) {
        ck_assert_int_eq(hws_neg_send_pranswer(&remote, &answer, &fresh), HWS_ERR_STATE);
        return hws_neg_send_pranswer_again(local, &answer);
    } else if (final) {
        ck_assert_int_eq(hws_neg_send_final(&local, &answer, &to), HWS_ERR_STATE);
        err = hws_neg_send_answer(&remote, &answer, &to);
        fsm_walk_handles(err, remote, it, to);
    } else {
        ck_assert_int_eq(hws_neg_send_pranswer_again(local, &answer), HWS_ERR_STATE);
        err = hws_neg_send_pranswer(&remote, &answer, &fresh);
        fsm_walk_handles(err, remote, it, fresh);
    }
    return err;
}

static enum hws_err apply_theirs(struct hws_neg *it, bool final)
{
    struct hws_neg_local_offer *local = (struct hws_neg_local_offer *)it;
    struct hws_neg_remote_pranswer *remote = (struct hws_neg_remote_pranswer *)it, *fresh = NULL;
    struct hws_neg_stable *to = NULL;
    enum hws_err err;

    if (hws_neg_state(it) == HWS_NEG_REMOTE_PRANSWER && final) {
        ck_assert_int_eq(hws_neg_recv_answer(&local, &answer, &to), HWS_ERR_STATE);
        err = hws_neg_recv_final(&remote, &answer, &to);
        fsm_walk_handles(err, remote, it, to);
    } else if (hws_neg_state(it) == HWS_NEG_REMOTE_PRANSWER) {
        ck_assert_int_eq(hws_neg_recv_pranswer(&local, &answer, &fresh), HWS_ERR_STATE);
        return hws_neg_recv_pranswer_again(remote, &answer);
    } else if (final) {
        ck_assert_int_eq(hws_neg_recv_final(&remote, &answer, &to), HWS_ERR_STATE);
        err = hws_neg_recv_answer(&local, &answer, &to);
        fsm_walk_handles(err, local, it, to);
    } else {
        ck_assert_int_eq(hws_neg_recv_pranswer_again(remote, &answer), HWS_ERR_STATE);
        err = hws_neg_recv_pranswer(&local, &answer, &fresh);
        fsm_walk_handles(err, local, it, fresh);
    }
    return err;
}

/* The offer is there while the exchange is open, and not a moment longer. */
static enum hws_err apply_answer(struct hws_neg *it, bool ours, bool final)
{
    const struct hws_sdp *before = hws_neg_offer(it);
    enum hws_err err = ours ? apply_ours(it, final) : apply_theirs(it, final);

    ck_assert_ptr_eq(hws_neg_offer(it), !err && final ? NULL : before);
    return err;
}

static enum hws_err apply_rollback(struct hws_neg *it)
{
    struct hws_neg_local_offer *local = (struct hws_neg_local_offer *)it;
    struct hws_neg_stable *to = NULL;
    const struct hws_sdp *before = hws_neg_offer(it);
    enum hws_err err = hws_neg_rollback(&local, &to);

    fsm_walk_handles(err, local, it, to);
    ck_assert_ptr_eq(hws_neg_offer(it), err ? before : NULL);
    return err;
}

static enum hws_err apply(void *machine, unsigned input)
{
    switch ((enum hws_neg_input)input) {
    case HWS_NEG_SEND_OFFER:
    case HWS_NEG_RECV_OFFER:
        return apply_offer(machine, input == HWS_NEG_SEND_OFFER);
    case HWS_NEG_SEND_ANSWER:
    case HWS_NEG_RECV_ANSWER:
        return apply_answer(machine, input == HWS_NEG_SEND_ANSWER, true);
    case HWS_NEG_SEND_PRANSWER:
    case HWS_NEG_RECV_PRANSWER:
        return apply_answer(machine, input == HWS_NEG_SEND_PRANSWER, false);
    case HWS_NEG_ROLLBACK:
        return apply_rollback(machine);
    case HWS_NEG_CLOSE:
        hws_neg_close(machine);
        ck_assert_ptr_null(hws_neg_offer(machine));
        return HWS_OK;
    case HWS_NEG_INPUT_COUNT:
        break;
    }
    return HWS_ERR_ARGUMENT;
}

static void *make(unsigned state)
{
    struct hws_neg *it = hws_neg_new();

    ck_assert_ptr_nonnull(it);
    if (state == L || state == Q) ck_assert_int_eq(apply_offer(it, true), HWS_OK);
    if (state == R || state == P) ck_assert_int_eq(apply_offer(it, false), HWS_OK);
    if (state == P || state == Q) ck_assert_int_eq(apply_answer(it, state == P, false), HWS_OK);
    if (state == C) hws_neg_close(it);
    return it;
}

static void drop(void *machine)
{
    hws_neg_free(machine);
}

static unsigned state_of(const void *machine)
{
    return hws_neg_state(machine);
}

static const struct fsm_walk walk = {
    .table = &hws_neg_table,
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
    tcase_add_test(tc, transitions_do_what_the_table_says);
    tcase_add_test(tc, offer_then_answer_is_stable_again);
    tcase_add_test(tc, remote_offer_then_answer_is_stable_again);
    tcase_add_test(tc, rollback_drops_the_offer);
    tcase_add_test(tc, a_refused_answer_changes_nothing);
    tcase_add_test(tc, an_outdated_handle_fails_cleanly);
    tcase_add_test(tc, close_is_legal_in_every_state);
    return run_case("negotiation", tc);
}
