/* What the router is built on: the table, the members, the sequence, the bus and its frames. */
#include "base/bytes.h"
#include "distributor/bus.h"
#include "distributor/member.h"
#include "distributor/sequence.h"
#include "distributor/table.h"
#include "support/suite.h"

#include <string.h>

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Against an array that does the same in the plainest way; few keys, so that they collide. */
START_TEST(table_is_a_map)
{
    enum { KEYS = 24, CAP = 16 };
    struct hws_table table;
    uint32_t model[KEYS];
    uint64_t state = (uint64_t)_i;
    size_t held = 0;

    memset(model, 0xFF, sizeof(model));
    ck_assert_int_eq(hws_table_init(&table, CAP, (uint64_t)_i * 77), HWS_OK);
    for (int step = 0; step < 3000; step++) {
        uint64_t key = next_random(&state) % KEYS;
        uint32_t value = (uint32_t)(next_random(&state) % 1000);

        if (next_random(&state) % 2) {
            bool full = held == CAP && model[key] == HWS_TABLE_NONE;

            ck_assert_int_eq(hws_table_add(&table, key, value), full ? HWS_ERR_FULL : HWS_OK);
            if (!full) {
                held += model[key] == HWS_TABLE_NONE;
                model[key] = value;
            }
        } else {
            hws_table_remove(&table, key);
            held -= model[key] != HWS_TABLE_NONE;
            model[key] = HWS_TABLE_NONE;
        }
        ck_assert_uint_eq(table.count, held);
        for (uint64_t k = 0; k < KEYS; k++) {
            ck_assert_msg(hws_table_find(&table, k) == model[k], "seed %d step %d key %d", _i, step,
                          (int)k);
        }
    }
    hws_table_fini(&table);
}
END_TEST

START_TEST(table_refuses_sizes)
{
    struct hws_table table;

    ck_assert_int_eq(hws_table_init(&table, 0, 1), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_table_init(&table, ((size_t)1 << 24) + 1, 1), HWS_ERR_ARGUMENT);
}
END_TEST

START_TEST(newest_claim_wins)
{
    struct hws_members members;
    uint32_t old = 99;

    ck_assert_int_eq(hws_members_init(&members, 4, 1), HWS_OK);
    ck_assert_ptr_null(hws_members_find(&members, 7));
    ck_assert_int_eq(hws_members_claim(&members, &(struct hws_member){7, 5, 0}, &old), HWS_OK);
    ck_assert_uint_eq(old, HWS_TABLE_NONE);
    ck_assert_uint_eq(hws_members_find(&members, 7)->stream, 0);

    /* An equal and a lower epoch are refused, and a stream has one worker at most. */
    old = 99;
    ck_assert_int_eq(hws_members_claim(&members, &(struct hws_member){7, 5, 1}, &old),
                     HWS_ERR_REFUSED);
    ck_assert_int_eq(hws_members_claim(&members, &(struct hws_member){7, 4, 1}, &old),
                     HWS_ERR_REFUSED);
    ck_assert_int_eq(hws_members_claim(&members, &(struct hws_member){8, 9, 0}, &old),
                     HWS_ERR_STATE);
    ck_assert_uint_eq(old, 99);

    ck_assert_int_eq(hws_members_claim(&members, &(struct hws_member){7, 6, 1}, &old), HWS_OK);
    ck_assert_uint_eq(old, 0);
    ck_assert_uint_eq(hws_members_find(&members, 7)->stream, 1);
    ck_assert(!hws_members_release(&members, 0)); /* superseded: nothing to take back */
    ck_assert_ptr_nonnull(hws_members_find(&members, 7));
    ck_assert(hws_members_release(&members, 1));
    ck_assert(!hws_members_release(&members, 1));
    ck_assert_ptr_null(hws_members_find(&members, 7));
    hws_members_fini(&members);
}
END_TEST

static const struct {
    uint64_t last, number;
    enum hws_sequence_verdict verdict;
    uint64_t after;
} numbers[] = {
    {0,          0,          HWS_SEQUENCE_NEXT,  0         }, /* does not number */
    {0,          1,          HWS_SEQUENCE_NEXT,  1         },
    {0,          2,          HWS_SEQUENCE_GAP,   0         },
    {1,          0,          HWS_SEQUENCE_GAP,   1         }, /* began to number, so goes on */
    {1,          1,          HWS_SEQUENCE_AGAIN, 1         },
    {5,          3,          HWS_SEQUENCE_AGAIN, 5         },
    {5,          6,          HWS_SEQUENCE_NEXT,  6         },
    {5,          7,          HWS_SEQUENCE_GAP,   5         },
    {5,          UINT64_MAX, HWS_SEQUENCE_GAP,   5         },
    {UINT64_MAX, UINT64_MAX, HWS_SEQUENCE_AGAIN, UINT64_MAX},
};

START_TEST(sequence_is_exactly_this)
{
    struct hws_sequence sequence = {numbers[_i].last};

    ck_assert_int_eq(hws_sequence_take(&sequence, numbers[_i].number), numbers[_i].verdict);
    ck_assert_uint_eq(sequence.last, numbers[_i].after);
}
END_TEST

static const struct hws_bus_frame sample = {
    .kind = HWS_BUS_RELAY,
    .session = UINT64_MAX,
    .instance = 0x0102030405060708,
    .worker = INT64_MIN,
    .epoch = 3,
    .number = 4,
    .event = HWS_RTC_ANSWER,
    .status = 14,
    .bytes = {(const uint8_t *)"payload", 7}
};

