/* What a peer says to descriptions of every kind: those of browsers, old forms, later offers. */
#include "support/check_main.h"
#include "support/peer_world.h"
#include "support/sdp_text.h"

#include "peer/peer_internal.h"

#include <stdarg.h>

static struct world world; /* big; Check runs each test in its own process */
static struct world_peer *client, *worker;
static struct hws_channel channel;

static void begin(void)
{
    world_init(&world, 1);
    worker = world_add(&world, &(struct hws_peer_config){0});
}

static enum hws_err tell(struct world_peer *peer, enum hws_signal_kind kind, const char *text)
{
    return hws_peer_signal(
        peer->peer, &(struct hws_signal){.kind = kind, .text = hws_bytes_of(text)}, world.now);
}

/* The next description of this kind that the peer makes. The caller frees. */
static char *take(struct world_peer *peer, enum hws_signal_kind kind)
{
    struct hws_signal signal;
    char *text;

    do {
        ck_assert_msg(hws_peer_next_signal(peer->peer, &signal), "nothing was said: %s",
                      hws_peer_fault_text(peer->peer));
    } while (signal.kind != kind);
    text = calloc(1, signal.text.len + 1);
    ck_assert_ptr_nonnull(text);
    memcpy(text, signal.text.data, signal.text.len);
    return text;
}

static char *answer_to(const char *offer)
{
    ck_assert_msg(tell(worker, HWS_SIGNAL_OFFER, offer) == HWS_OK, "%s",
                  hws_peer_fault_text(worker->peer));
    return take(worker, HWS_SIGNAL_ANSWER);
}

/* ---- What must come out, put together from what went in and by other means than the product's */

struct expectation {
    const char *setup, *proto, *port, *port_line;
    unsigned version;
    bool bundled;
};

static void add_text(char *out, const char *format, ...)
{
    size_t len = strlen(out);
    va_list list;

    va_start(list, format);
    (void)vsnprintf(out + len, EDIT_MAX - len, format, list);
    va_end(list);
}

static void add_data(char *out, const char *mid, const struct expectation *want)
{
    struct hws_fingerprint own;
    char hex[128] = "";

    ck_assert_int_eq(hws_identity_fingerprint(world.identity, HWS_HASH_SHA256, &own), HWS_OK);
    for (size_t i = 0; i < 32; i++) {
        (void)snprintf(hex + 3 * i, 4, "%02X%s", own.digest[i], i < 31 ? ":" : "");
    }
    add_text(out, "m=application 9 %s %s\r\nc=IN IP4 0.0.0.0\r\n", want->proto, want->port);
    add_text(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle\r\n",
             hws_ice_ufrag(worker->peer->ice), hws_ice_pwd(worker->peer->ice));
    add_text(out, "a=fingerprint:sha-256 %s\r\na=setup:%s\r\n", hex, want->setup);
    if (mid[0]) add_text(out, "a=mid:%s\r\n", mid);
    add_text(out, "%s\r\na=max-message-size:262144\r\n", want->port_line);
    add_text(out, "a=candidate:1 1 udp 2130698239 10.0.0.1 4000 typ host ufrag %s\r\n",
             hws_ice_ufrag(worker->peer->ice));
    add_text(out, "a=end-of-candidates\r\n");
}

/* The a=mid line of the section that begins at @p at. */
static const char *mid_of(const char *at, char out[65])
{
    const char *next = strstr(at + 1, "\r\nm="), *mid = strstr(at, "\r\na=mid:");

    out[0] = '\0';
    if (mid && (!next || mid < next)) ck_assert_int_eq(sscanf(mid, "\r\na=mid:%64[^\r]", out), 1);
    return out;
}

/* The first section of data channels, by its words. */
static const char *data_section(const char *text)
{
    for (const char *at = strstr(text, "\r\nm="); at; at = strstr(at + 1, "\r\nm=")) {
        if (strncmp(at, "\r\nm=application ", 16) == 0 && strstr(at, "DTLS/SCTP")) return at;
    }
    ck_abort_msg("there is no data section");
}

