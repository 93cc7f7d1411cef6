/* The JSON of signalling: what programs send, what is refused and in which words, and back. */
#include "base/bytes.h"
#include "signal/payload.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

#define LINE         "candidate:1 1 udp 2113937151 192.0.2.1 5000 typ host"

enum { DESCRIPTION, CANDIDATE };

static uint8_t buffer[HWS_PAYLOAD_MAX + 4096];

static enum hws_err read_payload(int what, struct hws_bytes json, struct hws_payload *out,
                                 struct hws_payload_error *error)
{
    return what == DESCRIPTION
               ? hws_payload_read_description(json, HWS_DESCRIPTION_OFFER, out, error)
               : hws_payload_read_candidate(json, out, error);
}

/* ---- What is taken */

/* clang-format off */
static const struct {
    const char *json;
    const char *text;
    const char *mid;
    const char *ufrag;
    enum hws_payload_form form;
} candidates[] = {
    /* Chromium, Firefox */
    {"{\"candidate\":\"" LINE
     "\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0,\"usernameFragment\":\"TmMR\"}",
     LINE, "0", "TmMR", HWS_FORM_OBJECT},
    /* Rust webrtc, RTCIceCandidateInit */
    {"{\"candidate\":\"" LINE "\",\"sdpMid\":\"\",\"sdpMLineIndex\":0,\"usernameFragment\":null}",
     LINE, "", "", HWS_FORM_OBJECT},
    {"{\"candidate\":\"" LINE "\",\"sdpMid\":null,\"sdpMLineIndex\":null}", LINE, "", "",
     HWS_FORM_OBJECT},
    {" {\"candidate\" : \"a=" LINE "\\r\\n\", \"foundation\":7, \"later\":{\"x\":[1]}}\n", LINE, "",
     "", HWS_FORM_OBJECT},
    {"{\"candidate\":\"\",\"sdpMid\":\"data\",\"usernameFragment\":\"abcd\"}", "", "data", "abcd",
     HWS_FORM_OBJECT},
    {"", "", "", "", HWS_FORM_OBJECT},
    {"null", "", "", "", HWS_FORM_OBJECT},
    {LINE, LINE, "", "", HWS_FORM_LINE},
    {"a=" LINE, LINE, "", "", HWS_FORM_LINE},
    {"a=" LINE "\r\n", LINE, "", "", HWS_FORM_LINE},
    {LINE "\n", LINE, "", "", HWS_FORM_LINE},
    {"\"" LINE "\"", LINE, "", "", HWS_FORM_LINE},
    {"\"\"", "", "", "", HWS_FORM_LINE},
    {"a=end-of-candidates\r\n", "", "", "", HWS_FORM_LINE},
    {"end-of-candidates", "", "", "", HWS_FORM_LINE},
    /* Rust webrtc, RTCIceCandidate */
    {"{\"stats_id\":\"candidate:9Wd\",\"foundation\":\"2440\",\"priority\":2130706431,"
     "\"address\":\"192.168.1.2\",\"protocol\":\"udp\",\"port\":51000,\"typ\":\"host\","
     "\"component\":1,\"related_address\":\"\",\"related_port\":0,\"tcp_type\":\"unspecified\"}",
     "candidate:2440 1 udp 2130706431 192.168.1.2 51000 typ host", "", "", HWS_FORM_FIELDS},
    {"{\"foundation\":\"7\",\"priority\":1694498815,\"address\":\"198.51.100.7\","
     "\"protocol\":\"UDP\",\"port\":4000,\"typ\":\"Srflx\",\"component\":1,"
     "\"related_address\":\"10.0.0.1\","
     "\"related_port\":5000,\"tcp_type\":\"Unspecified\"}",
     "candidate:7 1 udp 1694498815 198.51.100.7 4000 typ srflx raddr 10.0.0.1 rport 5000", "", "",
     HWS_FORM_FIELDS},
    {"{\"foundation\":\"7\",\"priority\":4294967295,\"ip\":\"2001:db8::1\",\"protocol\":\"tcp\","
     "\"port\":9,\"type\":\"relay\",\"tcpType\":\"active\",\"relatedAddress\":\"::1\","
     "\"relatedPort\":1}",
     "candidate:7 1 tcp 4294967295 2001:db8::1 9 typ relay raddr ::1 rport 1 tcptype active", "",
     "", HWS_FORM_FIELDS},
};
/* clang-format on */