static size_t write_sample(uint8_t *out, size_t cap)
{
    struct hws_writer writer = hws_writer_over(out, cap);

    hws_bus_frame_write(&writer, &sample);
    ck_assert(!writer.failed);
    return writer.len;
}

START_TEST(frame_there_and_back)
{
    uint8_t bytes[128];
    size_t len = write_sample(bytes, sizeof(bytes));
    struct hws_bus_frame got;

    ck_assert_uint_eq(len, HWS_BUS_FRAME_HEAD + 7);
    ck_assert_int_eq(hws_bus_frame_read((struct hws_bytes){bytes, len}, &got), HWS_OK);
    ck_assert_int_eq(got.kind, sample.kind);
    ck_assert_uint_eq(got.session, sample.session);
    ck_assert_uint_eq(got.instance, sample.instance);
    ck_assert_int_eq(got.worker, sample.worker);
    ck_assert_uint_eq(got.epoch, sample.epoch);
    ck_assert_uint_eq(got.number, sample.number);
    ck_assert_int_eq(got.event, sample.event);
    ck_assert_uint_eq(got.status, sample.status);
    ck_assert(hws_bytes_equal(got.bytes, sample.bytes));
}
END_TEST

START_TEST(frame_refuses_damage)
{
    uint8_t bytes[128];
    size_t len = write_sample(bytes, sizeof(bytes));
    struct hws_bus_frame got;
    static const struct {
        size_t at;
        uint8_t value;
    } damage[] = {
        {0,  'h'                },
        {1,  0                  },
        {1,  4                  },
        {2,  HWS_RTC_EVENT_COUNT},
        {3,  17                 },
        {44, 1                  },
        {47, 8                  }
    };

    for (size_t cut = 0; cut < len; cut++) {
        ck_assert_int_eq(hws_bus_frame_read((struct hws_bytes){bytes, cut}, &got),
                         HWS_ERR_MALFORMED);
    }
    ck_assert_int_eq(hws_bus_frame_read((struct hws_bytes){bytes, len + 1}, &got),
                     HWS_ERR_MALFORMED);
    for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
        (void)write_sample(bytes, sizeof(bytes));
        bytes[damage[i].at] = damage[i].value;
        ck_assert_msg(hws_bus_frame_read((struct hws_bytes){bytes, len}, &got) == HWS_ERR_MALFORMED,
                      "byte %zu as %u was accepted", damage[i].at, damage[i].value);
    }
}
END_TEST

START_TEST(local_bus_keeps_order_and_says_nobody)
{
    struct hws_bus *bus;
    struct hws_bus_delivery got;

    ck_assert_int_eq(hws_bus_local_new(2, 1, &bus), HWS_OK);
    ck_assert(!bus->ops->next(bus, &got));
    ck_assert_int_eq(bus->ops->subscribe(bus, 7), HWS_OK);
    ck_assert_int_eq(bus->ops->subscribe(bus, 7), HWS_ERR_STATE);
    ck_assert_int_eq(bus->ops->subscribe(bus, 8), HWS_OK);
    ck_assert_int_eq(bus->ops->subscribe(bus, 9), HWS_ERR_FULL);
    bus->ops->unsubscribe(bus, 8);

    ck_assert_int_eq(bus->ops->publish_worker(bus, 7, 1, hws_bytes_of("one")), HWS_OK);
    ck_assert_int_eq(bus->ops->publish_worker(bus, 8, 2, hws_bytes_of("two")), HWS_OK);
    ck_assert_int_eq(bus->ops->publish_session(bus, 0, 3, hws_bytes_of("three")), HWS_OK);

    ck_assert(bus->ops->next(bus, &got));
    ck_assert_int_eq(got.kind, HWS_BUS_TO_WORKER);
    ck_assert_int_eq(got.worker, 7);
    ck_assert(hws_bytes_equal(got.bytes, hws_bytes_of("one")));
    ck_assert(bus->ops->next(bus, &got));
    ck_assert_int_eq(got.kind, HWS_BUS_NOBODY);
    ck_assert_int_eq(got.worker, 8);
    ck_assert_uint_eq(got.session, 2);
    ck_assert(bus->ops->next(bus, &got));
    ck_assert_int_eq(got.kind, HWS_BUS_TO_SESSION);
    ck_assert_uint_eq(got.session, 3);
    ck_assert(hws_bytes_equal(got.bytes, hws_bytes_of("three")));
    ck_assert(!bus->ops->next(bus, &got));

    ck_assert_int_eq(bus->ops->publish_session(bus, 0, 3, hws_bytes_of("left behind")), HWS_OK);
    bus->ops->free(bus); /* leaks nothing; the sanitizer looks */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("member");
    TCase *tc = tcase_create("parts");

    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, table_is_a_map, 0, 8);
    tcase_add_test(tc, table_refuses_sizes);
    tcase_add_test(tc, newest_claim_wins);
    tcase_add_loop_test(tc, sequence_is_exactly_this, 0, ROWS(numbers));
    tcase_add_test(tc, frame_there_and_back);
    tcase_add_test(tc, frame_refuses_damage);
    tcase_add_test(tc, local_bus_keeps_order_and_says_nobody);
    return run_suite(suite);
}
