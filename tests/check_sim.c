/* The simulator itself: the same seed gives the same run, the oracle knows the NATs, what is broken
 * is seen; and a few hundred seeds of it. make check-sim runs thousands. */
#include "sim/world.h"

#include "support/check_main.h"

#include <string.h>

enum { TRACED = 60, AGENT_SEEDS = 1500, PEER_SEEDS = 300 };

static struct sim_result run(const struct sim_kind *kind, uint64_t seed)
{
    static struct sim_plan plan;
    struct sim_result result;

    sim_plan_make(&plan, seed);
    sim_run(&plan, kind, NULL, &result);
    return result;
}

START_TEST(same_seed_same_trace)
{
    uint64_t traces[TRACED];

    for (int i = 0; i < TRACED; i++) {
        traces[i] = run(&sim_agents, (uint64_t)i + 1).trace;
        for (int j = 0; j < i; j++) {
            ck_assert_uint_ne(traces[i], traces[j]);
        }
    }
    for (int i = TRACED - 1; i >= 0; i--) { /* whatever ran before */
        ck_assert_uint_eq(run(&sim_agents, (uint64_t)i + 1).trace, traces[i]);
    }
}
END_TEST

/* wolfSSL and usrsctp draw numbers of their own: of whole peers it is the outcome that is equal. */
START_TEST(same_seed_same_outcome)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sim_result a = run(&sim_peers, seed), b = run(&sim_peers, seed);

        ck_assert_int_eq(a.connected, b.connected);
        ck_assert_str_eq(a.broken, b.broken);
    }
}
END_TEST

START_TEST(agents_hold)
{
    for (uint64_t seed = 1; seed <= AGENT_SEEDS; seed++) {
        struct sim_result result = run(&sim_agents, seed);

        ck_assert_msg(!result.broken[0], "sim --ice --first %llu --seeds 1 --trace: %s",
                      (unsigned long long)seed, result.broken);
    }
}
END_TEST

START_TEST(peers_hold)
{
    for (uint64_t seed = 1; seed <= PEER_SEEDS; seed++) {
        struct sim_result result = run(&sim_peers, seed);

        ck_assert_msg(!result.broken[0], "sim --peers --first %llu --seeds 1 --trace: %s",
                      (unsigned long long)seed, result.broken);
    }
}
END_TEST

/* ---- The oracle: who reaches whom is known (RFC 5128 section 3.3) */

/* clang-format off */
static const struct {
    enum sim_rule mapping[2], filtering[2];
    bool reachable;
} nats[] = {
    {{SIM_ENDPOINT_INDEPENDENT, SIM_ENDPOINT_INDEPENDENT},
     {SIM_ENDPOINT_INDEPENDENT, SIM_ENDPOINT_INDEPENDENT}, true},
    {{SIM_ENDPOINT_INDEPENDENT, SIM_ENDPOINT_INDEPENDENT},
     {SIM_PORT_DEPENDENT, SIM_PORT_DEPENDENT}, true},
    {{SIM_PORT_DEPENDENT, SIM_ENDPOINT_INDEPENDENT},
     {SIM_PORT_DEPENDENT, SIM_ADDRESS_DEPENDENT}, true},
    {{SIM_PORT_DEPENDENT, SIM_ENDPOINT_INDEPENDENT},
     {SIM_PORT_DEPENDENT, SIM_PORT_DEPENDENT}, false},
    {{SIM_ADDRESS_DEPENDENT, SIM_ENDPOINT_INDEPENDENT},
     {SIM_PORT_DEPENDENT, SIM_PORT_DEPENDENT}, false},
    {{SIM_PORT_DEPENDENT, SIM_PORT_DEPENDENT},
     {SIM_PORT_DEPENDENT, SIM_PORT_DEPENDENT}, false},
    {{SIM_PORT_DEPENDENT, SIM_PORT_DEPENDENT},
     {SIM_ENDPOINT_INDEPENDENT, SIM_PORT_DEPENDENT}, false},
    {{SIM_PORT_DEPENDENT, SIM_ENDPOINT_INDEPENDENT},
     {SIM_ENDPOINT_INDEPENDENT, SIM_PORT_DEPENDENT}, false},
};
/* clang-format on */

static void plan_of(struct sim_plan *plan, size_t row)
{
    sim_plan_make_plain(plan, 1, 0);
    for (size_t i = 0; i < 2; i++) {
        plan->net.nats[i].mapping = nats[row].mapping[i];
        plan->net.nats[i].filtering = nats[row].filtering[i];
    }
    plan->reachable = sim_is_reachable(&plan->net);
}

START_TEST(oracle_and_ice_agree)
{
    static struct sim_plan plan;
    struct sim_result result;

    plan_of(&plan, (size_t)_i);
    ck_assert_int_eq(plan.reachable, nats[_i].reachable);
    sim_run(&plan, &sim_agents, NULL, &result);
    ck_assert_str_eq(result.broken, "");
    ck_assert_int_eq(result.connected, nats[_i].reachable);
}
END_TEST

/* A judge that never finds anything would be no judge. */
START_TEST(what_is_broken_is_seen)
{
    static struct sim_plan plan;
    struct sim_result result;

    plan_of(&plan, 3);
    plan.reachable = true;
    sim_run(&plan, &sim_agents, NULL, &result);
    ck_assert(strstr(result.broken, "gave up"));
    plan_of(&plan, 0);
    plan.reachable = false;
    sim_run(&plan, &sim_agents, NULL, &result);
    ck_assert_str_eq(result.broken, "a path where there is none");
    plan_of(&plan, 0);
    plan.weather.delay = HWS_SEC(70); /* nothing arrives within the patience of a check */
    sim_run(&plan, &sim_agents, NULL, &result);
    ck_assert(result.broken[0]);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("sim");

    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, same_seed_same_trace);
    tcase_add_test(tc, same_seed_same_outcome);
    tcase_add_test(tc, agents_hold);
    tcase_add_test(tc, peers_hold);
    tcase_add_loop_test(tc, oracle_and_ice_agree, 0, ROWS(nats));
    tcase_add_test(tc, what_is_broken_is_seen);
    return run_case("simulator", tc);
}
