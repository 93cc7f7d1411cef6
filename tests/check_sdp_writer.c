/* The writer of descriptions: literal text, what it refuses, and reading it all again. */
#include "sdp/sdp.h"
#include "support/sdp_text.h"
#include "support/suite.h"

static struct hws_sdp sdp, other;

static struct hws_bytes bytes_of(const char *text)
{
    return (struct hws_bytes){(const uint8_t *)text, strlen(text)};
}

/* Copies with its NUL; the field is big enough. */
#define PUT(field, text) memcpy((field), (text), sizeof(text))

static void make_plain(enum hws_sdp_type type)
{
    sdp = (struct hws_sdp){.type = type,
                           .session_id = 4962303333179871722,
                           .session_version = 1,
                           .trickle = true,
                           .setup = type == HWS_SDP_OFFER ? HWS_SETUP_ACTPASS : HWS_SETUP_ACTIVE,
                           .fingerprint_count = 1,
                           .sctp_port = 5000,
                           .max_message_size = 262144,
                           .media_count = 1};
    PUT(sdp.ufrag, "Hw5s");
    PUT(sdp.pwd, "0123456789abcdefABCD+/");
    PUT(sdp.mid, "0");
    sdp.fingerprints[0].hash = HWS_HASH_SHA256;
    for (size_t i = 0; i < 32; i++) {
        sdp.fingerprints[0].digest[i] = (uint8_t)(0xA0 + i);
    }
}

static void add_candidates(void)
{
    sdp.candidates[0] = (struct hws_candidate){
        .type = HWS_CANDIDATE_HOST,
        .priority = 2130706431,
        .addr = {.family = HWS_FAMILY_IP4, .ip = {192, 0, 2, 7}, .port = 4000},
        .foundation = "h1"
    };
    sdp.candidates[1] = (struct hws_candidate){.type = HWS_CANDIDATE_HOST,
                                               .priority = 2130706175,
                                               .addr = {.port = 4001},
                                               .mdns = "4f9a3e0d-6a2c-4a1e-9d2f-0a1b2c3d4e5f.local",
                                               .foundation = "h2",
                                               .ufrag = "Hw5s"};
    sdp.candidate_count = 2;
    sdp.end_of_candidates = true;
}

static void add_audio(void)
{
    sdp.media_count = 2;
    sdp.media_index = 1;
    PUT(sdp.media[0].media, "audio");
    PUT(sdp.media[0].proto, "UDP/TLS/RTP/SAVPF");
    PUT(sdp.media[0].formats, "111 0 8");
    PUT(sdp.media[0].mid, "a");
}

static const char *written(void)
{
    static uint8_t text[EDIT_MAX];
    struct hws_writer out = hws_writer_over(text, sizeof(text) - 1);

    memset(text, 0, sizeof(text));
    ck_assert_int_eq(hws_sdp_write(&out, &sdp), HWS_OK);
    return (const char *)text;
}

#define ORIGIN "v=0\r\no=- 4962303333179871722 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define FINGERPRINT                                                                              \
    "a=fingerprint:sha-256 A0:A1:A2:A3:A4:A5:A6:A7:A8:A9:AA:AB:AC:AD:AE:AF:B0:B1:B2:B3:B4:B5:B6" \
    ":B7:B8:B9:BA:BB:BC:BD:BE:BF\r\n"
#define TRANSPORT                                                                  \
    "c=IN IP4 0.0.0.0\r\na=ice-ufrag:Hw5s\r\na=ice-pwd:0123456789abcdefABCD+/\r\n" \
    "a=ice-options:trickle\r\n" FINGERPRINT

START_TEST(writes_an_offer)
{
    make_plain(HWS_SDP_OFFER);
    ck_assert_str_eq(written(),
                     ORIGIN "a=group:BUNDLE 0\r\n"
                            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" TRANSPORT
                            "a=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\n"
                            "a=max-message-size:262144\r\n");
}
END_TEST

