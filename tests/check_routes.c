/* The table of a shared port: found again, moved, dropped, bounded. */
#include "io/routes.h"

#include "support/check_main.h"

static struct hws_routes routes;
static int owners[4];

static struct hws_address address(unsigned number)
{
    return (struct hws_address){
        .ip = {10, 0, (uint8_t)(number >> 8), (uint8_t)number},
        .port = (uint16_t)(1024 + number % 7),
        .family = HWS_FAMILY_IP4
    };
}

static void *find(unsigned number)
{
    struct hws_address addr = address(number);

    return hws_routes_find(&routes, &addr);
}

static void set(unsigned number, void *owner)
{
    struct hws_address addr = address(number);

    ck_assert_int_eq(hws_routes_set(&routes, &addr, owner), HWS_OK);
}

static void fresh(void)
{
    routes = (struct hws_routes){.seed = 42};
}

static void drop_all(void)
{
    hws_routes_fini(&routes);
}

START_TEST(finds_what_was_set)
{
    ck_assert_ptr_null(find(1));
    for (unsigned i = 0; i < 200; i++) {
        set(i, &owners[i % 4]);
    }
    for (unsigned i = 0; i < 200; i++) {
        ck_assert_ptr_eq(find(i), &owners[i % 4]);
    }
    ck_assert_ptr_null(find(200));
    ck_assert_uint_eq(routes.count, 200);
    set(7, &owners[0]); /* another owner may take an address over */
    ck_assert_ptr_eq(find(7), &owners[0]);
    ck_assert_uint_eq(routes.count, 200);
}
END_TEST

START_TEST(drops_one_owner_and_leaves_the_others)
{
    for (unsigned i = 0; i < 200; i++) {
        set(i, &owners[i % 4]);
    }
    hws_routes_drop(&routes, &owners[2]);
    for (unsigned i = 0; i < 200; i++) {
        ck_assert_ptr_eq(find(i), i % 4 == 2 ? NULL : &owners[i % 4]);
    }
    ck_assert_uint_eq(routes.count, 150);
    hws_routes_drop(&routes, &owners[2]);
    ck_assert_uint_eq(routes.count, 150);
}
END_TEST

/* One peer that is made to send to ever more addresses costs a bounded table, and harms nobody. */
START_TEST(bounds_one_owner)
{
    set(60000, &owners[1]);
    for (unsigned i = 0; i < 10000; i++) {
        set(i, &owners[0]);
    }
    ck_assert_uint_le(routes.count, HWS_ROUTES_OF_ONE + 1);
    ck_assert_uint_le(routes.cap, 4 * HWS_ROUTES_OF_ONE);
    ck_assert_ptr_eq(find(9999), &owners[0]);
    ck_assert_ptr_eq(find(60000), &owners[1]);
}
END_TEST

START_TEST(tells_families_and_ports_apart)
{
    struct hws_address one = address(1), other = one;

    set(1, &owners[0]);
    other.port++;
    ck_assert_ptr_null(hws_routes_find(&routes, &other));
    other = one;
    other.family = HWS_FAMILY_IP6;
    ck_assert_ptr_null(hws_routes_find(&routes, &other));
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("routes");

    tcase_add_checked_fixture(tc, fresh, drop_all);
    tcase_add_test(tc, finds_what_was_set);
    tcase_add_test(tc, drops_one_owner_and_leaves_the_others);
    tcase_add_test(tc, bounds_one_owner);
    tcase_add_test(tc, tells_families_and_ports_apart);
    return run_case("routes", tc);
}