START_TEST(reads_every_form_of_a_candidate)
{
    struct hws_payload payload;
    struct hws_payload_error error = {"untouched"};

    ck_assert_int_eq(
        hws_payload_read_candidate(hws_bytes_of(candidates[_i].json), &payload, &error), HWS_OK);
    ck_assert_str_eq(error.text, "untouched");
    ck_assert_str_eq(payload.text, candidates[_i].text);
    ck_assert_uint_eq(payload.len, strlen(candidates[_i].text));
    ck_assert_str_eq(payload.mid, candidates[_i].mid);
    ck_assert_str_eq(payload.ufrag, candidates[_i].ufrag);
    ck_assert_int_eq(payload.form, candidates[_i].form);
    hws_payload_fini(&payload);
    ck_assert_ptr_null(payload.text);
}
END_TEST

START_TEST(reads_a_description)
{
    static const char json[] = "{\"sdp\":\"v=0\\r\\ns=\\u00e9\\n\",\"type\":\"answer\",\"x\":null}";
    struct hws_payload payload;

    ck_assert_int_eq(
        hws_payload_read_description(hws_bytes_of(json), HWS_DESCRIPTION_ANSWER, &payload, NULL),
        HWS_OK);
    ck_assert_str_eq(payload.text, "v=0\r\ns=\xc3\xa9\n");
    ck_assert_uint_eq(payload.len, 10);
    ck_assert_str_eq(payload.mid, "");
    hws_payload_fini(&payload);
}
END_TEST

/* ---- What is refused, and the words that the reason must hold */

#define FIELDS_BUT(member)                                            \
    "{\"foundation\":\"1\",\"priority\":5,\"address\":\"192.0.2.1\"," \
    "\"protocol\":\"udp\",\"port\":9,\"typ\":\"host\"," member "}"