START_TEST(writes_an_answer_with_everything)
{
    make_plain(HWS_SDP_ANSWER);
    add_audio();
    add_candidates();
    sdp.bundled = true;
    sdp.ice_lite = true;
    sdp.proto = HWS_PROTO_TCP_DTLS_SCTP;
    sdp.max_message_size = UINT64_MAX;
    ck_assert_str_eq(
        written(),
        ORIGIN "a=group:BUNDLE 0\r\na=ice-lite\r\n"
               "m=audio 0 UDP/TLS/RTP/SAVPF 111 0 8\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\n"
               "m=application 9 TCP/DTLS/SCTP webrtc-datachannel\r\n" TRANSPORT
               "a=setup:active\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:2147483647\r\n"
               "a=candidate:h1 1 udp 2130706431 192.0.2.7 4000 typ host\r\n"
               "a=candidate:h2 1 udp 2130706175 4f9a3e0d-6a2c-4a1e-9d2f-0a1b2c3d4e5f.local 4001 "
               "typ host ufrag Hw5s\r\na=end-of-candidates\r\n");
}
END_TEST

START_TEST(writes_an_answer_outside_of_a_group)
{
    make_plain(HWS_SDP_ANSWER);
    sdp.mid[0] = '\0';
    sdp.trickle = false;
    sdp.setup = HWS_SETUP_PASSIVE;
    ck_assert_str_eq(written(), ORIGIN "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                                       "c=IN IP4 0.0.0.0\r\na=ice-ufrag:Hw5s\r\n"
                                       "a=ice-pwd:0123456789abcdefABCD+/\r\n" FINGERPRINT
                                       "a=setup:passive\r\na=sctp-port:5000\r\n"
                                       "a=max-message-size:262144\r\n");
}
END_TEST

START_TEST(echoes_the_form_of_the_offer)
{
    make_plain(HWS_SDP_ANSWER);
    sdp.proto = HWS_PROTO_DTLS_SCTP;
    sdp.sctp_port = 5001;
    ck_assert_ptr_nonnull(strstr(written(), "m=application 9 DTLS/SCTP 5001\r\n"));
    ck_assert_ptr_nonnull(strstr(written(), "a=sctpmap:5001 webrtc-datachannel 1024\r\n"));
    ck_assert_ptr_null(strstr(written(), "a=sctp-port"));
    sdp.proto = HWS_PROTO_DTLS_SCTP_NAMED;
    ck_assert_ptr_nonnull(strstr(written(), "m=application 9 DTLS/SCTP webrtc-datachannel\r\n"));
    ck_assert_ptr_nonnull(strstr(written(), "a=sctp-port:5001\r\n"));
}
END_TEST

