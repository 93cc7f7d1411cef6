/* Multicast DNS: messages read and written, questions asked and given up, our names answered for. */
#include "base/address.h"
#include "mdns/mdns.h"

#include "support/check_main.h"

#include <string.h>

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

static const char name[] = "11111111-2222-4333-8444-555555555555.local";
static const char other[] = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee.local";

static struct hws_mdns *mdns;

static void set_up(void)
{
    ck_assert_int_eq(hws_mdns_new(&mdns), HWS_OK);
}

static void tear_down(void)
{
    hws_mdns_free(mdns);
}

static struct hws_address address(const char *text, uint16_t port)
{
    struct hws_address addr;

    ck_assert_int_eq(
        hws_address_read((struct hws_bytes){(const uint8_t *)text, strlen(text)}, &addr), HWS_OK);
    addr.port = port;
    return addr;
}

static size_t packets(void)
{
    struct hws_mdns_packet packet;
    size_t count = 0;

    while (hws_mdns_next_packet(mdns, &packet)) {
        count++;
    }
    return count;
}

/* ---- Messages */

/* One answer to our question, with the name behind a pointer, as some hosts compress it. */
static const uint8_t compressed[] =
    "\x00\x00\x84\x00\x00\x01\x00\x01\x00\x00\x00\x00"
    "\x24"
    "11111111-2222-4333-8444-555555555555"
    "\x05LOCAL\x00\x00\x01\x00\x01"
    "\xc0\x0c\x00\x01\x80\x01\x00\x00\x00\x78\x00\x04\xc6\x12\x00\x07";

START_TEST(reads_a_compressed_answer)
{
    struct hws_mdns_reader reader;
    struct hws_mdns_entry entry;
    struct hws_address expected = address("198.18.0.7", 0);

    ck_assert_int_eq(hws_mdns_open((struct hws_bytes){compressed, sizeof(compressed) - 1}, &reader),
                     HWS_OK);
    ck_assert(reader.is_response);
    ck_assert(hws_mdns_next(&reader, &entry));
    ck_assert(entry.is_question && entry.wants_ip4 && !entry.wants_ip6 && !entry.unicast);
    ck_assert(hws_mdns_next(&reader, &entry));
    ck_assert(!entry.is_question);
    ck_assert_str_eq(entry.name, name);
    ck_assert(hws_address_equal(&entry.addr, &expected));
    ck_assert_uint_eq(entry.ttl, 120);
    ck_assert(!hws_mdns_next(&reader, &entry));
}
END_TEST

/* clang-format off */
#define HEADER(questions, answers) "\x00\x00\x84\x00\x00" questions "\x00" answers "\x00\x00\x00\x00"
static const struct {
    const char *what;
    const char *bytes;
    size_t len;
} broken[] = {
    {"a pointer to itself", HEADER("\x01", "\x00") "\xc0\x0c\x00\x01\x00\x01", 18},
    {"a pointer ahead", HEADER("\x01", "\x00") "\xc0\x20\x00\x01\x00\x01", 18},
    {"a pointer into the header", HEADER("\x01", "\x00") "\xc0\x00\x00\x01\x00\x01", 18},
    {"a label type of its own", HEADER("\x01", "\x00") "\x41x\x00\x00\x01\x00\x01", 19},
    {"a name without an end", HEADER("\x01", "\x00") "\x01x", 14},
    {"a question that is not there", HEADER("\x01", "\x00"), 12},
    {"an address of three bytes", HEADER("\x00", "\x01")
     "\x01x\x00\x00\x01\x00\x01\x00\x00\x00\x78\x00\x03\x01\x02\x03", 28},
    {"data beyond the end", HEADER("\x00", "\x01")
     "\x01x\x00\x00\x01\x00\x01\x00\x00\x00\x78\xff\xff\x01\x02\x03\x04", 29},
};
/* clang-format on */

START_TEST(refuses_what_is_broken)
{
    struct hws_mdns_reader reader;
    struct hws_mdns_entry entry = {.ttl = 77};

    ck_assert_int_eq(
        hws_mdns_open((struct hws_bytes){(const uint8_t *)broken[_i].bytes, broken[_i].len},
                      &reader),
        HWS_OK);
    ck_assert_msg(!hws_mdns_next(&reader, &entry), "%s was taken", broken[_i].what);
    ck_assert_uint_eq(entry.ttl, 77);
}
END_TEST

