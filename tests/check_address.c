/* Addresses: every spelling that is one, many that are not, and what kind each is. */
#include "base/address.h"
#include "base/bytes.h"

#include "support/suite.h"

#include <string.h>

/* A spelling, and how we spell it (RFC 5952 section 4); NULL where it is no address. */
/* clang-format off */
static const struct {
    const char *text, *ours;
} spellings[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"0.0.0.0", "0.0.0.0"},
    {"255.255.255.255", "255.255.255.255"},
    {"10.0.0.10", "10.0.0.10"},
    {"::", "::"},
    {"::1", "::1"},
    {"1::", "1::"},
    {"2001:db8::1", "2001:db8::1"},
    {"2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
    {"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"},
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* one group of zeros stays */
    {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"}, /* the longest run goes */
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"}, /* the first of equal runs goes */
    {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
    {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"}, /* "::" may stand for one group (but is not written) */
    {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
    {"1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8"},
    {"1:0:0:4:5:6:0:0", "1::4:5:6:0:0"},
    {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
    {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
    {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
    {"::FFFF:c000:0201", "::ffff:192.0.2.1"},
    {"0:0:0:0:0:ffff:192.0.2.1", "::ffff:192.0.2.1"},
    {"::192.0.2.1", "::c000:201"},
    {"1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"},
    {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
    {"fe80::1", "fe80::1"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},

    {"", NULL},
    {" ", NULL},
    {"1.2.3", NULL},
    {"1.2.3.4.5", NULL},
    {"1.2.3.", NULL},
    {".1.2.3", NULL},
    {"1..2.3", NULL},
    {"1.2.3.256", NULL},
    {"1.2.3.0004", NULL},
    {"01.2.3.4", NULL}, /* octal to some */
    {"010.0.0.1", NULL},
    {"1.2.3.00", NULL},
    {"0x7f.0.0.1", NULL},
    {"0x7f000001", NULL},
    {"2130706433", NULL}, /* 127.0.0.1 as one number, as inet_aton would take it */
    {"127.1", NULL},
    {"1.2.3.4 ", NULL},
    {" 1.2.3.4", NULL},
    {"1.2.3.4\n", NULL},
    {"+1.2.3.4", NULL},
    {"-1.2.3.4", NULL},
    {"1.2.3.4:5", NULL},
    {"1.2.3.4/24", NULL},
    {"1,2,3,4", NULL},
    {"\xEF\xBC\x91.2.3.4", NULL}, /* a full-width digit */
    {":", NULL},
    {":::", NULL},
    {"1:::2", NULL},
    {"::1::", NULL},
    {"1::2::3", NULL},
    {":1:2:3:4:5:6:7", NULL},
    {":1:2:3:4:5:6:7:8", NULL},
    {"1:2:3:4:5:6:7:", NULL},
    {"1:2:3:4:5:6:7:8:", NULL},
    {"1:2:3:4:5:6:7", NULL},
    {"1:2:3:4:5:6:7:8:9", NULL},
    {"1:2:3:4:5:6:7:8::", NULL}, /* "::" for no group at all */
    {"::1:2:3:4:5:6:7:8", NULL},
    {"1:2:3:4::5:6:7:8", NULL},
    {"12345::", NULL},
    {"00001::", NULL},
    {"g::", NULL},
    {"1:2:3:4:5:6:7:1.2.3.4", NULL},
    {"1:2:3:4:5:1.2.3.4", NULL},
    {"1.2.3.4::", NULL},
    {"::1.2.3.4:1", NULL},
    {"::1.2.3", NULL},
    {"::01.2.3.4", NULL},
    {"::ffff:1.2.3.256", NULL},
    {"::1%lo", NULL}, /* a zone is a matter of the host */
    {"fe80::1%1", NULL},
    {"[::1]", NULL},
    {"::1/128", NULL},
    {"::-1", NULL},
    {" ::1", NULL},
    {"localhost", NULL},
    {"none", NULL},
    {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555", NULL},
};
/* clang-format on */

START_TEST(reads_every_spelling)
{
    struct hws_address addr, untouched;
    char text[HWS_ADDRESS_TEXT_MAX];
    enum hws_err err;

    memset(&addr, 0xAA, sizeof(addr));
    untouched = addr;
    err = hws_address_read(hws_bytes_of(spellings[_i].text), &addr);
    if (!spellings[_i].ours) {
        ck_assert_msg(err == HWS_ERR_MALFORMED, "'%s' was taken", spellings[_i].text);
        ck_assert_mem_eq(&addr, &untouched, sizeof(addr));
        return;
    }
    ck_assert_msg(err == HWS_OK, "'%s' was refused", spellings[_i].text);
    ck_assert_uint_eq(addr.port, 0);
    ck_assert_uint_eq(addr.scope, 0);
    ck_assert_str_eq(hws_address_text(&addr, text), spellings[_i].ours);
}
END_TEST

/* What we write, we read; and it is the same address. */
START_TEST(reads_what_it_writes)
{
    struct hws_address addr, again;
    char text[HWS_ADDRESS_TEXT_MAX];

    if (hws_address_read(hws_bytes_of(spellings[_i].text), &addr)) return;
    ck_assert_int_eq(hws_address_read(hws_bytes_of(hws_address_text(&addr, text)), &again), HWS_OK);
    ck_assert(hws_address_equal(&addr, &again));
}
END_TEST

START_TEST(refuses_a_nul_inside)
{
    struct hws_address addr;

    ck_assert_int_eq(hws_address_read((struct hws_bytes){(const uint8_t *)"1.2.3.4\0", 8}, &addr),
                     HWS_ERR_MALFORMED);
    ck_assert_int_eq(hws_address_read((struct hws_bytes){(const uint8_t *)"::1\0", 4}, &addr),
                     HWS_ERR_MALFORMED);
    ck_assert_int_eq(hws_address_read((struct hws_bytes){0}, &addr), HWS_ERR_MALFORMED);
}
END_TEST

/* Letters name what an address is: Any, Loopback, link-local (K), Multicast, Reachable. */
/* clang-format off */
static const struct {
    const char *text, *kinds;
} kinds[] = {
    {"192.0.2.1", "R"},
    {"10.1.2.3", "R"},
    {"0.0.0.0", "A"},
    {"0.1.2.3", ""},
    {"127.0.0.1", "LR"},
    {"127.255.0.1", "LR"},
    {"128.0.0.1", "R"},
    {"169.254.1.1", "KR"},
    {"169.253.1.1", "R"},
    {"223.255.255.255", "R"},
    {"224.0.0.1", "M"},
    {"239.255.255.255", "M"},
    {"240.0.0.1", "R"},
    {"255.255.255.255", "M"},
    {"::", "A"},
    {"::1", "LR"},
    {"::2", ""}, /* IPv4-compatible */
    {"::1.2.3.4", ""},
    {"2001:db8::1", "R"},
    {"fc00::1", "R"},
    {"fe80::1", "KR"},
    {"febf::1", "KR"},
    {"fec0::1", ""}, /* site-local */
    {"feff::1", ""},
    {"ff02::1", "M"},
    {"::ffff:192.0.2.1", ""},
    {"::ffff:127.0.0.1", ""},
    {"64:ff9b::192.0.2.1", ""},
    {"64:ff9b:1::1", "R"},
};
/* clang-format on */

START_TEST(knows_the_kinds)
{
    struct hws_address addr;
    char got[8];
    size_t len = 0;

    ck_assert_int_eq(hws_address_read(hws_bytes_of(kinds[_i].text), &addr), HWS_OK);
    addr.port = 1;
    if (hws_address_is_any(&addr)) got[len++] = 'A';
    if (hws_address_is_loopback(&addr)) got[len++] = 'L';
    if (hws_address_is_link_local(&addr)) got[len++] = 'K';
    if (hws_address_is_multicast(&addr)) got[len++] = 'M';
    if (hws_address_is_reachable(&addr)) got[len++] = 'R';
    got[len] = '\0';
    ck_assert_msg(strcmp(got, kinds[_i].kinds) == 0, "%s is '%s', not '%s'", kinds[_i].text, got,
                  kinds[_i].kinds);
    addr.port = 0;
    ck_assert(!hws_address_is_reachable(&addr));
}
END_TEST

START_TEST(no_address_is_nothing)
{
    struct hws_address none = {.port = 9};
    char text[HWS_ENDPOINT_TEXT_MAX];

    ck_assert(!hws_address_is_reachable(&none));
    ck_assert(!hws_address_is_loopback(&none));
    ck_assert(!hws_address_is_link_local(&none));
    ck_assert(!hws_address_is_multicast(&none));
    ck_assert_uint_eq(hws_address_ip_len(&none), 0);
    ck_assert_str_eq(hws_address_text(&none, text), "none");
}
END_TEST

START_TEST(writes_endpoints)
{
    struct hws_address addr;
    char text[HWS_ENDPOINT_TEXT_MAX];

    ck_assert_int_eq(hws_address_read(hws_bytes_of("192.0.2.1"), &addr), HWS_OK);
    addr.port = 9;
    ck_assert_uint_eq(hws_address_ip_len(&addr), 4);
    ck_assert_str_eq(hws_endpoint_text(&addr, text), "192.0.2.1:9");
    memset(addr.ip, 0xFF, sizeof(addr.ip));
    addr.family = HWS_FAMILY_IP6;
    addr.port = 65535;
    ck_assert_uint_eq(hws_address_ip_len(&addr), 16);
    ck_assert_str_eq(hws_endpoint_text(&addr, text),
                     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}
END_TEST

/* Each field makes a difference, and the port only where it should. */
START_TEST(compares)
{
    struct hws_address a, b;

    ck_assert_int_eq(hws_address_read(hws_bytes_of("fe80::1"), &a), HWS_OK);
    b = a;
    ck_assert(hws_address_equal(&a, &b));
    b.port = 1;
    ck_assert(!hws_address_equal(&a, &b));
    ck_assert(hws_address_same_ip(&a, &b));
    b.scope = 2;
    ck_assert(!hws_address_same_ip(&a, &b));
    b = a;
    b.ip[15] ^= 1;
    ck_assert(!hws_address_same_ip(&a, &b));
    b = a;
    b.family = HWS_FAMILY_IP4;
    ck_assert(!hws_address_same_ip(&a, &b));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *tc = tcase_create("address");

    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, reads_every_spelling, 0, ROWS(spellings));
    tcase_add_loop_test(tc, reads_what_it_writes, 0, ROWS(spellings));
    tcase_add_test(tc, refuses_a_nul_inside);
    tcase_add_loop_test(tc, knows_the_kinds, 0, ROWS(kinds));
    tcase_add_test(tc, no_address_is_nothing);
    tcase_add_test(tc, writes_endpoints);
    tcase_add_test(tc, compares);
    return run_suite(suite);
}