START_TEST(rejects_without_a_transport)
{
    make_plain(HWS_SDP_ANSWER);
    sdp.rejected = true;
    sdp.bundled = true;
    sdp.ufrag[0] = '\0';
    sdp.fingerprint_count = 0;
    ck_assert_str_eq(written(), ORIGIN "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                                       "c=IN IP4 0.0.0.0\r\na=mid:0\r\n");
}
END_TEST

/* ---- Refusals: nothing is written, whatever is wrong */

static void refuse(const char *what)
{
    static uint8_t text[EDIT_MAX];
    struct hws_writer out = hws_writer_over(text, sizeof(text));

    hws_write_text(&out, "before");
    ck_assert_msg(hws_sdp_write(&out, &sdp) == HWS_ERR_ARGUMENT, "%s was written", what);
    ck_assert_msg(out.len == 6 && !out.failed, "%s left something behind", what);
}

static const char *const injections[] = {"x\r\na=setup:active", "x\ny", "x\ry", "x y", "\r\n", " "};

START_TEST(refuses_injection)
{
    const char *bad = injections[_i];
    size_t len = strlen(bad) + 1;

    make_plain(HWS_SDP_OFFER);
    memcpy(sdp.mid, bad, len);
    refuse("mid");
    make_plain(HWS_SDP_OFFER);
    memcpy(sdp.ufrag + 4, bad, len);
    refuse("ufrag");
    make_plain(HWS_SDP_OFFER);
    memcpy(sdp.pwd + 22, bad, len);
    refuse("pwd");
    make_plain(HWS_SDP_OFFER);
    add_audio();
    memcpy(sdp.media[0].media, bad, len);
    refuse("media");
    add_audio();
    memcpy(sdp.media[0].proto, bad, len);
    refuse("proto");
    add_audio();
    memcpy(sdp.media[0].mid, bad, len);
    refuse("mid of audio");
    add_audio();
    if (strcmp(bad, "x y") != 0) {
        memcpy(sdp.media[0].formats, bad, len);
        refuse("formats");
    }
    make_plain(HWS_SDP_OFFER);
    add_candidates();
    memcpy(sdp.candidates[0].foundation, bad, len);
    refuse("foundation");
    add_candidates();
    memcpy(sdp.candidates[1].mdns, bad, len);
    refuse("name");
    add_candidates();
    memcpy(sdp.candidates[1].ufrag + 4, bad, len);
    refuse("ufrag of a candidate");
}
END_TEST

/* A word may not smuggle in another: it would move what stands behind it. */
START_TEST(refuses_words_that_move_others)
{
    make_plain(HWS_SDP_OFFER);
    add_audio();
    PUT(sdp.media[0].media, "audio 0 RTP/AVP 0");
    refuse("media of several words");
    add_audio();
    PUT(sdp.media[0].formats, "");
    refuse("no format");
    add_audio();
    PUT(sdp.media[0].formats, "0  1");
    refuse("two spaces");
    add_audio();
    memset(sdp.media[0].formats, '1', sizeof(sdp.media[0].formats));
    refuse("formats without an end");
    add_audio();
    memset(sdp.media[0].media, 'a', sizeof(sdp.media[0].media));
    refuse("media without an end");
}
END_TEST

START_TEST(refuses_what_is_missing)
{
    make_plain(HWS_SDP_OFFER);
    sdp.ufrag[3] = '\0';
    refuse("short ufrag");
    make_plain(HWS_SDP_OFFER);
    memset(sdp.ufrag, 'u', sizeof(sdp.ufrag));
    refuse("ufrag without an end");
    make_plain(HWS_SDP_OFFER);
    sdp.pwd[21] = '\0';
    refuse("short password");
    make_plain(HWS_SDP_OFFER);
    sdp.fingerprint_count = 0;
    refuse("no fingerprint");
    sdp.fingerprint_count = HWS_FINGERPRINT_LIST + 1;
    refuse("too many fingerprints");
    make_plain(HWS_SDP_OFFER);
    sdp.fingerprints[0].hash = HWS_HASH_MD5;
    refuse("MD5");
    make_plain(HWS_SDP_ANSWER);
    sdp.setup = HWS_SETUP_ACTPASS;
    refuse("actpass in an answer");
    make_plain(HWS_SDP_OFFER);
    sdp.candidate_count = HWS_ICE_REMOTE_MAX + 1;
    refuse("too many candidates");
    sdp.candidate_count = 1;
    refuse("empty candidate");
    make_plain(HWS_SDP_OFFER);
    sdp.media_count = 0;
    refuse("no section");
    sdp.media_count = HWS_MEDIA_MAX + 1;
    refuse("too many sections");
    make_plain(HWS_SDP_OFFER);
    add_audio();
    PUT(sdp.media[0].mid, "0");
    refuse("mid twice");
}
END_TEST

START_TEST(refuses_a_small_buffer)
{
    size_t len;
    uint8_t *text;

    make_plain(HWS_SDP_OFFER);
    add_audio();
    add_candidates();
    len = strlen(written());
    for (size_t cap = 0; cap <= len; cap++) {
        struct hws_writer out;

        text = calloc(1, cap > 0 ? cap : 1);
        out = hws_writer_over(text, cap);
        /* One byte more is wanted than is written: text is formatted with its NUL. */
        ck_assert_int_eq(hws_sdp_write(&out, &sdp), HWS_ERR_FULL);
        ck_assert_uint_eq(out.len, 0);
        ck_assert_uint_eq(hws_written(&out).len, 0);
        free(text);
    }
}
END_TEST

/* ---- Reading it again */

static void require_same_candidate(const struct hws_candidate *a, const struct hws_candidate *b)
{
    ck_assert_int_eq(a->type, b->type);
    ck_assert_uint_eq(a->priority, b->priority);
    ck_assert(hws_address_equal(&a->addr, &b->addr));
    ck_assert(hws_address_equal(&a->related, &b->related));
    ck_assert_str_eq(a->foundation, b->foundation);
    ck_assert_str_eq(a->mdns, b->mdns);
    ck_assert_str_eq(a->ufrag, b->ufrag);
}

static void require_same(void)
{
    ck_assert_int_eq(sdp.type, other.type);
    ck_assert_uint_eq(sdp.session_id, other.session_id);
    ck_assert_uint_eq(sdp.session_version, other.session_version);
    ck_assert_str_eq(sdp.ufrag, other.ufrag);
    ck_assert_str_eq(sdp.pwd, other.pwd);
    ck_assert_int_eq(sdp.ice_lite, other.ice_lite);
    ck_assert_int_eq(sdp.trickle, other.trickle);
    ck_assert_int_eq(sdp.end_of_candidates, other.end_of_candidates);
    ck_assert_int_eq(sdp.setup, other.setup);
    ck_assert_uint_eq(sdp.fingerprint_count, other.fingerprint_count);
    ck_assert_mem_eq(sdp.fingerprints, other.fingerprints, sizeof(sdp.fingerprints));
    ck_assert_str_eq(sdp.mid, other.mid);
    ck_assert_int_eq(sdp.proto, other.proto);
    ck_assert_uint_eq(sdp.sctp_port, other.sctp_port);
    ck_assert_uint_eq(sdp.max_message_size, other.max_message_size);
    ck_assert_int_eq(sdp.rejected, other.rejected);
    ck_assert_int_eq(sdp.bundled, other.bundled);
    ck_assert_uint_eq(sdp.media_index, other.media_index);
    ck_assert_uint_eq(sdp.media_count, other.media_count);
    ck_assert_mem_eq(sdp.media, other.media, sizeof(sdp.media));
    ck_assert_uint_eq(sdp.candidate_count, other.candidate_count);
    for (size_t i = 0; i < sdp.candidate_count; i++) {
        require_same_candidate(&sdp.candidates[i], &other.candidates[i]);
    }
}

static const char *const files[] = {
    "aiortc-offer.sdp",
    "aiortc-answer.sdp",
    "chromium-offer-audio-video.sdp",
    "chromium-offer-mdns.sdp",
    "chromium-offer-relay.sdp",
    "firefox-answer-gathered.sdp",
    "firefox-offer-mdns.sdp",
    "firefox-offer-maxbundle.sdp",
    "firefox-offer-relay.sdp",
    "gstreamer-offer.sdp",
    "libdatachannel-offer.sdp",
    "pion-offer.sdp",
    "pion-answer.sdp",
    "werift-offer.sdp",
    "wrtc-offer.sdp",
};

START_TEST(reads_what_it_wrote)
{
    char *text = read_vector(files[_i]);
    enum hws_sdp_type type = strstr(files[_i], "answer") ? HWS_SDP_ANSWER : HWS_SDP_OFFER;

    ck_assert_int_eq(hws_sdp_read(bytes_of(text), type, &sdp, NULL), HWS_OK);
    ck_assert_int_eq(hws_sdp_read(bytes_of(written()), type, &other, NULL), HWS_OK);
    require_same();
    free(text);
}
END_TEST

/* What the offer holds beside what we understand does not come back to it. */
START_TEST(echoes_nothing_unknown)
{
    char *text = edited(OFFER_TEXT, "a=mid:0", "a=x-secret:echo\r\na=mid:0");

    ck_assert_int_eq(hws_sdp_read(bytes_of(text), HWS_SDP_OFFER, &sdp, NULL), HWS_OK);
    ck_assert_ptr_null(strstr(written(), "echo"));
    free(text);
}
END_TEST

/* ---- Answers to offers */

static void make_pair(void)
{
    make_plain(HWS_SDP_OFFER);
    add_audio();
    other = sdp;
    make_plain(HWS_SDP_ANSWER);
    add_audio();
}

static bool fits(void)
{
    return hws_sdp_answers(&sdp, &other); /* sdp answers other */
}

START_TEST(knows_roles_that_fit)
{
    static const bool table[3][3] = {
  /* answer:               actpass active passive */
        [HWS_SETUP_ACTPASS] = {false, true,  true },
        [HWS_SETUP_ACTIVE] = {false, false, true },
        [HWS_SETUP_PASSIVE] = {false, true,  false},
    };

    make_pair();
    for (int offer = 0; offer < 3; offer++) {
        for (int answer = 0; answer < 3; answer++) {
            other.setup = (enum hws_sdp_setup)offer;
            sdp.setup = (enum hws_sdp_setup)answer;
            ck_assert_msg(fits() == table[offer][answer], "offer %d, answer %d", offer, answer);
        }
    }
}
END_TEST

START_TEST(compares_sections)
{
    make_pair();
    ck_assert(fits());
    sdp.proto = HWS_PROTO_DTLS_SCTP;
    ck_assert_msg(fits(), "another form of the same transport");
    sdp.mid[0] = '\0';
    ck_assert_msg(fits(), "an answer without mid");
    PUT(sdp.mid, "1");
    ck_assert_msg(!fits(), "another mid");
    make_pair();
    PUT(sdp.media[0].mid, "b");
    ck_assert_msg(!fits(), "another mid of audio");
    make_pair();
    PUT(sdp.media[0].media, "video");
    ck_assert_msg(!fits(), "another medium");
    make_pair();
    sdp.media_count = 3;
    ck_assert_msg(!fits(), "more sections");
    make_pair();
    sdp.media_index = 0;
    ck_assert_msg(!fits(), "another place");
    make_pair();
    sdp.rejected = true;
    ck_assert_msg(!fits(), "rejected");
    make_pair();
    other.rejected = true;
    ck_assert_msg(!fits(), "an offer that is rejected");
    make_pair();
    sdp.type = HWS_SDP_OFFER;
    ck_assert_msg(!fits(), "two offers");
    make_pair();
    other.type = HWS_SDP_ANSWER;
    ck_assert_msg(!fits(), "two answers");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sdp_writer");
    TCase *writing = tcase_create("write"), *refusing = tcase_create("refuse");
    TCase *again = tcase_create("again"), *answering = tcase_create("answer");

    suite_add_tcase(suite, writing);
    tcase_add_test(writing, writes_an_offer);
    tcase_add_test(writing, writes_an_answer_with_everything);
    tcase_add_test(writing, writes_an_answer_outside_of_a_group);
    tcase_add_test(writing, echoes_the_form_of_the_offer);
    tcase_add_test(writing, rejects_without_a_transport);
    suite_add_tcase(suite, refusing);
    tcase_add_loop_test(refusing, refuses_injection, 0, ROWS(injections));
    tcase_add_test(refusing, refuses_words_that_move_others);
    tcase_add_test(refusing, refuses_what_is_missing);
    tcase_add_test(refusing, refuses_a_small_buffer);
    suite_add_tcase(suite, again);
    tcase_add_loop_test(again, reads_what_it_wrote, 0, ROWS(files));
    tcase_add_test(again, echoes_nothing_unknown);
    suite_add_tcase(suite, answering);
    tcase_add_test(answering, knows_roles_that_fit);
    tcase_add_test(answering, compares_sections);
    return run_suite(suite);
}