START_TEST(survives_truncation_and_damage)
{
    uint8_t copy[sizeof(compressed) - 1];
    struct hws_address from = address("198.18.0.2", 5353);

    for (size_t len = 0; len < sizeof(copy); len++) {
        memcpy(copy, compressed, len);
        ck_assert_int_eq(hws_mdns_ask(mdns, name, NULL, 0), HWS_OK);
        ck_assert_int_eq(hws_mdns_feed(mdns, (struct hws_bytes){copy, len}, &from),
                         len < 12 ? HWS_ERR_MALFORMED : HWS_OK);
        ck_assert_int_eq(hws_mdns_deadline(mdns), HWS_MS(250)); /* nobody has answered */
        hws_mdns_forget(mdns, NULL);
    }
    for (size_t bit = 0; bit < 8 * sizeof(copy); bit++) {
        struct hws_mdns_reader reader;
        struct hws_mdns_entry entry;

        memcpy(copy, compressed, sizeof(copy));
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (hws_mdns_open((struct hws_bytes){copy, sizeof(copy)}, &reader)) continue;
        while (hws_mdns_next(&reader, &entry)) {
            ck_assert_uint_lt(strlen(entry.name), sizeof(entry.name));
        }
    }
}
END_TEST

START_TEST(does_not_know_long_names)
{
    uint8_t buffer[HWS_MDNS_MESSAGE_MAX];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    struct hws_mdns_reader reader;
    struct hws_mdns_entry entry;

    hws_mdns_write_query(
        &out, "a-label-of-forty-characters-or-near-it-xx.another-label-of-some-length.local", true);
    ck_assert_int_eq(hws_mdns_open(hws_written(&out), &reader), HWS_OK);
    ck_assert(hws_mdns_next(&reader, &entry));
    ck_assert_str_eq(entry.name, "");
    ck_assert(entry.wants_ip4 && entry.unicast);
    ck_assert(hws_mdns_next(&reader, &entry));
    ck_assert(entry.wants_ip6);
}
END_TEST

START_TEST(makes_names_of_version_4)
{
    uint8_t random[16];
    char text[HWS_MDNS_NAME_TEXT];

    memset(random, 0xFF, sizeof(random));
    hws_mdns_make_name(random, text);
    ck_assert_str_eq(text, "ffffffff-ffff-4fff-bfff-ffffffffffff.local");
    memset(random, 0, sizeof(random));
    hws_mdns_make_name(random, text);
    ck_assert_str_eq(text, "00000000-0000-4000-8000-000000000000.local");
}
END_TEST

/* ---- Asking */

/* Two hosts on one link: what one multicasts the other gets. */
static void carry(struct hws_mdns *to, const struct hws_address *from)
{
    struct hws_mdns_packet packet;

    while (hws_mdns_next_packet(mdns, &packet)) {
        ck_assert_int_eq(packet.to.family, HWS_FAMILY_NONE);
        ck_assert_int_eq(hws_mdns_feed(to, (struct hws_bytes){packet.data, packet.len}, from),
                         HWS_OK);
    }
}

static void expect_result(const char *wanted, const char *addr_text, void *user)
{
    struct hws_mdns_result result;
    struct hws_address addr = address(addr_text, 0);

    ck_assert(hws_mdns_next_result(mdns, &result));
    ck_assert_str_eq(result.name, wanted);
    ck_assert_ptr_eq(result.user, user);
    ck_assert(hws_address_equal(&result.addr, &addr));
}

static const char *const addresses[] = {"198.18.0.9", "2001:db8::9"};

START_TEST(finds_a_published_name)
{
    struct hws_address addr = address(addresses[_i], 0), here = address("198.18.0.1", 5353);
    struct hws_mdns *host, *asker = mdns;
    int user;

    ck_assert_int_eq(hws_mdns_new(&host), HWS_OK);
    ck_assert_int_eq(hws_mdns_publish(host, name, &addr), HWS_OK);
    mdns = host;
    ck_assert_uint_eq(packets(), 1); /* the announcement, which nobody heard */
    mdns = asker;
    ck_assert_int_eq(hws_mdns_ask(asker, "11111111-2222-4333-8444-555555555555.LOCAL", &user, 0),
                     HWS_OK);
    carry(host, &here);
    mdns = host;
    carry(asker, &here);
    mdns = asker;
    expect_result(name, addresses[_i], &user);
    ck_assert_int_eq(hws_mdns_deadline(asker), HWS_NEVER);
    hws_mdns_free(host);
}
END_TEST

