/* Candidate lines: the grammar of RFC 8839 section 5.1 with its edges, and writing. */
#include "sdp/candidate.h"
#include "support/sdp_text.h"
#include "support/suite.h"

enum outcome {
    USABLE = HWS_CANDIDATE_USABLE,
    TCP = HWS_CANDIDATE_TCP,
    IGNORED = HWS_CANDIDATE_IGNORED,
    END = HWS_CANDIDATE_END,
    REFUSED
};

static enum outcome read_text(const char *text, struct hws_candidate *out)
{
    enum hws_candidate_verdict verdict = HWS_CANDIDATE_END;
    uint8_t *copy = exact(text, strlen(text));
    enum hws_err err = hws_candidate_read((struct hws_bytes){copy, strlen(text)}, out, &verdict);

    free(copy);
    return err ? REFUSED : (enum outcome)verdict;
}

#define UUID "4f9a3e0d-6a2c-4a1e-9d2f-0a1b2c3d4e5f"

/* clang-format off */
static const struct {
    enum outcome outcome;
    const char *text;
} lines[] = {
    {USABLE,  "candidate:1 1 udp 1 192.0.2.1 9 typ host"},
    {USABLE,  "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"},
    {USABLE,  "candidate:1 1 udp 1 192.0.2.1 9 typ host\n"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 typ host\r"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 typ host\n\n"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 typ host "},
    {REFUSED, " candidate:1 1 udp 1 192.0.2.1 9 typ host"},
    {REFUSED, "a=a=candidate:1 1 udp 1 192.0.2.1 9 typ host"},
    {REFUSED, "Candidate:1 1 udp 1 192.0.2.1 9 typ host"},
    {REFUSED, "candidate 1 1 udp 1 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:"},
    {REFUSED, "candidate"},
    {REFUSED, "a="},
    {REFUSED, "a=end-of-candidates"},
    {REFUSED, "end-of-candidates"},
    {REFUSED, " "},
    {END,     ""},
    {END,     "\r\n"},
    /* Foundation. */
    {USABLE,  "candidate:aZ09+/ 1 udp 1 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:a-b 1 udp 1 192.0.2.1 9 typ host"},
    {USABLE,  "candidate:01234567890123456789012345678901 1 udp 1 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:012345678901234567890123456789012 1 udp 1 192.0.2.1 9 typ host"},
    /* Component: 1*3DIGIT, 1 to 256. */
    {USABLE,  "candidate:1 001 udp 1 192.0.2.1 9 typ host"},
    {IGNORED, "candidate:1 2 udp 1 192.0.2.1 9 typ host"},
    {IGNORED, "candidate:1 256 udp 1 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:1 257 udp 1 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:1 0001 udp 1 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:1 0 udp 1 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:1 +1 udp 1 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:1 4294967297 udp 1 192.0.2.1 9 typ host"},
    /* Transport. */
    {USABLE,  "candidate:1 1 UdP 1 192.0.2.1 9 typ host"},
    {TCP,     "candidate:1 1 TCP 1 192.0.2.1 9 typ host TcpType Passive"},
    {TCP,     "candidate:1 1 tcp 1 192.0.2.1 9 typ host generation 0 tcptype active ufrag abcd"},
    {TCP,     "candidate:1 1 tcp 1 192.0.2.1 8998 typ srflx raddr 10.0.1.1 rport 8998 tcptype so"},
    {TCP,     "candidate:1 1 tcp 1 " UUID ".local 9 typ host tcptype active"},
    {USABLE,  "candidate:1 1 udp 1 192.0.2.1 9 typ host tcptype active"},
    {IGNORED, "candidate:1 1 tcp 1 192.0.2.1 9 typ host"},
    {IGNORED, "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype s-o"},
    {IGNORED, "candidate:1 1 tcp 1 192.0.2.1 0 typ host tcptype active"},
    {IGNORED, "candidate:1 2 tcp 1 192.0.2.1 9 typ host tcptype active"},
    {IGNORED, "candidate:1 1 ssltcp 1 192.0.2.1 9 typ host tcptype active"},
    {REFUSED, "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype"},
    {IGNORED, "candidate:1 1 udp6 1 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:1 1 ud/p 1 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:1 1 tcp 1 192.0.2.1 99999 typ host tcptype active"},
    /* Priority: 1 to 2^31-1. */
    {USABLE,  "candidate:1 1 udp 2147483647 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:1 1 udp 2147483648 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:1 1 udp 4294967297 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:1 1 udp 18446744073709551617 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:1 1 udp 00000000001 192.0.2.1 9 typ host"},
    {REFUSED, "candidate:1 1 udp 1.5 192.0.2.1 9 typ host"},
    /* Address. */
    {USABLE,  "candidate:1 1 udp 1 2001:db8::1 9 typ host"},
    {USABLE,  "candidate:1 1 udp 1 fe80::1 9 typ host"},
    {USABLE,  "candidate:1 1 udp 1 ::1 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 [2001:db8::1] 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 :: 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 ff02::1 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 ::ffff:192.0.2.1 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 64:ff9b::1 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 0.1.2.3 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 255.255.255.255 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 192.0.2.01 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 192.0.2 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 0x7f000001 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 2130706433 9 typ host"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.\t1 9 typ host"},
    {REFUSED, "candidate:1 1 udp 1 h\xC3\xB6st 9 typ host"},
    /* Names: only those that a browser made up. */
    {USABLE,  "candidate:1 1 udp 1 " UUID ".local 9 typ host"},
    {USABLE,  "candidate:1 1 udp 1 4F9A3E0D-6A2C-4A1E-BD2F-0A1B2C3D4E5F.LOCAL 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 4f9a3e0d-6a2c-1a1e-9d2f-0a1b2c3d4e5f.local 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 4f9a3e0d-6a2c-4a1e-cd2f-0a1b2c3d4e5f.local 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 4f9a3e0d-6a2c-4a1e-9d2f-0a1b2c3d4e5g.local 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 4f9a3e0d06a2c-4a1e-9d2f-0a1b2c3d4e5f.local 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 " UUID ".local. 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 " UUID ".locale 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 " UUID " 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 x" UUID ".local 9 typ host"},
    {IGNORED, "candidate:1 1 udp 1 " UUID ".local 0 typ host"},
    {IGNORED, "candidate:1 1 udp 1 " UUID ".local 9 typ srflx raddr 0.0.0.0 rport 0"},
    /* Port. */
    {USABLE,  "candidate:1 1 udp 1 192.0.2.1 65535 typ host"},
    {USABLE,  "candidate:1 1 udp 1 192.0.2.1 00009 typ host"},
    {IGNORED, "candidate:1 1 udp 1 192.0.2.1 0 typ host"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 000009 typ host"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 65536 typ host"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9/2 typ host"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1  typ host"},
    /* Type. */
    {USABLE,  "candidate:1 1 udp 1 192.0.2.1 9 TYP HOST"},
    {USABLE,  "candidate:1 1 udp 1 192.0.2.1 9 typ relay raddr 192.0.2.2 rport 9"},
    {IGNORED, "candidate:1 1 udp 1 192.0.2.1 9 typ hosts"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 typ"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 typ ho/st"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 tip host"},
    /* Related address and extensions. */
    {USABLE,  "candidate:1 1 udp 1 192.0.2.1 9 typ srflx raddr x.local rport 9"},
    {USABLE,  "candidate:1 1 udp 1 192.0.2.1 9 typ srflx raddr 192.0.2.2"},
    {USABLE,  "candidate:1 1 udp 1 192.0.2.1 9 typ srflx rport 9"},
    {USABLE,  "candidate:1 1 udp 1 192.0.2.1 9 typ srflx rport 0 raddr ::"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 typ srflx raddr"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 typ srflx raddr 192.0.2.2 rport"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 typ srflx raddr 192.0.2.2 rport x"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 typ host rport 65536"},
    {USABLE,  "candidate:1 1 udp 1 192.0.2.1 9 typ host generation 0 network-cost 999"},
    {USABLE,  "candidate:1 1 udp 1 192.0.2.1 9 typ host x =;:/"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 typ host generation"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 typ host generation 0 network-cost"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 typ host  generation 0"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 typ host generation  0"},
    {REFUSED, "candidate:1 1 udp 1 192.0.2.1 9 typ host x a\tb"},
    {USABLE,  "candidate:1 1 udp 1 192.0.2.1 9 typ host ufrag abcd"},
    {IGNORED, "candidate:1 1 udp 1 192.0.2.1 9 typ host ufrag abc"},
    {IGNORED, "candidate:1 1 udp 1 192.0.2.1 9 typ host ufrag ab-d"},
};
/* clang-format on */

START_TEST(judges_lines)
{
    struct hws_candidate out, untouched;
    enum outcome got;

    memset(&out, 0xAA, sizeof(out));
    memcpy(&untouched, &out, sizeof(out));
    got = read_text(lines[_i].text, &out);
    ck_assert_msg(got == lines[_i].outcome, "'%s': expected %d, got %d", lines[_i].text,
                  lines[_i].outcome, got);
    if (got != USABLE && got != TCP) ck_assert_mem_eq(&out, &untouched, sizeof(out));
}
END_TEST

START_TEST(reads_all_fields)
{
    struct hws_candidate c;
    char ip[HWS_ADDRESS_TEXT_MAX];

    ck_assert_int_eq(read_text("candidate:f1 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr "
                               "10.0.0.1 rport 8998 generation 0 ufrag EsAw ufrag xxxx raddr ::1",
                               &c),
                     USABLE);
    ck_assert_str_eq(c.foundation, "f1");
    ck_assert_uint_eq(c.priority, 1694498815);
    ck_assert_int_eq(c.type, HWS_CANDIDATE_SRFLX);
    ck_assert_str_eq(hws_address_text(&c.addr, ip), "192.0.2.3");
    ck_assert_uint_eq(c.addr.port, 45664);
    ck_assert_str_eq(hws_address_text(&c.related, ip), "10.0.0.1");
    ck_assert_uint_eq(c.related.port, 8998);
    ck_assert_str_eq(c.ufrag, "EsAw");
    ck_assert_str_eq(c.mdns, "");

    ck_assert_int_eq(read_text("candidate:1 1 udp 1 " UUID ".local 53217 typ host", &c), USABLE);
    ck_assert_str_eq(c.mdns, UUID ".local");
    ck_assert_int_eq(c.addr.family, HWS_FAMILY_NONE);
    ck_assert_uint_eq(c.addr.port, 53217);
    ck_assert_int_eq(c.related.family, HWS_FAMILY_NONE);
}
END_TEST

START_TEST(reads_tcp)
{
    struct hws_candidate c;

    /* RFC 6544 section 4.5 has these. */
    ck_assert_int_eq(
        read_text("candidate:1 1 TCP 2128609279 10.0.1.1 9 typ host tcptype active", &c), TCP);
    ck_assert(c.addr.tcp && c.tcp_type == HWS_TCP_ACTIVE && c.addr.port == 9);
    ck_assert_int_eq(
        read_text("candidate:3 1 TCP 1688207359 192.0.2.3 9012 typ srflx raddr 10.0.1.1 rport 8998 "
                  "tcptype passive",
                  &c),
        TCP);
    ck_assert(c.addr.tcp && c.tcp_type == HWS_TCP_PASSIVE && c.addr.port == 9012);
    ck_assert(!c.related.tcp);
    ck_assert_int_eq(read_text("candidate:1 1 udp 1 192.0.2.1 9 typ host tcptype so", &c), USABLE);
    ck_assert(!c.addr.tcp && c.tcp_type == HWS_TCP_NONE);
}
END_TEST

START_TEST(bounds_the_length)
{
    char text[HWS_CANDIDATE_TEXT_MAX + 2];
    size_t len = strlen(lines[0].text);
    struct hws_candidate c;
    enum hws_candidate_verdict verdict;

    memset(text, 'x', sizeof(text));
    memcpy(text, lines[0].text, len);
    memcpy(text + len, " x ", 3);
    ck_assert_int_eq(hws_candidate_read((struct hws_bytes){(uint8_t *)text, HWS_CANDIDATE_TEXT_MAX},
                                        &c, &verdict),
                     HWS_OK);
    ck_assert_int_eq(
        hws_candidate_read((struct hws_bytes){(uint8_t *)text, HWS_CANDIDATE_TEXT_MAX + 1}, &c,
                           &verdict),
        HWS_ERR_TOO_BIG);
}
END_TEST

START_TEST(takes_a_long_ufrag)
{
    char ufrag[HWS_UFRAG_MAX + 2] = "", text[512];
    struct hws_candidate c;

    memset(ufrag, 'u', HWS_UFRAG_MAX);
    (void)snprintf(text, sizeof(text), "%s ufrag %s", lines[0].text, ufrag);
    ck_assert_int_eq(read_text(text, &c), USABLE);
    ck_assert_str_eq(c.ufrag, ufrag);
    ufrag[HWS_UFRAG_MAX] = 'u';
    (void)snprintf(text, sizeof(text), "%s ufrag %s", lines[0].text, ufrag);
    ck_assert_int_eq(read_text(text, &c), IGNORED);
}
END_TEST

START_TEST(refuses_nul_and_line_ends_everywhere)
{
    static const uint8_t bad[] = {0, '\r', '\n'};
    const char *text = "candidate:1 1 udp 1 192.0.2.1 9 typ srflx raddr 192.0.2.2 rport 9 x y";
    size_t len = strlen(text);
    struct hws_candidate c;
    enum hws_candidate_verdict verdict;

    for (size_t at = 0; at < len - 1; at++) {
        uint8_t *copy = exact(text, len);

        copy[at] = bad[_i];
        ck_assert_msg(hws_candidate_read((struct hws_bytes){copy, len}, &c, &verdict) ==
                          HWS_ERR_MALFORMED,
                      "byte %d at %zu was taken", bad[_i], at);
        free(copy);
    }
}
END_TEST

START_TEST(survives_truncation_and_damage)
{
    const char *text =
        "candidate:1 1 udp 1 192.0.2.1 9 typ srflx raddr 192.0.2.2 rport 9 ufrag abcd";
    size_t len = strlen(text);
    struct hws_candidate c;
    enum hws_candidate_verdict verdict;

    for (size_t cut = 1; cut < strlen("candidate:1 1 udp 1 192.0.2.1 9 typ s"); cut++) {
        uint8_t *copy = exact(text, cut);

        ck_assert_int_eq(hws_candidate_read((struct hws_bytes){copy, cut}, &c, &verdict),
                         HWS_ERR_MALFORMED);
        free(copy);
    }
    for (size_t bit = 0; bit < len * 8; bit++) {
        uint8_t *copy = exact(text, len);

        copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
        (void)!hws_candidate_read((struct hws_bytes){copy, len}, &c, &verdict);
        free(copy);
    }
}
END_TEST

/* ---- Writing */

static struct hws_candidate plain(void)
{
    struct hws_candidate c = {
        .type = HWS_CANDIDATE_HOST,
        .priority = 2130706431,
        .foundation = "1",
        .addr = {.family = HWS_FAMILY_IP4, .ip = {192, 0, 2, 1}, .port = 9}
    };
    return c;
}

static const char *written(const struct hws_candidate *c)
{
    static uint8_t text[1024];
    struct hws_writer out = hws_writer_over(text, sizeof(text));

    hws_candidate_write(&out, c);
    hws_write_u8(&out, 0);
    return out.failed ? "FAILED" : (const char *)text;
}

START_TEST(writes_what_browsers_read)
{
    struct hws_candidate c = plain();

    ck_assert_str_eq(written(&c), "candidate:1 1 udp 2130706431 192.0.2.1 9 typ host");
    memcpy(c.ufrag, "EsAw", 5);
    ck_assert_str_eq(written(&c), "candidate:1 1 udp 2130706431 192.0.2.1 9 typ host ufrag EsAw");
    c.type = HWS_CANDIDATE_RELAY;
    c.related = (struct hws_address){.family = HWS_FAMILY_IP6, .ip = {[15] = 1}, .port = 7};
    ck_assert_str_eq(written(&c), "candidate:1 1 udp 2130706431 192.0.2.1 9 typ relay raddr ::1 "
                                  "rport 7 ufrag EsAw");
    /* RFC 8839 section 5.1: a reflexive candidate must have a related address. */
    c.related = (struct hws_address){.family = HWS_FAMILY_NONE};
    c.type = HWS_CANDIDATE_SRFLX;
    ck_assert_str_eq(written(&c), "candidate:1 1 udp 2130706431 192.0.2.1 9 typ srflx raddr "
                                  "0.0.0.0 rport 9 ufrag EsAw");
    c = plain();
    c.addr = (struct hws_address){.port = 4};
    memcpy(c.mdns, UUID ".local", sizeof(UUID ".local"));
    ck_assert_str_eq(written(&c), "candidate:1 1 udp 2130706431 " UUID ".local 4 typ host");
}
END_TEST

START_TEST(writes_tcp)
{
    struct hws_candidate c = plain();

    c.addr.tcp = true;
    ck_assert_str_eq(written(&c), "FAILED");
    c.tcp_type = HWS_TCP_ACTIVE;
    ck_assert_str_eq(written(&c),
                     "candidate:1 1 tcp 2130706431 192.0.2.1 9 typ host tcptype active");
    c.tcp_type = HWS_TCP_SO;
    memcpy(c.ufrag, "EsAw", 5);
    ck_assert_str_eq(written(&c),
                     "candidate:1 1 tcp 2130706431 192.0.2.1 9 typ host tcptype so ufrag EsAw");
    c.tcp_type = (enum hws_tcp_type)4;
    ck_assert_str_eq(written(&c), "FAILED");
    c = plain();
    c.tcp_type = HWS_TCP_PASSIVE;
    ck_assert_str_eq(written(&c), "FAILED");
}
END_TEST

/* RFC 6544 section 4.2. */
START_TEST(ranks_tcp)
{
    uint32_t active = hws_candidate_tcp_priority(HWS_CANDIDATE_HOST, HWS_TCP_ACTIVE, 8191);
    uint32_t passive = hws_candidate_tcp_priority(HWS_CANDIDATE_HOST, HWS_TCP_PASSIVE, 8191);

    ck_assert_uint_eq(active, 90u << 24 | ((6u << 13) + 8191) << 8 | 255);
    ck_assert_uint_eq(passive, 90u << 24 | ((4u << 13) + 8191) << 8 | 255);
    ck_assert_uint_gt(hws_candidate_tcp_priority(HWS_CANDIDATE_HOST, HWS_TCP_ACTIVE, 0), passive);
    ck_assert_uint_gt(hws_candidate_tcp_priority(HWS_CANDIDATE_HOST, HWS_TCP_PASSIVE, 0),
                      hws_candidate_tcp_priority(HWS_CANDIDATE_HOST, HWS_TCP_SO, 8191));
    ck_assert_uint_lt(active, hws_candidate_priority(HWS_CANDIDATE_SRFLX, 0));
    ck_assert_uint_gt(hws_candidate_tcp_priority(HWS_CANDIDATE_PRFLX, HWS_TCP_SO, 0),
                      hws_candidate_priority(HWS_CANDIDATE_RELAY, 65535));
}
END_TEST

START_TEST(writes_nothing_unsound)
{
    struct hws_candidate c = plain();

    ck_assert(hws_candidate_is_sound(&c));
    memcpy(c.foundation, "1\r\na=x", 7);
    ck_assert_str_eq(written(&c), "FAILED");
    c = plain();
    c.foundation[0] = '\0';
    ck_assert_str_eq(written(&c), "FAILED");
    c = plain();
    memcpy(c.ufrag, "ab\ncd", 6);
    ck_assert_str_eq(written(&c), "FAILED");
    c = plain();
    memcpy(c.mdns, "x\r\n.local", 10);
    ck_assert_str_eq(written(&c), "FAILED");
    c.addr.family = HWS_FAMILY_NONE;
    ck_assert_str_eq(written(&c), "FAILED");
    c = plain();
    c.addr.family = HWS_FAMILY_NONE;
    ck_assert_str_eq(written(&c), "FAILED");
    c = plain();
    c.addr.port = 0;
    ck_assert_str_eq(written(&c), "FAILED");
    c = plain();
    c.priority = 0;
    ck_assert_str_eq(written(&c), "FAILED");
    c.priority = 0x80000000U;
    ck_assert_str_eq(written(&c), "FAILED");
    c = plain();
    c.type = (enum hws_candidate_type)4;
    ck_assert_str_eq(written(&c), "FAILED");
}
END_TEST

/* What was read is written and read again: the same value. */
START_TEST(reads_what_it_wrote)
{
    struct hws_candidate once, twice;

    memset(&once, 0, sizeof(once));
    if (read_text(lines[_i].text, &once) != USABLE) return;
    ck_assert_int_eq(read_text(written(&once), &twice), USABLE);
    ck_assert_int_eq(once.type, twice.type);
    ck_assert_uint_eq(once.priority, twice.priority);
    ck_assert(hws_address_equal(&once.addr, &twice.addr));
    ck_assert(once.related.family == HWS_FAMILY_NONE ||
              hws_address_equal(&once.related, &twice.related));
    ck_assert_str_eq(once.foundation, twice.foundation);
    ck_assert_str_eq(once.mdns, twice.mdns);
    ck_assert_str_eq(once.ufrag, twice.ufrag);
}
END_TEST

/* RFC 8445 section 5.1.2: (2^24) * type + (2^8) * local + 255 for component 1. */
START_TEST(makes_priorities)
{
    ck_assert_uint_eq(hws_candidate_priority(HWS_CANDIDATE_HOST, 65535), 2130706431);
    ck_assert_uint_eq(hws_candidate_priority(HWS_CANDIDATE_SRFLX, 65535), 1694498815);
    ck_assert_uint_eq(hws_candidate_priority(HWS_CANDIDATE_PRFLX, 65535), 1862270975);
    ck_assert_uint_eq(hws_candidate_priority(HWS_CANDIDATE_RELAY, 65535), 16777215);
    ck_assert_uint_eq(hws_candidate_priority(HWS_CANDIDATE_RELAY, 0), 255);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("candidate");
    TCase *reading = tcase_create("read"), *writing = tcase_create("write");

    suite_add_tcase(suite, reading);
    tcase_add_loop_test(reading, judges_lines, 0, ROWS(lines));
    tcase_add_test(reading, reads_all_fields);
    tcase_add_test(reading, reads_tcp);
    tcase_add_test(reading, bounds_the_length);
    tcase_add_test(reading, takes_a_long_ufrag);
    tcase_add_loop_test(reading, refuses_nul_and_line_ends_everywhere, 0, 3);
    tcase_add_test(reading, survives_truncation_and_damage);
    suite_add_tcase(suite, writing);
    tcase_add_test(writing, writes_what_browsers_read);
    tcase_add_test(writing, writes_tcp);
    tcase_add_test(writing, ranks_tcp);
    tcase_add_test(writing, writes_nothing_unsound);
    tcase_add_loop_test(writing, reads_what_it_wrote, 0, ROWS(lines));
    tcase_add_test(writing, makes_priorities);
    return run_suite(suite);
}