/* clang-format off */
static const struct {
    int what;
    const char *json;
    enum hws_err err;
    const char *words;
} refusals[] = {
    {DESCRIPTION, "", HWS_ERR_MALFORMED, "ends too early"},
    {DESCRIPTION, "v=0", HWS_ERR_MALFORMED, "syntax"},
    {DESCRIPTION, "null", HWS_ERR_MALFORMED, "object"},
    {DESCRIPTION, "[]", HWS_ERR_MALFORMED, "object"},
    {DESCRIPTION, "\"v=0\"", HWS_ERR_MALFORMED, "object"},
    {DESCRIPTION, "{}", HWS_ERR_MALFORMED, "\"type\" is missing"},
    {DESCRIPTION, "{\"type\":\"offer\"}", HWS_ERR_MALFORMED, "\"sdp\" is missing"},
    {DESCRIPTION, "{\"sdp\":\"v=0\"}", HWS_ERR_MALFORMED, "\"type\" is missing"},
    {DESCRIPTION, "{\"type\":1,\"sdp\":\"v=0\"}", HWS_ERR_MALFORMED, "\"type\" is not a string"},
    {DESCRIPTION, "{\"type\":\"offer\",\"sdp\":null}", HWS_ERR_MALFORMED,
     "\"sdp\" is not a string"},
    {DESCRIPTION, "{\"type\":\"offer\",\"sdp\":[\"v=0\"]}", HWS_ERR_MALFORMED,
     "\"sdp\" is not a string"},
    {DESCRIPTION, "{\"type\":\"answer\",\"sdp\":\"v=0\"}", HWS_ERR_MISMATCH,
     "\"type\" is not \"offer\""},
    {DESCRIPTION, "{\"type\":\"Offer\",\"sdp\":\"v=0\"}", HWS_ERR_MISMATCH, "\"type\""},
    {DESCRIPTION, "{\"type\":\"offer\",\"sdp\":\"a\",\"sdp\":\"b\"}", HWS_ERR_MALFORMED, "twice"},
    {DESCRIPTION, "{\"type\":\"offer\",\"sdp\":\"a\"} x", HWS_ERR_MALFORMED, "follows"},
    {DESCRIPTION, "{\"type\":\"offer\",\"sdp\":\"a\"}{}", HWS_ERR_MALFORMED, "follows"},
    {DESCRIPTION, "{\"type\":\"offer\",\"sdp\":\"a\\u0000b\"}", HWS_ERR_MALFORMED, "NUL"},
    {DESCRIPTION, "{\"type\":\"offer\",\"sdp\":\"a\",\"b\\u0000\":1}", HWS_ERR_MALFORMED, "NUL"},
    {DESCRIPTION, "{\"type\":\"offer\",\"sdp\":\"\xff\"}", HWS_ERR_MALFORMED, "UTF-8"},
    {DESCRIPTION, "{\"type\":\"offer\",\"sdp\":\"\xc0\xaf\"}", HWS_ERR_MALFORMED, "UTF-8"},
    {DESCRIPTION, "{\"type\":\"offer\",\"sdp\":\"\xed\xa0\x80\"}", HWS_ERR_MALFORMED, "UTF-8"},
    {DESCRIPTION, "{\"type\":\"offer\",\"sdp\":\"\\ud800\"}", HWS_ERR_MALFORMED, "not JSON"},
    {DESCRIPTION, "{\"type\":\"offer\",\"sdp\":\"a\nb\"}", HWS_ERR_MALFORMED, "not JSON"},
    {DESCRIPTION, "{\"type\":\"offer\",\"sdp\":\"a\",}", HWS_ERR_MALFORMED, "syntax"},
    {DESCRIPTION, "{\"n\":99999999999999999999}", HWS_ERR_MALFORMED, "number"},
    {DESCRIPTION, "{'type':'offer'}", HWS_ERR_MALFORMED, "syntax"},
    {CANDIDATE, "{}", HWS_ERR_MALFORMED, "\"candidate\" is missing"},
    {CANDIDATE, "[]", HWS_ERR_MALFORMED, "object"},
    {CANDIDATE, "7", HWS_ERR_MALFORMED, "object"},
    {CANDIDATE, "{\"candidate\":null}", HWS_ERR_MALFORMED, "\"candidate\" is not a string"},
    {CANDIDATE, "{\"candidate\":\"\",\"sdpMid\":0}", HWS_ERR_MALFORMED,
     "\"sdpMid\" is not a string"},
    {CANDIDATE, "{\"candidate\":\"\",\"sdpMLineIndex\":\"0\"}", HWS_ERR_MALFORMED,
     "\"sdpMLineIndex\" is not an integer"},
    {CANDIDATE, "{\"candidate\":\"\",\"sdpMLineIndex\":-1}", HWS_ERR_MALFORMED,
     "\"sdpMLineIndex\" is out of range"},
    {CANDIDATE, "{\"candidate\":\"\",\"sdpMLineIndex\":65536}", HWS_ERR_MALFORMED,
     "\"sdpMLineIndex\" is out of range"},
    {CANDIDATE, "{\"candidate\":\"\",\"usernameFragment\":[]}", HWS_ERR_MALFORMED,
     "\"usernameFragment\" is not a string"},
    {CANDIDATE, "{\"candidate\":\"\",\"usernameFragment\":\"a b\"}", HWS_ERR_MALFORMED,
     "\"usernameFragment\" holds"},
    {CANDIDATE, "{\"candidate\":\"\",\"sdpMid\":\"0\\r\\na=x\"}", HWS_ERR_MALFORMED,
     "\"sdpMid\" holds"},
    {CANDIDATE,
     "{\"candidate\":\"\",\"sdpMid\":"
     "\"12345678901234567890123456789012345678901234567890123456789012345\"}",
     HWS_ERR_TOO_BIG, "\"sdpMid\" is longer than 64"},
    {CANDIDATE, "{\"candidate\":\"" LINE "\\r\\na=x\"}", HWS_ERR_MALFORMED, "printable"},
    {CANDIDATE, "{\"candidate\":\"candidate:\\u00e9\"}", HWS_ERR_MALFORMED, "printable"},
    {CANDIDATE, "{\"candidate\":\"a=end-of-candidates\"}", HWS_ERR_MALFORMED, "begin"},
    {CANDIDATE, "{\"candidate\":\"1 1 udp\"}", HWS_ERR_MALFORMED, "begin"},
    {CANDIDATE, "{\"candidate\":\"\",\"candidate\":\"\"}", HWS_ERR_MALFORMED, "twice"},
    {CANDIDATE, LINE "\na=x", HWS_ERR_MALFORMED, "printable"},
    {CANDIDATE, LINE "\n\n", HWS_ERR_MALFORMED, "printable"},
    {CANDIDATE, "a=", HWS_ERR_MALFORMED, "begin"},
    {CANDIDATE, "abc", HWS_ERR_MALFORMED, "begin"},
    {CANDIDATE, "\r\n", HWS_ERR_MALFORMED, "not JSON"},
    {CANDIDATE, "\"" LINE "\" x", HWS_ERR_MALFORMED, "follows"},
    {CANDIDATE, "candidate:\xff", HWS_ERR_MALFORMED, "printable"},
    {CANDIDATE, "{\"foundation\":\"1\"}", HWS_ERR_MALFORMED, "\"protocol\" is missing"},
    {CANDIDATE, "{\"foundation\":1,\"protocol\":\"udp\"}", HWS_ERR_MALFORMED,
     "\"foundation\" is not a string"},
    {CANDIDATE, "{\"foundation\":null}", HWS_ERR_MALFORMED, "\"foundation\" is empty"},
    {CANDIDATE, "{\"foundation\":\"1 1 udp\"}", HWS_ERR_MALFORMED, "\"foundation\" holds"},
    {CANDIDATE, "{\"foundation\":\"1\",\"component\":257}", HWS_ERR_MALFORMED,
     "\"component\" is out"},
    {CANDIDATE, "{\"foundation\":\"1\",\"component\":\"rtp\"}", HWS_ERR_MALFORMED,
     "\"component\" is not an integer"},
    {CANDIDATE, "{\"foundation\":\"1\",\"protocol\":\"sctp\"}", HWS_ERR_MALFORMED,
     "\"protocol\" is no word"},
    {CANDIDATE, "{\"foundation\":\"1\",\"protocol\":\"udp\"}", HWS_ERR_MALFORMED,
     "\"priority\" is missing"},
    {CANDIDATE, "{\"foundation\":\"1\",\"protocol\":\"udp\",\"priority\":4294967296}",
     HWS_ERR_MALFORMED, "\"priority\" is out of range"},
    {CANDIDATE, "{\"foundation\":\"1\",\"protocol\":\"udp\",\"priority\":1}", HWS_ERR_MALFORMED,
     "\"address\" is missing"},
    {CANDIDATE, "{\"foundation\":\"1\",\"protocol\":\"udp\",\"priority\":1,\"address\":\"a\"}",
     HWS_ERR_MALFORMED, "\"port\" is missing"},
    {CANDIDATE,
     "{\"foundation\":\"1\",\"protocol\":\"udp\",\"priority\":1,\"address\":\"a\",\"port\":70000}",
     HWS_ERR_MALFORMED, "\"port\" is out of range"},
    {CANDIDATE,
     "{\"foundation\":\"1\",\"protocol\":\"udp\",\"priority\":1,\"address\":\"a\",\"port\":7}",
     HWS_ERR_MALFORMED, "\"typ\" is missing"},
    {CANDIDATE, FIELDS_BUT("\"related_address\":7"), HWS_ERR_MALFORMED,
     "\"related_address\" is not a string"},
    {CANDIDATE, FIELDS_BUT("\"related_port\":1.5"), HWS_ERR_MALFORMED,
     "\"related_port\" is not an integer"},
    {CANDIDATE, FIELDS_BUT("\"tcp_type\":\"a b\""), HWS_ERR_MALFORMED, "\"tcp_type\" holds"},
};
/* clang-format on */