START_TEST(takes_one_answer_for_everybody_who_asked)
{
    struct hws_address from = address("198.18.0.2", 5353);
    struct hws_bytes answer = {compressed, sizeof(compressed) - 1};
    struct hws_mdns_result result;
    int one, two;

    ck_assert_int_eq(hws_mdns_ask(mdns, name, &one, 0), HWS_OK);
    ck_assert_int_eq(hws_mdns_ask(mdns, name, &two, 0), HWS_OK);
    ck_assert_int_eq(hws_mdns_ask(mdns, other, &two, 0), HWS_OK);
    ck_assert_uint_eq(packets(), 2); /* a name is asked for once */
    ck_assert_int_eq(hws_mdns_feed(mdns, answer, &from), HWS_OK);
    ck_assert_int_eq(hws_mdns_feed(mdns, answer, &from), HWS_OK);
    expect_result(name, "198.18.0.7", &one);
    expect_result(name, "198.18.0.7", &two);
    ck_assert(!hws_mdns_next_result(mdns, &result));
}
END_TEST

START_TEST(asks_again_and_gives_up)
{
    static const hws_time due[] = {HWS_MS(250), HWS_SEC(1), HWS_SEC(2), HWS_SEC(4)};
    struct hws_mdns_result result;

    ck_assert_int_eq(hws_mdns_ask(mdns, name, NULL, 0), HWS_OK);
    ck_assert_uint_eq(packets(), 1);
    for (size_t i = 0; i < sizeof(due) / sizeof(due[0]); i++) {
        ck_assert_int_eq(hws_mdns_deadline(mdns), due[i]);
        hws_mdns_tick(mdns, due[i] - 1);
        ck_assert_uint_eq(packets(), 0);
        hws_mdns_tick(mdns, due[i]);
        ck_assert_uint_eq(packets(), i < 3 ? 1 : 0);
    }
    ck_assert(hws_mdns_next_result(mdns, &result));
    ck_assert_int_eq(result.addr.family, HWS_FAMILY_NONE);
    ck_assert_int_eq(hws_mdns_deadline(mdns), HWS_NEVER);
}
END_TEST

START_TEST(bounds_what_is_asked)
{
    char text[HWS_MDNS_NAME_TEXT];
    uint8_t random[16] = {0};
    int user;

    for (uint8_t i = 0; i < HWS_MDNS_ASKED_MAX; i++) {
        random[0] = i;
        hws_mdns_make_name(random, text);
        ck_assert_int_eq(hws_mdns_ask(mdns, text, &user, 0), HWS_OK);
    }
    ck_assert_int_eq(hws_mdns_ask(mdns, name, &user, 0), HWS_ERR_FULL);
    ck_assert_uint_eq(packets(), 16); /* the queue is bounded too; the rest is asked later */
    hws_mdns_forget(mdns, &user);
    ck_assert_int_eq(hws_mdns_ask(mdns, name, &user, 0), HWS_OK);
    ck_assert_int_eq(hws_mdns_ask(mdns, "", &user, 0), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_mdns_ask(mdns, "a..local", &user, 0), HWS_ERR_ARGUMENT);
}
END_TEST

START_TEST(believes_no_question_and_no_goodbye)
{
    struct hws_address from = address("198.18.0.2", 5353), addr = address("198.18.0.3", 0);
    uint8_t buffer[HWS_MDNS_MESSAGE_MAX];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    struct hws_mdns_result result;

    ck_assert_int_eq(hws_mdns_ask(mdns, name, NULL, 0), HWS_OK);
    hws_mdns_write_answer(&out, name, &addr, 0, (struct hws_mdns_reply){0}); /* goodbye */
    ck_assert_int_eq(hws_mdns_feed(mdns, hws_written(&out), &from), HWS_OK);
    out = hws_writer_over(buffer, sizeof(buffer));
    hws_mdns_write_answer(&out, name, &addr, 120, (struct hws_mdns_reply){0});
    buffer[2] = 0; /* a query that carries an address */
    ck_assert_int_eq(hws_mdns_feed(mdns, hws_written(&out), &from), HWS_OK);
    ck_assert(!hws_mdns_next_result(mdns, &result));
    buffer[2] = 0x84;
    ck_assert_int_eq(hws_mdns_feed(mdns, hws_written(&out), &from), HWS_OK);
    expect_result(name, "198.18.0.3", NULL);
}
END_TEST

/* ---- Answering */