/* Our description with the sections of @p text. The caller frees. */
static char *expected(const char *text, const struct expectation *want)
{
    char *out = calloc(1, EDIT_MAX), mid[65];
    const char *data = data_section(text);

    ck_assert_ptr_nonnull(out);
    add_text(out, "v=0\r\no=- %llu %u IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
             (unsigned long long)worker->peer->session_id, want->version);
    if (want->bundled) add_text(out, "a=group:BUNDLE %s\r\n", mid_of(data, mid));
    for (const char *at = strstr(text, "\r\nm="); at; at = strstr(at + 1, "\r\nm=")) {
        char media[64], proto[64], formats[512];

        (void)mid_of(at, mid);
        if (at == data) {
            add_data(out, mid, want);
            continue;
        }
        ck_assert_int_eq(sscanf(at, "\r\nm=%63s %*s %63s %511[^\r]", media, proto, formats), 3);
        add_text(out, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\n", media, proto, formats);
        if (mid[0]) add_text(out, "a=mid:%s\r\n", mid);
    }
    return out;
}

static const struct expectation modern = {
    .setup = "active",
    .proto = "UDP/DTLS/SCTP",
    .port = "webrtc-datachannel",
    .port_line = "a=sctp-port:5000",
    .version = 1,
    .bundled = true,
};

static void expect_answer(const char *offer, const struct expectation *want)
{
    char *answer = answer_to(offer), *right = expected(offer, want);

    ck_assert_str_eq(answer, right);
    free(answer);
    free(right);
}

/* ---- Browsers and other stacks */

static const char *const files[] = {
    "chromium-offer.sdp",
    "chromium-offer-gathered.sdp",
    "chromium-offer-audio-video.sdp",
    "chromium-offer-data-first.sdp",
    "chromium-offer-maxbundle.sdp",
    "chromium-offer-maxcompat.sdp",
    "chromium-offer-relay.sdp",
    "chromium-offer-warp.sdp",
    "firefox-offer.sdp",
    "firefox-offer-audio-video.sdp",
    "firefox-offer-data-first.sdp",
    "firefox-offer-maxbundle.sdp",
    "firefox-offer-maxcompat.sdp",
    "pion-offer.sdp",
    "werift-offer.sdp",
    "wrtc-offer.sdp",
    "gstreamer-offer.sdp",
    "libdatachannel-offer.sdp",
};

/* Audio and video are declined in place, the group holds the data section only, and nothing else
 * of the offer comes back. Then our own offer keeps all of it. */
START_TEST(offers_of_others_are_answered_word_by_word)
{
    char *offer = read_vector(files[_i]), *again, *right;
    struct expectation want = modern;

    begin();
    expect_answer(offer, &want);
    want.setup = "actpass";
    want.version = 2;
    ck_assert_int_eq(hws_peer_offer(worker->peer, world.now), HWS_OK);
    again = take(worker, HWS_SIGNAL_OFFER);
    right = expected(offer, &want);
    ck_assert_str_eq(again, right);
    free(offer);
    free(again);
    free(right);
    world_fini(&world);
}
END_TEST

START_TEST(without_a_group_there_is_none_in_the_answer)
{
    char *offer = read_vector("chromium-offer-maxcompat.sdp"), *at = strstr(offer, "a=group:");
    struct expectation want = modern;

    ck_assert_ptr_nonnull(at);
    memmove(at, strchr(at, '\n') + 1, strlen(strchr(at, '\n') + 1) + 1);
    want.bundled = false;
    begin();
    expect_answer(offer, &want);
    free(offer);
    world_fini(&world);
}
END_TEST

/* ---- Forms */

#define UDP "UDP/DTLS/SCTP"

/* An edit of the plain offer, and what our side makes of it. */
/* clang-format off */
static const struct form {
    const char *from, *to, *setup, *proto;
    bool controlling;
    uint16_t port;
    uint64_t size;
} forms[] = {
    {"a=setup:actpass", "a=setup:actpass", "active", UDP, false, 5000, 262144},
    {"a=setup:actpass", "a=setup:active", "passive", UDP, false, 5000, 262144},
    {"a=setup:actpass", "a=setup:passive", "active", UDP, false, 5000, 262144},
    {"size:262144", "size:0", "active", UDP, false, 5000, 0},
    {"a=max-message-size:262144\r\n", "", "active", UDP, false, 5000, 65536},
    {"size:262144", "size:18446744073709551615", "active", UDP, false, 5000, UINT64_MAX},
    {"a=sctp-port:5000", "a=sctp-port:1", "active", UDP, false, 1, 262144},
    {"t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n", "active", UDP, true, 5000, 262144},
    {"t=0 0\r\n", "t=0 0\r\na=identity:eyJpZHAiOnt9fQ==\r\n", "active", UDP, false, 5000, 262144},
    {"a=mid:0", "a=tls-id:abcdefghijklmnopqrst\r\na=mid:0", "active", UDP, false, 5000, 262144},
    {UDP, "TCP/DTLS/SCTP", "active", "TCP/DTLS/SCTP", false, 5000, 262144},
    {UDP, "DTLS/SCTP", "active", "DTLS/SCTP", false, 5000, 262144},
    {"a=fingerprint", "a=fingerprint:sha-512 " DIGEST ":" DIGEST "\r\na=fingerprint",
     "active", UDP, false, 5000, 262144},
    {"a=fingerprint", "a=fingerprint:sha3-256 " DIGEST "\r\na=fingerprint",
     "active", UDP, false, 5000, 262144},
};
/* clang-format on */

START_TEST(forms_of_an_offer)
{
    const struct form *form = &forms[_i];
    char *offer = edited(OFFER_TEXT, form->from, form->to);
    struct expectation want = modern;

    want.setup = form->setup;
    want.proto = form->proto;
    begin();
    expect_answer(offer, &want);
    ck_assert_int_eq(worker->peer->dtls_role,
                     form->setup[0] == 'a' ? HWS_DTLS_CLIENT : HWS_DTLS_SERVER);
    ck_assert_int_eq(hws_ice_is_controlling(worker->peer->ice), form->controlling);
    ck_assert_uint_eq(worker->peer->remote.max_message_size, form->size);
    ck_assert_uint_eq(worker->peer->remote.sctp_port, form->port);
    free(offer);
    world_fini(&world);
}
END_TEST

/* An answer takes renomination up, an offer announces it unless the other side has it not. */
START_TEST(renomination_is_for_both)
{
    static const char both[] = "a=ice-options:trickle renomination\r\n";
    char *offer = edited(OFFER_TEXT, "a=ice-options:trickle",
                         _i == 0 ? "a=ice-options:trickle" : "a=ice-options:renomination,trickle");
    char *text;

    begin();
    ck_assert_int_eq(hws_peer_offer(worker->peer, world.now), HWS_OK);
    text = take(worker, HWS_SIGNAL_OFFER);
    ck_assert(strstr(text, both));
    free(text);
    world_fini(&world);
    begin();
    text = answer_to(offer);
    ck_assert_int_eq(strstr(text, both) != NULL, _i == 1);
    ck_assert_int_eq(strstr(text, "a=ice-options:trickle\r\n") != NULL, _i == 0);
    ck_assert_int_eq(worker->peer->remote.renomination, _i == 1);
    free(text);
    free(offer);
    world_fini(&world);
}
END_TEST

/* The attributes of the transport at session level, as aiortc and others put them. */
START_TEST(attributes_of_the_session_count)
{
    static const char transport[] = "a=ice-ufrag:abcd\r\n"
                                    "a=ice-pwd:0123456789abcdefABCD+/\r\n"
                                    "a=fingerprint:sha-384 " DIGEST ":" DIGEST_1 "\r\n"
                                    "a=setup:passive\r\n";
    char *offer = calloc(1, EDIT_MAX);

    ck_assert_ptr_nonnull(offer);
    (void)snprintf(offer, EDIT_MAX, "%s%s%s", SESSION_TEXT, transport,
                   "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
                   "a=mid:0\r\na=sctp-port:5000\r\n");
    begin();
    expect_answer(offer, &modern);
    ck_assert_uint_eq(worker->peer->remote.fingerprint_count, 1);
    ck_assert_int_eq(worker->peer->remote.fingerprints[0].hash, HWS_HASH_SHA384);
    free(offer);
    world_fini(&world);
}
END_TEST

START_TEST(the_old_form_is_answered_in_its_form)
{
    struct expectation want = modern;
    char *offer = read_vector("aiortc-offer.sdp");

    want.proto = "DTLS/SCTP";
    want.port = "5000";
    want.port_line = "a=sctpmap:5000 webrtc-datachannel 1024";
    begin();
    expect_answer(offer, &want);
    free(offer);
    world_fini(&world);
}
END_TEST

START_TEST(our_port_is_that_of_the_configuration)
{
    struct expectation want = modern;

    world_init(&world, 1);
    worker = world_add(&world, &(struct hws_peer_config){.sctp_port = 4999});
    want.port_line = "a=sctp-port:4999";
    expect_answer(OFFER_TEXT, &want);
    world_fini(&world);
}
END_TEST

/* ---- Sections */

#define OTHER(media, port, proto, formats, mid) \
    "m=" media " " port " " proto " " formats "\r\nc=IN IP4 0.0.0.0\r\n" mid

/* clang-format off */
static const char *const others[] = {
    OTHER("audio", "9", "UDP/TLS/RTP/SAVPF", "111 63", "a=mid:a\r\n"),
    OTHER("video", "0", "UDP/TLS/RTP/SAVPF", "96", "a=mid:a\r\n"),
    OTHER("text", "9", "RTP/AVP", "98", ""),
    OTHER("message", "9", "TCP/MSRP", "*", "a=mid:m\r\n"),
    OTHER("image", "9", "udptl", "t38", ""),
    OTHER("application", "9", "TCP/BFCP", "*", "a=mid:b\r\n"),
    OTHER("application", "9", "UDP/DTLS/SCTP", "x-other", "a=mid:b\r\na=sctp-port:5000\r\n"),
    OTHER("x-new", "9", "X/Y/Z", "1 2 3", "a=mid:+\r\n"),
};
/* clang-format on */

/* Unknown sections in front and behind: each comes back with port 0, in its place. */
START_TEST(unknown_sections_are_declined_in_place)
{
    char *offer = calloc(1, EDIT_MAX), *answer, *want = calloc(1, EDIT_MAX);
    struct hws_sdp *sdp = calloc(1, sizeof(*sdp));

    ck_assert(offer && want && sdp);
    (void)snprintf(offer, EDIT_MAX, "%s%s%s%s", SESSION_TEXT, _i % 2 ? others[_i / 2] : "",
                   DATA_TEXT, _i % 2 ? "" : others[_i / 2]);
    begin();
    answer = answer_to(offer);
    ck_assert_int_eq(hws_sdp_read(hws_bytes_of(answer), HWS_SDP_ANSWER, sdp, NULL), HWS_OK);
    ck_assert_uint_eq(sdp->media_count, 2);
    ck_assert_uint_eq(sdp->media_index, (size_t)(_i % 2));
    (void)snprintf(want, EDIT_MAX, "m=%s 0 %s %s\r\n", sdp->media[!sdp->media_index].media,
                   sdp->media[!sdp->media_index].proto, sdp->media[!sdp->media_index].formats);
    ck_assert_ptr_nonnull(strstr(answer, want));
    ck_assert_ptr_nonnull(strstr(answer, "a=group:BUNDLE 0\r\n"));
    ck_assert_int_eq(strncmp(want + 2, others[_i / 2] + 2, strcspn(others[_i / 2], " ") - 2), 0);
    free(offer);
    free(answer);
    free(want);
    free(sdp);
    world_fini(&world);
}
END_TEST

START_TEST(the_first_data_section_is_taken)
{
    char *second = edited(DATA_TEXT, "a=mid:0", "a=mid:1"), *offer, *dead;

    offer = edited(OFFER_TEXT, "", second);
    begin();
    expect_answer(offer, &modern);
    world_fini(&world);
    free(offer);
    /* A rejected one before it is left alone. */
    dead = edited(SESSION_TEXT, "BUNDLE 0",
                  "BUNDLE 1\r\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                  "c=IN IP4 0.0.0.0\r\na=mid:0");
    offer = edited(dead, "", second);
    begin();
    free(second);
    second = answer_to(offer);
    ck_assert_ptr_nonnull(strstr(second, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                                         "c=IN IP4 0.0.0.0\r\na=mid:0\r\n"
                                         "m=application 9 UDP/DTLS/SCTP"));
    ck_assert_ptr_nonnull(strstr(second, "a=group:BUNDLE 1\r\n"));
    free(second);
    free(offer);
    free(dead);
    world_fini(&world);
}
END_TEST

START_TEST(a_first_offer_without_use_is_refused)
{
    static const char *const edits[][2] = {
        {"m=application 9",  "m=application 0"},
        {"a=sctp-port:5000", "a=sctp-port:0"  },
    };
    char *offer = edited(OFFER_TEXT, edits[_i][0], edits[_i][1]);
    struct hws_signal signal;

    begin();
    ck_assert_int_eq(tell(worker, HWS_SIGNAL_OFFER, offer), HWS_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(hws_peer_fault_text(worker->peer), "rejects the data section"));
    ck_assert(!hws_peer_next_signal(worker->peer, &signal));
    free(offer);
    expect_answer(OFFER_TEXT, &modern); /* nothing happened */
    world_fini(&world);
}
END_TEST

/* ---- Nothing unknown comes back */

#define MARK "xq7"

START_TEST(nothing_unknown_is_echoed)
{
    static const char offer[] =
        "v=0\r\n"
        "o=" MARK "user 1 2 IN IP4 203.0.113.77\r\n"
        "s=" MARK " session\r\n"
        "i=" MARK " information\r\n"
        "u=http://" MARK ".example/\r\n"
        "e=" MARK "@example.com\r\n"
        "p=+1 " MARK "\r\n"
        "c=IN IP4 203.0.113.77\r\n"
        "b=X-" MARK ":77\r\n"
        "t=0 0\r\n"
        "k=prompt\r\n"
        "a=group:BUNDLE 0 1\r\n"
        "a=group:" MARK " 0\r\n"
        "a=" MARK "\r\n"
        "a=" MARK ":value\r\n"
        "a=tool:" MARK "\r\n"
        "a=identity:" MARK "\r\n"
        "a=msid-semantic: WMS " MARK "\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
        "i=" MARK " audio\r\n"
        "c=IN IP4 203.0.113.77\r\n"
        "b=AS:77\r\n"
        "a=mid:1\r\n"
        "a=ice-ufrag:" MARK "u\r\n"
        "a=ice-pwd:" MARK MARK MARK MARK MARK MARK MARK MARK "\r\n"
        "a=rtpmap:111 " MARK "/48000\r\n"
        "a=fmtp:111 " MARK "=1\r\n"
        "a=" MARK "\r\n"
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
        "i=" MARK " data\r\n"
        "c=IN IP4 203.0.113.77\r\n"
        "b=" MARK ":77\r\n"
        "a=ice-ufrag:" MARK "u\r\n"
        "a=ice-pwd:" MARK MARK MARK MARK MARK MARK MARK MARK "\r\n"
        "a=ice-options:trickle " MARK " ice2 renomination\r\n"
        "a=fingerprint:sha-256 " DIGEST "\r\n"
        "a=fingerprint:" MARK " 00:11\r\n"
        "a=setup:actpass\r\n"
        "a=tls-id:" MARK MARK MARK MARK MARK MARK MARK "\r\n"
        "a=mid:0\r\n"
        "a=sctp-port:5000\r\n"
        "a=max-message-size:77\r\n"
        "a=dcmap:0 label=\"" MARK "\"\r\n"
        "a=dcsa:0 " MARK "\r\n"
        "a=sctp-init:" MARK "\r\n"
        "a=candidate:" MARK " 1 udp 77 203.0.113.77 77 typ host " MARK " " MARK "\r\n"
        "a=" MARK ":value\r\n";
    char *answer, *again;

    begin();
    answer = answer_to(offer);
    ck_assert_msg(!strstr(answer, MARK) && !strstr(answer, "77\r\n"), "%s", answer);
    ck_assert_ptr_null(strstr(answer, "203.0.113"));
    ck_assert_ptr_null(strstr(answer, "a=identity"));
    ck_assert_ptr_null(strstr(answer, "a=tls-id"));
    ck_assert_int_eq(hws_peer_offer(worker->peer, world.now), HWS_OK);
    again = take(worker, HWS_SIGNAL_OFFER);
    ck_assert_msg(!strstr(again, MARK) && !strstr(again, "203.0.113"), "%s", again);
    free(answer);
    free(again);
    world_fini(&world);
}
END_TEST

/* ---- Two of ours, with what passes between them changed */

static const char *edit_from, *edit_to;

/* Every description that leaves anybody, if it has the text. */
static void edit(struct world_peer *from, enum hws_signal_kind kind, char *text, size_t cap)
{
    char *copy, *at = strstr(text, edit_from);

    (void)from;
    if (kind == HWS_SIGNAL_CANDIDATE || !at) return;
    copy = edited(text, edit_from, edit_to);
    ck_assert_uint_lt(strlen(copy), cap);
    memcpy(text, copy, strlen(copy) + 1);
    free(copy);
}

static bool both_open(struct world *w)
{
    (void)w;
    return world_saw(client, HWS_EVENT_CHANNEL_OPEN) &&
           world_saw(worker, HWS_EVENT_CHANNEL_INCOMING);
}

static void connect_pair(const struct hws_peer_config *config)
{
    world_init(&world, 2);
    client = world_add(&world, config);
    worker = world_add(&world, &(struct hws_peer_config){0});
    world_pair(client, worker);
    world.edit = edit_from ? edit : NULL;
    ck_assert_int_eq(
        hws_peer_open_channel(client->peer, &(struct hws_channel_config){0}, world.now, &channel),
        HWS_OK);
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    ck_assert_msg(world_run(&world, HWS_SEC(10), both_open), "client: %s; worker: %s",
                  hws_peer_fault_text(client->peer), hws_peer_fault_text(worker->peer));
}

static void expect_data(void)
{
    size_t before = worker->message_count;

    ck_assert_int_eq(
        hws_peer_send(client->peer, channel, HWS_TEXT, hws_bytes_of("hello"), world.now), HWS_OK);
    world_pass(&world, HWS_MS(100));
    ck_assert_uint_eq(worker->message_count, before + 1);
}

/* clang-format off */
static const char *const edits[][2] = {
    {"a=setup:actpass", "a=setup:active"},
    {"a=setup:actpass", "a=setup:passive"},
    /* RFC 8122 section 5: it is enough that one of them is the certificate's. */
    {"a=fingerprint", "a=fingerprint:sha-512 " DIGEST ":" DIGEST "\r\na=fingerprint"},
    {"a=fingerprint", "a=fingerprint:sha-256 " DIGEST "\r\na=fingerprint"},
    {"a=fingerprint", "a=fingerprint:md5 " DIGEST_1 "\r\na=fingerprint"},
    {UDP, "DTLS/SCTP"},
    {"size:262144", "size:0"},
    {"a=max-message-size:262144\r\n", ""},
    {"a=end-of-candidates\r\n", ""},
};
/* clang-format on */

START_TEST(connects_whatever_the_form)
{
    edit_from = edits[_i][0];
    edit_to = edits[_i][1];
    connect_pair(&(struct hws_peer_config){0});
    expect_data();
    world_fini(&world);
}
END_TEST

START_TEST(connects_on_other_ports)
{
    connect_pair(&(struct hws_peer_config){.sctp_port = (uint16_t)(_i ? 65535 : 1)});
    ck_assert_uint_eq(worker->peer->remote.sctp_port, _i ? 65535 : 1);
    ck_assert_uint_eq(client->peer->remote.sctp_port, 5000);
    expect_data();
    world_fini(&world);
}
END_TEST

/* The old form, with another port. */
static void make_old(struct world_peer *from, enum hws_signal_kind kind, char *text, size_t cap)
{
    (void)from;
    if (kind != HWS_SIGNAL_OFFER) return;
    edit_from = "UDP/DTLS/SCTP webrtc-datachannel";
    edit_to = "DTLS/SCTP 4321";
    edit(from, kind, text, cap);
    edit_from = "a=sctp-port:4321";
    edit_to = "a=sctpmap:4321 webrtc-datachannel 65535";
    edit(from, kind, text, cap);
}

START_TEST(connects_in_the_old_form)
{
    edit_from = NULL;
    world_init(&world, 3);
    client = world_add(&world, &(struct hws_peer_config){.sctp_port = 4321});
    worker = world_add(&world, &(struct hws_peer_config){.sctp_port = 1234});
    world_pair(client, worker);
    world.edit = make_old;
    ck_assert_int_eq(
        hws_peer_open_channel(client->peer, &(struct hws_channel_config){0}, world.now, &channel),
        HWS_OK);
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
    ck_assert_int_eq(worker->peer->layout.proto, HWS_PROTO_DTLS_SCTP);
    ck_assert_uint_eq(client->peer->remote.sctp_port, 1234);
    expect_data();
    world_fini(&world);
}
END_TEST

/* ---- Later offers of the other side */

/* The client's next offer, which does not leave by itself. The caller frees. */
static char *later_offer(void)
{
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
    return take(client, HWS_SIGNAL_OFFER);
}

START_TEST(a_later_offer_adds_audio)
{
    static const char audio[] = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n"
                                "a=mid:1\r\na=rtpmap:111 opus/48000/2\r\n";
    char *offer, *more, *answer, *again;

    edit_from = NULL;
    connect_pair(&(struct hws_peer_config){0});
    worker->event_count = 0;
    offer = later_offer();
    more = edited(offer, "", audio);
    answer = answer_to(more);
    ck_assert_ptr_nonnull(strstr(answer, "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n"
                                         "c=IN IP4 0.0.0.0\r\na=mid:1\r\n"));
    ck_assert_ptr_nonnull(strstr(answer, "a=group:BUNDLE 0\r\n"));
    ck_assert_ptr_nonnull(strstr(answer, "a=setup:active\r\n"));
    ck_assert_ptr_null(strstr(answer, "opus"));
    ck_assert_int_eq(hws_peer_rollback(client->peer, world.now), HWS_OK);
    /* The section stays in our own offer, and behind the data section. */
    ck_assert_int_eq(hws_peer_offer(worker->peer, world.now), HWS_OK);
    again = take(worker, HWS_SIGNAL_OFFER);
    ck_assert_ptr_nonnull(strstr(again, "a=end-of-candidates\r\n"
                                        "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n"));
    ck_assert_ptr_nonnull(strstr(again, "a=group:BUNDLE 0\r\n"));
    ck_assert_uint_eq(worker->event_count, 0);
    expect_data();
    free(offer);
    free(more);
    free(answer);
    free(again);
    world_fini(&world);
}
END_TEST

/* clang-format off */
static const char *const renewals[][2] = {
    {"a=mid:0\r\n", "a=mid:0\r\na=tls-id:bbcdefghijklmnopqrst\r\n"},
    {"a=sctp-port:5000", "a=sctp-port:5001"},
    {"a=setup:actpass", "a=setup:active"},
    {"a=fingerprint:sha-256 ", "a=fingerprint:sha-256 " DIGEST "\r\na="}, /* ours is gone */
    {"m=application", OTHER("audio", "0", "RTP/AVP", "0", "") "m=application"},
};
/* clang-format on */

/* RFC 8842 section 5.1: a new association, which we do not make. */
START_TEST(a_later_offer_of_a_new_association_is_refused)
{
    char *offer, *changed;

    edit_from = "a=mid:0\r\n";
    edit_to = "a=mid:0\r\na=tls-id:abcdefghijklmnopqrst\r\n";
    connect_pair(&(struct hws_peer_config){0});
    offer = later_offer();
    changed = edited(offer, renewals[_i][0], renewals[_i][1]);
    ck_assert_int_eq(tell(worker, HWS_SIGNAL_OFFER, changed), HWS_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(hws_peer_fault_text(worker->peer), "new association"));
    free(changed);
    /* The tls-id of before, or none, is the association of before. */
    changed = edited(offer, _i ? "" : "a=mid:0\r\n", _i ? "" : edit_to);
    free(answer_to(changed));
    free(changed);
    free(offer);
    ck_assert_int_eq(hws_peer_rollback(client->peer, world.now), HWS_OK);
    expect_data();
    world_fini(&world);
}
END_TEST

static bool worker_closed(struct world *w)
{
    (void)w;
    return world_saw(worker, HWS_EVENT_CLOSED);
}

/* No data section any more: the offer is answered, in kind, and the peer is over. */
START_TEST(a_later_offer_rejects_the_data_section)
{
    char *offer, *changed, *answer;

    edit_from = NULL;
    connect_pair(&(struct hws_peer_config){0});
    offer = later_offer();
    changed = _i ? edited(offer, "a=sctp-port:5000", "a=sctp-port:0")
                 : edited(offer, "m=application 9", "m=application 0");
    answer = answer_to(changed);
    ck_assert_ptr_nonnull(strstr(answer, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                                         "c=IN IP4 0.0.0.0\r\na=mid:0\r\n"));
    ck_assert_ptr_null(strstr(answer, "a=group"));
    ck_assert(world_run(&world, HWS_SEC(1), worker_closed));
    ck_assert_int_eq(hws_peer_fault(worker->peer).err, HWS_ERR_CLOSED);
    ck_assert_str_eq(hws_peer_fault(worker->peer).layer, "sdp");
    /* And the other side hears it from DTLS, if it did not mean it so. */
    world_pass(&world, HWS_SEC(1));
    ck_assert(world_saw(client, HWS_EVENT_CLOSED));
    free(offer);
    free(changed);
    free(answer);
    world_fini(&world);
}
END_TEST

START_TEST(a_later_answer_rejects_the_data_section)
{
    char *offer, *answer, *changed;

    edit_from = NULL;
    connect_pair(&(struct hws_peer_config){0});
    offer = later_offer();
    answer = answer_to(offer);
    changed = edited(answer, "m=application 9", "m=application 0");
    ck_assert_int_eq(tell(client, HWS_SIGNAL_ANSWER, changed), HWS_OK);
    world_pass(&world, 1);
    ck_assert(world_saw(client, HWS_EVENT_CLOSED));
    ck_assert_int_eq(hws_peer_fault(client->peer).err, HWS_ERR_CLOSED);
    ck_assert_int_eq(tell(client, HWS_SIGNAL_ANSWER, answer), HWS_ERR_STATE);
    free(offer);
    free(answer);
    free(changed);
    world_fini(&world);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    TCase *tc = tcase_create("descriptions");

    tcase_add_loop_test(tc, offers_of_others_are_answered_word_by_word, 0, COUNT(files));
    tcase_add_test(tc, without_a_group_there_is_none_in_the_answer);
    tcase_add_loop_test(tc, forms_of_an_offer, 0, COUNT(forms));
    tcase_add_loop_test(tc, renomination_is_for_both, 0, 2);
    tcase_add_test(tc, attributes_of_the_session_count);
    tcase_add_test(tc, the_old_form_is_answered_in_its_form);
    tcase_add_test(tc, our_port_is_that_of_the_configuration);
    tcase_add_loop_test(tc, unknown_sections_are_declined_in_place, 0, 2 * COUNT(others));
    tcase_add_test(tc, the_first_data_section_is_taken);
    tcase_add_loop_test(tc, a_first_offer_without_use_is_refused, 0, 2);
    tcase_add_test(tc, nothing_unknown_is_echoed);
    tcase_add_loop_test(tc, connects_whatever_the_form, 0, COUNT(edits));
    tcase_add_loop_test(tc, connects_on_other_ports, 0, 2);
    tcase_add_test(tc, connects_in_the_old_form);
    tcase_add_test(tc, a_later_offer_adds_audio);
    tcase_add_loop_test(tc, a_later_offer_of_a_new_association_is_refused, 0, COUNT(renewals));
    tcase_add_loop_test(tc, a_later_offer_rejects_the_data_section, 0, 2);
    tcase_add_test(tc, a_later_answer_rejects_the_data_section);
    return run_case("peer descriptions", tc);
}