START_TEST(refuses_with_the_name_of_the_member)
{
    struct hws_payload payload, before;
    struct hws_payload_error error = {""};
    const char *json = refusals[_i].json;

    memset(&payload, 0xA5, sizeof(payload));
    memcpy(&before, &payload, sizeof(before));
    ck_assert_msg(read_payload(refusals[_i].what, hws_bytes_of(json), &payload, &error) ==
                      refusals[_i].err,
                  "%s: not %s but \"%s\"", json, hws_err_name(refusals[_i].err), error.text);
    ck_assert_msg(strstr(error.text, refusals[_i].words), "%s: \"%s\" does not say \"%s\"", json,
                  error.text, refusals[_i].words);
    ck_assert_mem_eq(&payload, &before, sizeof(payload));
    ck_assert_int_eq(read_payload(refusals[_i].what, hws_bytes_of(json), &payload, NULL),
                     refusals[_i].err);
}
END_TEST

/* Nothing of what came in may reach a log by way of the reason. */
START_TEST(a_reason_quotes_nothing)
{
    struct hws_payload payload;
    struct hws_payload_error error;

    ck_assert_int_eq(hws_payload_read_description(hws_bytes_of("{\"sdp\": hunter2}"),
                                                  HWS_DESCRIPTION_OFFER, &payload, &error),
                     HWS_ERR_MALFORMED);
    ck_assert_msg(!strstr(error.text, "hunter"), "%s", error.text);
}
END_TEST