START_TEST(answers_where_the_asker_listens)
{
    static const struct {
        uint16_t port;
        bool unicast, alone;
    } askers[] = {
        {5353,  false, false},
        {5353,  true,  true },
        {40000, false, true },
    };
    struct hws_address addr = address("198.18.0.9", 0), from = address("198.18.0.2", 5353);
    uint8_t buffer[HWS_MDNS_MESSAGE_MAX];

    ck_assert_int_eq(hws_mdns_publish(mdns, name, &addr), HWS_OK);
    ck_assert_uint_eq(packets(), 1);
    for (size_t i = 0; i < sizeof(askers) / sizeof(askers[0]); i++) {
        struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
        struct hws_mdns_packet packet;

        from.port = askers[i].port;
        hws_mdns_write_query(&out, name, askers[i].unicast);
        buffer[1] = 0x42; /* an id, which a legacy asker wants back (RFC 6762 section 6.7) */
        ck_assert_int_eq(hws_mdns_feed(mdns, hws_written(&out), &from), HWS_OK);
        ck_assert(hws_mdns_next_packet(mdns, &packet));
        ck_assert_int_eq(packet.to.family, askers[i].alone ? HWS_FAMILY_IP4 : HWS_FAMILY_NONE);
        if (askers[i].alone) ck_assert(hws_address_equal(&packet.to, &from));
        ck_assert_uint_eq(packet.data[1], askers[i].port == 5353 ? 0 : 0x42);
        ck_assert_uint_eq(packet.data[5], askers[i].port == 5353 ? 0 : 1); /* questions */
        ck_assert_uint_eq(packets(), 0); /* there is no IPv6 address to tell */
    }
}
END_TEST

START_TEST(answers_for_no_other_name)
{
    struct hws_address addr = address("198.18.0.9", 0), from = address("198.18.0.2", 5353);
    uint8_t buffer[HWS_MDNS_MESSAGE_MAX];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    const struct hws_address none = {0};

    ck_assert_int_eq(hws_mdns_publish(mdns, name, &addr), HWS_OK);
    ck_assert_int_eq(hws_mdns_publish(mdns, name, &none), HWS_ERR_ARGUMENT);
    ck_assert_uint_eq(packets(), 1);
    hws_mdns_write_query(&out, other, false);
    ck_assert_int_eq(hws_mdns_feed(mdns, hws_written(&out), &from), HWS_OK);
    ck_assert_uint_eq(packets(), 0);
    for (int i = 1; i < HWS_MDNS_OWN_MAX; i++) {
        ck_assert_int_eq(hws_mdns_publish(mdns, other, &addr), HWS_OK);
        (void)packets();
    }
    ck_assert_int_eq(hws_mdns_publish(mdns, other, &addr), HWS_ERR_FULL);
}
END_TEST

/* Whoever asks without end makes us send no more than we can queue. */
START_TEST(bounds_its_answers)
{
    struct hws_address addr = address("198.18.0.9", 0), from = address("198.18.0.2", 5353);
    uint8_t buffer[HWS_MDNS_MESSAGE_MAX];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    enum hws_err err = HWS_OK;

    ck_assert_int_eq(hws_mdns_publish(mdns, name, &addr), HWS_OK);
    hws_mdns_write_query(&out, name, false);
    for (int i = 0; i < 100; i++) {
        err = hws_mdns_feed(mdns, hws_written(&out), &from);
    }
    ck_assert_int_eq(err, HWS_ERR_FULL);
    ck_assert_uint_eq(packets(), 16);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("mdns");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, reads_a_compressed_answer);
    tcase_add_loop_test(tc, refuses_what_is_broken, 0, ROWS(broken));
    tcase_add_test(tc, survives_truncation_and_damage);
    tcase_add_test(tc, does_not_know_long_names);
    tcase_add_test(tc, makes_names_of_version_4);
    tcase_add_loop_test(tc, finds_a_published_name, 0, ROWS(addresses));
    tcase_add_test(tc, takes_one_answer_for_everybody_who_asked);
    tcase_add_test(tc, asks_again_and_gives_up);
    tcase_add_test(tc, bounds_what_is_asked);
    tcase_add_test(tc, believes_no_question_and_no_goodbye);
    tcase_add_test(tc, answers_where_the_asker_listens);
    tcase_add_test(tc, answers_for_no_other_name);
    tcase_add_test(tc, bounds_its_answers);
    return run_case("mdns", tc);
}