/* Cut anywhere, a JSON payload is refused; a bare line cut is a shorter line or none. */
START_TEST(refuses_every_truncation)
{
    struct hws_bytes json = hws_bytes_of(candidates[_i].json);
    struct hws_bytes cut = json;
    struct hws_payload payload;

    if (json.len == 0 || (json.data[0] != '{' && json.data[0] != '"' && json.data[0] != 'n'))
        return;
    for (cut.len = 1; cut.len < json.len; cut.len++) {
        struct hws_payload_error error;
        uint8_t *copy = calloc(1, cut.len); /* so that a read past the end is seen */

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, json.data, cut.len);
        ck_assert_msg(hws_payload_read_candidate((struct hws_bytes){copy, cut.len}, &payload,
                                                 &error) == HWS_ERR_MALFORMED,
                      "the first %zu bytes of %s were taken", cut.len, candidates[_i].json);
        free(copy);
    }
}
END_TEST

START_TEST(refuses_every_truncation_of_a_description)
{
    static const char json[] = "{\"type\":\"offer\",\"sdp\":\"v=0\\r\\na=\\\"\\u00e9\\\\\\r\\n\"}";

    for (size_t len = 0; len < sizeof(json) - 1; len++) {
        struct hws_payload payload;
        struct hws_payload_error error;
        uint8_t *copy = calloc(1, len + 1);

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, json, len);
        ck_assert_msg(hws_payload_read_description((struct hws_bytes){copy, len},
                                                   HWS_DESCRIPTION_OFFER, &payload,
                                                   &error) == HWS_ERR_MALFORMED,
                      "%zu bytes were taken", len);
        free(copy);
    }
}
END_TEST

/* A single damaged bit gives another payload or a refusal, never a NUL or a line end inside. */
START_TEST(survives_every_damaged_bit)
{
    struct hws_bytes json = hws_bytes_of(candidates[_i].json);

    for (size_t bit = 0; bit < json.len * 8; bit++) {
        struct hws_payload payload;

        memcpy(buffer, json.data, json.len);
        buffer[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (hws_payload_read_candidate((struct hws_bytes){buffer, json.len}, &payload, NULL)) {
            continue;
        }
        ck_assert_uint_eq(strlen(payload.text), payload.len);
        ck_assert_ptr_null(strpbrk(payload.text, "\r\n"));
        ck_assert(payload.len == 0 || strncmp(payload.text, "candidate:", 10) == 0);
        hws_payload_fini(&payload);
    }
}
END_TEST

/* ---- Bombs and limits */

static struct hws_bytes filled(const char *head, char fill, size_t count, const char *tail)
{
    size_t head_len = strlen(head), tail_len = strlen(tail);

    ck_assert_uint_le(head_len + count + tail_len, sizeof(buffer));
    memcpy(buffer, head, head_len);
    memset(buffer + head_len, fill, count);
    memcpy(buffer + head_len + count, tail, tail_len);
    return (struct hws_bytes){buffer, head_len + count + tail_len};
}

/* clang-format off */
static const struct {
    const char *head;
    char fill;
    size_t count;
    const char *tail;
    int what;
    enum hws_err err;
    const char *words;
} limits[] = {
    {"", '[', 60000, "", DESCRIPTION, HWS_ERR_MALFORMED, "deeper than 16"},
    {"{\"type\":\"offer\",\"sdp\":\"\",\"x\":", '[', 16, "]]]]]]]]]]]]]]]]}", DESCRIPTION,
     HWS_ERR_MALFORMED, "deeper"},
    {"{\"type\":\"offer\",\"sdp\":\"\",\"x\":", '[', 15, "]]]]]]]]]]]]]]]}", DESCRIPTION, HWS_OK,
     ""},
    {"{\"type\":\"offer\",\"sdp\":\"\\\"", '[', 100, "\"}", DESCRIPTION, HWS_OK, ""},
    {"{\"x\":{\"x\":{\"x\":\"\\\\\",\"y\":", '{', 20, "", CANDIDATE, HWS_ERR_MALFORMED, "deeper"},
    {"{\"type\":\"offer\",\"sdp\":\"", 'v', 32768, "\"}", DESCRIPTION, HWS_OK, ""},
    {"{\"type\":\"offer\",\"sdp\":\"", 'v', 32769, "\"}", DESCRIPTION, HWS_ERR_TOO_BIG,
     "\"sdp\" is longer than 32768"},
    {"{\"type\":\"offer\",\"sdp\":\"\"}", ' ', 65536 - 25, "", DESCRIPTION, HWS_OK, ""},
    {"{\"type\":\"offer\",\"sdp\":\"\"}", ' ', 65536 - 24, "", DESCRIPTION, HWS_ERR_TOO_BIG,
     "65536"},
    {"candidate:", 'x', 1014, "", CANDIDATE, HWS_OK, ""},
    {"candidate:", 'x', 1015, "", CANDIDATE, HWS_ERR_TOO_BIG, "1024"},
    {"candidate:", 'x', 65000, "", CANDIDATE, HWS_ERR_TOO_BIG, "1024"},
    {"{\"candidate\":\"candidate:", 'x', 1014, "\"}", CANDIDATE, HWS_OK, ""},
    {"{\"candidate\":\"candidate:", 'x', 1015, "\"}", CANDIDATE, HWS_ERR_TOO_BIG, "1024"},
    {"{\"candidate\":\"\",\"x\":\"", 'x', 8192, "\"}", CANDIDATE, HWS_ERR_TOO_BIG, "8192"},
    {"{\"candidate\":\"\",\"usernameFragment\":\"", 'u', 256, "\"}", CANDIDATE, HWS_OK, ""},
    {"{\"candidate\":\"\",\"usernameFragment\":\"", 'u', 257, "\"}", CANDIDATE, HWS_ERR_TOO_BIG,
     "\"usernameFragment\" is longer than 256"},
    {"{\"foundation\":\"", 'f', 256, "\"}", CANDIDATE, HWS_ERR_TOO_BIG, "\"foundation\" is longer"},
};
/* clang-format on */

START_TEST(holds_its_limits)
{
    struct hws_bytes json =
        filled(limits[_i].head, limits[_i].fill, limits[_i].count, limits[_i].tail);
    struct hws_payload payload = {0};
    struct hws_payload_error error = {""};
    enum hws_err err = read_payload(limits[_i].what, json, &payload, &error);

    ck_assert_msg(err == limits[_i].err, "%s: %s, %s", limits[_i].head, hws_err_name(err),
                  error.text);
    ck_assert_msg(strstr(error.text, limits[_i].words), "%s", error.text);
    hws_payload_fini(&payload);
}
END_TEST

/* The longest fields that are taken fit the line that is made of them. */
START_TEST(the_longest_fields_fit_or_are_refused)
{
    struct hws_payload payload = {0};
    char name[256];
    int len;

    memset(name, 'n', 255);
    name[255] = '\0';
    len = snprintf((char *)buffer, sizeof(buffer),
                   "{\"foundation\":\"%s\",\"component\":256,\"protocol\":\"tcp\","
                   "\"priority\":4294967295,\"address\":\"%s\",\"port\":65535,\"typ\":\"srflx\","
                   "\"related_address\":\"%s\",\"related_port\":65535,"
                   "\"tcp_type\":\"123456789012345\"}",
                   name, name, name);
    ck_assert_int_gt(len, 0);
    ck_assert_int_eq(
        hws_payload_read_candidate((struct hws_bytes){buffer, (size_t)len}, &payload, NULL),
        HWS_OK);
    ck_assert_uint_lt(payload.len, HWS_CANDIDATE_TEXT_MAX);
    ck_assert_str_eq(payload.text + payload.len - 15, "123456789012345");
    hws_payload_fini(&payload);
}
END_TEST

/* ---- Writing */

START_TEST(writes_what_it_reads)
{
    static const char sdp[] = "v=0\r\ns=\xc3\xa9 \"x\" \\ \x01\t\r\n";
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    struct hws_payload payload;

    ck_assert_int_eq(hws_payload_write_description(&out, HWS_DESCRIPTION_OFFER, hws_bytes_of(sdp)),
                     HWS_OK);
    ck_assert_mem_eq(buffer, "{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n", 30);
    ck_assert_int_eq(
        hws_payload_read_description(hws_written(&out), HWS_DESCRIPTION_OFFER, &payload, NULL),
        HWS_OK);
    ck_assert_str_eq(payload.text, sdp);
    hws_payload_fini(&payload);
}
END_TEST

/* clang-format off */
static const struct {
    enum hws_payload_form form;
    const char *text, *mid, *ufrag;
    const char *want;
} written[] = {
    {HWS_FORM_OBJECT, LINE, "0", "abcd",
     "{\"candidate\":\"" LINE
     "\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0,\"usernameFragment\":\"abcd\"}"},
    {HWS_FORM_OBJECT, "", NULL, NULL,
     "{\"candidate\":\"\",\"sdpMid\":null,\"sdpMLineIndex\":0,\"usernameFragment\":null}"},
    {HWS_FORM_LINE, LINE, "0", "abcd", LINE},
    {HWS_FORM_FIELDS, LINE, NULL, NULL, LINE},
    {HWS_FORM_LINE, "", NULL, NULL, ""},
};
/* clang-format on */

START_TEST(writes_a_candidate_in_the_form_asked_for)
{
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    struct hws_payload payload;
    size_t len = strlen(written[_i].want);

    ck_assert_int_eq(hws_payload_write_candidate(&out, written[_i].form,
                                                 hws_bytes_of(written[_i].text), written[_i].mid,
                                                 written[_i].ufrag),
                     HWS_OK);
    ck_assert_uint_eq(out.len, len);
    ck_assert_mem_eq(buffer, written[_i].want, len);
    ck_assert_int_eq(hws_payload_read_candidate(hws_written(&out), &payload, NULL), HWS_OK);
    ck_assert_str_eq(payload.text, written[_i].text);
    hws_payload_fini(&payload);

    for (size_t cap = 0; cap < len; cap++) {
        out = hws_writer_over(buffer, cap);
        ck_assert_int_eq(hws_payload_write_candidate(&out, written[_i].form,
                                                     hws_bytes_of(written[_i].text),
                                                     written[_i].mid, written[_i].ufrag),
                         HWS_ERR_FULL);
        ck_assert(out.failed);
    }
}
END_TEST

START_TEST(refuses_to_write_what_nobody_could_read)
{
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    const struct hws_bytes nul = {(const uint8_t *)"a\0b", 3};

    ck_assert_int_eq(
        hws_payload_write_description(&out, HWS_DESCRIPTION_OFFER, hws_bytes_of("\xff")),
        HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_payload_write_description(&out, HWS_DESCRIPTION_OFFER, nul),
                     HWS_ERR_ARGUMENT);
    ck_assert_int_eq(
        hws_payload_write_candidate(&out, HWS_FORM_OBJECT, hws_bytes_of("\xc3"), NULL, NULL),
        HWS_ERR_ARGUMENT);
    ck_assert_int_eq(
        hws_payload_write_candidate(&out, HWS_FORM_OBJECT, hws_bytes_of(""), "\xed\xa0\x80", NULL),
        HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_payload_write_candidate(&out, HWS_FORM_LINE, nul, NULL, NULL),
                     HWS_ERR_ARGUMENT);
    ck_assert_int_eq(
        hws_payload_write_candidate(&out, HWS_FORM_LINE, hws_bytes_of("a\r\nb"), NULL, NULL),
        HWS_ERR_ARGUMENT);
    ck_assert_uint_eq(out.len, 0);
    ck_assert(!out.failed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("payload");
    TCase *tc = tcase_create("payload");
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, reads_every_form_of_a_candidate, 0, COUNT(candidates));
    tcase_add_test(tc, reads_a_description);
    tcase_add_loop_test(tc, refuses_with_the_name_of_the_member, 0, COUNT(refusals));
    tcase_add_test(tc, a_reason_quotes_nothing);
    tcase_add_loop_test(tc, refuses_every_truncation, 0, COUNT(candidates));
    tcase_add_test(tc, refuses_every_truncation_of_a_description);
    tcase_add_loop_test(tc, survives_every_damaged_bit, 0, COUNT(candidates));
    tcase_add_loop_test(tc, holds_its_limits, 0, COUNT(limits));
    tcase_add_test(tc, the_longest_fields_fit_or_are_refused);
    tcase_add_test(tc, writes_what_it_reads);
    tcase_add_loop_test(tc, writes_a_candidate_in_the_form_asked_for, 0, COUNT(written));
    tcase_add_test(tc, refuses_to_write_what_nobody_could_read);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
