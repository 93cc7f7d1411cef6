/* The reader of descriptions: what others really send, every rule and its neighbours, damage. */
#include "sdp/sdp.h"
#include "support/sdp_text.h"
#include "support/suite.h"

static struct hws_sdp sdp, other;

static enum hws_err read_text(const char *text, enum hws_sdp_type type, struct hws_sdp *out,
                              struct hws_sdp_error *error)
{
    uint8_t *copy = exact(text, strlen(text));
    enum hws_err err = hws_sdp_read((struct hws_bytes){copy, strlen(text)}, type, out, error);

    free(copy);
    return err;
}

/* ---- What others send. The numbers were taken from the files by hand and by grep. */

/* clang-format off */
static const struct {
    const char *file, *mid, *ufrag, *pwd;
    enum hws_sdp_setup setup;
    enum hws_sdp_proto proto;
    uint64_t max_message_size;
    size_t media_index, media_count, candidate_count;
    bool trickle, end_of_candidates;
    uint8_t digest_first, digest_last;
} real[] = {
    {"aiortc-answer.sdp", "0", "V4M8",
     "CknFIaOHWDFIdCHVO5Qaza", HWS_SETUP_ACTIVE, HWS_PROTO_DTLS_SCTP,
     65536, 0, 1, 2, false, true, 0x45, 0xFA},
    {"aiortc-offer.sdp", "0", "RnTe",
     "lo4rJujj4x6ByeGTdim9CV", HWS_SETUP_ACTPASS, HWS_PROTO_DTLS_SCTP,
     65536, 0, 1, 2, false, true, 0xF3, 0x84},
    {"chromium-answer-audio-video.sdp", "2", "vXe+",
     "KJwvNh8JcXeBzDjXCbLDOIi2", HWS_SETUP_ACTIVE, HWS_PROTO_UDP_DTLS_SCTP,
     262144, 2, 3, 2, true, false, 0x68, 0xF4},
    {"chromium-answer.sdp", "0", "u0AG",
     "xsnABdrlLl/DlmB16slkhcQ2", HWS_SETUP_ACTIVE, HWS_PROTO_UDP_DTLS_SCTP,
     262144, 0, 1, 0, true, false, 0xB3, 0xE1},
    {"chromium-offer-audio-video.sdp", "2", "0raV",
     "ySou81ZJzozZKX4q8H+GiK7Z", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     262144, 2, 3, 2, true, false, 0x1C, 0xE7},
    {"chromium-offer-gathered.sdp", "0", "dvjF",
     "Ji5HFmrxr/rghrMoeOAnWFi9", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     262144, 0, 1, 1, true, false, 0xDD, 0xA3},
    {"chromium-offer-maxbundle.sdp", "1", "xf7/",
     "4H1l3IsjhGSYRfAD230tW1nd", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     262144, 1, 2, 2, true, false, 0x47, 0x22},
    {"chromium-offer-mdns.sdp", "0", "cWui",
     "Q7o1s120YkFn/7Fm6cMXdlDL", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     262144, 0, 1, 1, true, false, 0x18, 0x43},
    {"chromium-offer-pool-mdns.sdp", "0", "70DO",
     "qbPmWPokL9uDXq+N81dxy/cY", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     262144, 0, 1, 0, true, false, 0x9C, 0xF5},
    {"chromium-offer-relay.sdp", "0", "1OrA",
     "CvXAU8CH0GjaGLrgM56LCBUO", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     262144, 0, 1, 4, true, false, 0xC3, 0x90},
    {"chromium-offer-warp.sdp", "0", "nav8",
     "Dxsm6sWC+vg7Seg/r/BBAS7H", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     262144, 0, 1, 1, true, false, 0x6E, 0x4F},
    {"chromium-offer.sdp", "0", "dvjF",
     "Ji5HFmrxr/rghrMoeOAnWFi9", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     262144, 0, 1, 0, true, false, 0xDD, 0xA3},
    {"firefox-answer-gathered.sdp", "0", "656d2ea9",
     "bce2d0f0ea5738a9a309f92833cd6136", HWS_SETUP_ACTIVE, HWS_PROTO_UDP_DTLS_SCTP,
     1073741823, 0, 1, 2, true, true, 0xC1, 0x1B},
    {"firefox-offer-audio-video.sdp", "2", "df1414de",
     "9d9971c3888394df64491f8c47feaf2d", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     1073741823, 2, 3, 0, true, false, 0x77, 0xE0},
    {"firefox-offer-maxbundle.sdp", "1", "e50ca87d",
     "fa5ec7a6475a3e120ef4cdc34404a1a9", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     1073741823, 1, 2, 2, true, true, 0x1A, 0x33},
    {"firefox-offer-mdns.sdp", "0", "defb567b",
     "14030edeae3c902a0ba1e0783886ecd5", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     1073741823, 0, 1, 2, true, true, 0xC0, 0x8C},
    {"firefox-offer-relay.sdp", "0", "8131fd4d",
     "1f986aba4e641ba6a07fa329764018a7", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     1073741823, 0, 1, 4, true, true, 0x61, 0xEB},
    {"firefox-offer.sdp", "0", "aef528f8",
     "caa659860bc17381a8cb7b14642f1dac", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     1073741823, 0, 1, 0, true, false, 0xCB, 0xBB},
    {"gstreamer-offer.sdp", "application0", "brI0kxfEN56JEdwq+HIhzqZr5O5P0AT2",
     "sMGGiVkLlUgzIJtQekwk5TFXuBH2HxKf", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     65536, 0, 1, 3, true, false, 0x73, 0x7C},
    {"libdatachannel-answer.sdp", "0", "tLBw",
     "pAZv+vrKnjp4t9yTW4KksPS2", HWS_SETUP_ACTIVE, HWS_PROTO_UDP_DTLS_SCTP,
     262144, 0, 1, 1, true, false, 0x82, 0x67},
    {"libdatachannel-offer.sdp", "0", "smcS",
     "1qqjQsmYZwGNFmb88NUKpm", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     262144, 0, 1, 2, true, true, 0xFE, 0x69},
    {"pion-answer.sdp", "0", "YRhxaPbnyHvAjldK",
     "BnPuFRIPWcJuqYsYMcHvgmVLTTVxIpJn", HWS_SETUP_ACTIVE, HWS_PROTO_UDP_DTLS_SCTP,
     65536, 0, 1, 0, false, false, 0x75, 0xE6},
    {"pion-offer.sdp", "0", "mSbEBvJCDqOXwzyG",
     "UnWGFmcAXhmcWceHnWCJmdQdhuSpChoB", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     65536, 0, 1, 2, false, true, 0x37, 0x08},
    {"werift-offer.sdp", "0", "fc1d",
     "e7a91d2838d5592c569681", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     65536, 0, 1, 2, true, true, 0x88, 0x1E},
    {"wrtc-offer.sdp", "0", "Z13F",
     "qQzmhoMGrwExNg35ywwo5Q9O", HWS_SETUP_ACTPASS, HWS_PROTO_UDP_DTLS_SCTP,
     262144, 0, 1, 4, true, false, 0xA4, 0xFF},
};
/* clang-format on */

static enum hws_sdp_type type_of(const char *file)
{
    return strstr(file, "-answer") ? HWS_SDP_ANSWER : HWS_SDP_OFFER;
}

START_TEST(reads_what_others_send)
{
    char *text = read_vector(real[_i].file);
    struct hws_sdp_error error = {HWS_SDP_SOUND, 0};
    enum hws_err err = read_text(text, type_of(real[_i].file), &sdp, &error);

    free(text);
    ck_assert_msg(err == HWS_OK, "%s: %s in line %zu", real[_i].file, hws_sdp_flaw_name(error.flaw),
                  error.line);
    ck_assert_int_eq(sdp.type, type_of(real[_i].file));
    ck_assert_str_eq(sdp.ufrag, real[_i].ufrag);
    ck_assert_str_eq(sdp.pwd, real[_i].pwd);
    ck_assert_str_eq(sdp.mid, real[_i].mid);
    ck_assert_int_eq(sdp.setup, real[_i].setup);
    ck_assert_int_eq(sdp.proto, real[_i].proto);
    ck_assert_uint_eq(sdp.sctp_port, 5000);
    ck_assert_uint_eq(sdp.max_message_size, real[_i].max_message_size);
    ck_assert_uint_eq(sdp.media_index, real[_i].media_index);
    ck_assert_uint_eq(sdp.media_count, real[_i].media_count);
    ck_assert_uint_eq(sdp.candidate_count, real[_i].candidate_count);
    ck_assert_int_eq(sdp.trickle, real[_i].trickle);
    ck_assert_int_eq(sdp.end_of_candidates, real[_i].end_of_candidates);
    ck_assert_uint_eq(sdp.fingerprint_count, 1);
    ck_assert_int_eq(sdp.fingerprints[0].hash, HWS_HASH_SHA256);
    ck_assert_uint_eq(sdp.fingerprints[0].digest[0], real[_i].digest_first);
    ck_assert_uint_eq(sdp.fingerprints[0].digest[31], real[_i].digest_last);
    ck_assert(sdp.bundled && !sdp.rejected && !sdp.ice_lite);
}
END_TEST

START_TEST(keeps_the_other_sections)
{
    char *text = read_vector("firefox-offer-audio-video.sdp");

    ck_assert_int_eq(read_text(text, HWS_SDP_OFFER, &sdp, NULL), HWS_OK);
    free(text);
    ck_assert_str_eq(sdp.media[0].media, "audio");
    ck_assert_str_eq(sdp.media[0].proto, "UDP/TLS/RTP/SAVPF");
    ck_assert_str_eq(sdp.media[0].formats, "109 9 0 8 101");
    ck_assert_str_eq(sdp.media[0].mid, "0");
    ck_assert_str_eq(sdp.media[1].media, "video");
    ck_assert_str_eq(sdp.media[1].mid, "1");
    ck_assert_str_eq(sdp.media[2].media, "");
}
END_TEST

/* ---- One edit of a plain offer, and what comes of it */

#define MLINE "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
#define AUDIO(port, mid) \
    "m=audio " port " UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:" mid "\r\n"

/* clang-format 14 crashes on these tables. */
/* clang-format off */
static const struct edit {
    const char *what, *from, *to;
    enum hws_sdp_flaw flaw;
    size_t line;
} edits[] = {
    {"nothing", "v=0", "v=0", HWS_SDP_SOUND, 0},
    /* Form and order of lines. */
    {"line feeds only", "\r\n", "\n", HWS_SDP_SOUND, 0},
    {"carriage return in a line", "s=-", "s=-\rx", HWS_SDP_E_LINE, 3},
    {"two carriage returns", "s=-\r\n", "s=-\r\r\n", HWS_SDP_E_LINE, 3},
    {"carriage return as line end", "s=-\r\n", "s=-\r", HWS_SDP_E_LINE, 3},
    {"blank line at the end", "", "\r\n", HWS_SDP_E_LINE, 16},
    {"blank line at the start", "v=0", "\r\nv=0", HWS_SDP_E_LINE, 1},
    {"space before the type", "t=0", " t=0", HWS_SDP_E_LINE, 4},
    {"space before =", "t=0", "t =0", HWS_SDP_E_LINE, 4},
    {"space after =", "t=0", "t= 0", HWS_SDP_E_LINE, 4},
    {"tab after =", "a=mid", "a=\tmid", HWS_SDP_E_LINE, 13},
    {"space is a session name", "s=-", "s= ", HWS_SDP_SOUND, 0},
    {"empty session name", "s=-", "s=", HWS_SDP_E_LINE, 3},
    {"two letters", "a=mid", "aa=mid", HWS_SDP_E_LINE, 13},
    {"upper-case letter", "a=mid", "A=mid", HWS_SDP_E_LINE, 13},
    {"unknown letter", "a=mid", "x=mid", HWS_SDP_E_LINE, 13},
    {"attribute without a name", "a=mid", "a=:", HWS_SDP_E_LINE, 13},
    {"space in an attribute name", "", "a=x y:z\r\n", HWS_SDP_E_LINE, 16},
    {"byte order mark", "v=0", "\xEF\xBB\xBFv=0", HWS_SDP_E_LINE, 1},
    {"any bytes in a value", "", "a=x:\xFF\x01\t\x7F\r\n", HWS_SDP_SOUND, 0},
    {"all session lines", "s=-\r\n",
     "s=-\r\ni=x\r\nu=http://x\r\ne=x\r\ne=y\r\np=1\r\np=2\r\nc=IN IP6 ::\r\nb=AS:1\r\nb=CT:0\r\n"
     "t=1 2\r\nr=7d 1h 0 25h\r\nr=604800 3600 0\r\nz=2882844526 -1h\r\n",
     HWS_SDP_SOUND, 0},
    {"key", "t=0 0\r\n", "t=0 0\r\nk=prompt\r\n", HWS_SDP_SOUND, 0},
    {"version twice", "v=0\r\n", "v=0\r\nv=0\r\n", HWS_SDP_E_ORDER, 2},
    {"name before origin", "o=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n",
     "s=-\r\no=- 1 2 IN IP4 127.0.0.1\r\n", HWS_SDP_E_ORDER, 2},
    {"no session name", "s=-\r\n", "", HWS_SDP_E_ORDER, 3},
    {"attribute before time", "t=0 0\r\n", "a=x\r\nt=0 0\r\n", HWS_SDP_E_ORDER, 4},
    {"time after attribute", "a=group:BUNDLE 0\r\n", "a=x\r\nt=0 0\r\n", HWS_SDP_E_ORDER, 6},
    {"two connections of the session", "t=0 0", "c=IN IP4 0.0.0.0\r\nc=IN IP4 0.0.0.0\r\nt=0 0",
     HWS_SDP_E_ORDER, 5},
    {"two connections of a section", "c=IN IP4 0.0.0.0", "c=IN IP4 1.1.1.1\r\nc=IN IP4 1.1.1.2",
     HWS_SDP_SOUND, 0},
    {"repeat without time", "t=0 0", "r=7d 1h 0\r\nt=0 0", HWS_SDP_E_ORDER, 4},
    {"connection after attributes", "a=mid:0", "c=IN IP4 0.0.0.0\r\na=mid:0", HWS_SDP_E_ORDER, 13},
    {"time in a section", "", "t=0 0\r\n", HWS_SDP_E_ORDER, 16},
    {"version in a section", "", "v=0\r\n", HWS_SDP_E_ORDER, 16},
    /* Values of the other lines. */
    {"version 00", "v=0", "v=00", HWS_SDP_E_VERSION, 1},
    {"version with a space behind", "v=0", "v=0 ", HWS_SDP_E_VERSION, 1},
    {"origin: id not a number", "o=- 1", "o=- x", HWS_SDP_E_ORIGIN, 2},
    {"origin: negative version", "o=- 1 2", "o=- 1 -2", HWS_SDP_E_ORIGIN, 2},
    {"origin: two spaces", "o=- 1", "o=-  1", HWS_SDP_E_ORIGIN, 2},
    {"origin: one word more", "127.0.0.1", "127.0.0.1 x", HWS_SDP_E_ORIGIN, 2},
    {"origin: unknown network", "IN IP4 127", "XX IP4 127", HWS_SDP_E_ORIGIN, 2},
    {"origin: unknown address type", "IN IP4 127", "IN IP5 127", HWS_SDP_E_ORIGIN, 2},
    {"origin: a host name", "127.0.0.1", "host.example", HWS_SDP_SOUND, 0},
    {"origin: IPv6", "IN IP4 127.0.0.1", "IN IP6 ::1", HWS_SDP_SOUND, 0},
    {"time: one word", "t=0 0", "t=0", HWS_SDP_E_TIME, 4},
    {"time: not a number", "t=0 0", "t=0 x", HWS_SDP_E_TIME, 4},
    {"time: three words", "t=0 0", "t=0 0 0", HWS_SDP_E_TIME, 4},
    {"time: real", "t=0 0", "t=2873397496 2873404696", HWS_SDP_SOUND, 0},
    {"repeat: too short", "t=0 0", "t=0 0\r\nr=7d 1h", HWS_SDP_E_TIME, 5},
    {"repeat: unknown unit", "t=0 0", "t=0 0\r\nr=7w 1h 0", HWS_SDP_E_TIME, 5},
    {"zone: too short", "t=0 0", "t=0 0\r\nr=7d 1h 0\r\nz=1", HWS_SDP_E_TIME, 6},
    {"bandwidth without a type", "t=0 0", "b=100\r\nt=0 0", HWS_SDP_E_LINE, 4},
    {"bandwidth not a number", "t=0 0", "b=AS:x\r\nt=0 0", HWS_SDP_E_LINE, 4},
    {"connection: unknown network", "c=IN", "c=XX", HWS_SDP_E_CONNECTION, 7},
    {"connection: unknown address type", "c=IN IP4", "c=IN IP5", HWS_SDP_E_CONNECTION, 7},
    {"connection: octet too big", "IP4 0.0.0.0", "IP4 0.0.0.256", HWS_SDP_E_CONNECTION, 7},
    {"connection: IPv6 as IPv4", "IP4 0.0.0.0", "IP4 ::", HWS_SDP_E_CONNECTION, 7},
    {"connection: IPv4 as IPv6", "c=IN IP4", "c=IN IP6", HWS_SDP_E_CONNECTION, 7},
    {"connection: IPv6", "c=IN IP4 0.0.0.0", "c=IN IP6 2001:db8::1", HWS_SDP_SOUND, 0},
    {"connection: a name", "IP4 0.0.0.0", "IP4 host.example.org", HWS_SDP_SOUND, 0},
    {"connection: multicast", "IP4 0.0.0.0", "IP4 233.252.0.1/127/3", HWS_SDP_SOUND, 0},
    {"connection: broken ttl", "IP4 0.0.0.0", "IP4 233.252.0.1/x", HWS_SDP_E_CONNECTION, 7},
    {"connection: one word more", "IP4 0.0.0.0", "IP4 0.0.0.0 x", HWS_SDP_E_CONNECTION, 7},
    {"no connection", "c=IN IP4 0.0.0.0\r\n", "", HWS_SDP_E_CONNECTION, 6},
    {"connection of the session only", "t=0 0\r\n", "c=IN IP4 0.0.0.0\r\nt=0 0\r\n", HWS_SDP_SOUND,
     0},
    /* Media lines. */
    {"port 65535", "m=application 9", "m=application 65535", HWS_SDP_SOUND, 0},
    {"port above 32 bits", "m=application 9", "m=application 4294967305", HWS_SDP_E_MLINE, 6},
    {"negative port", "m=application 9", "m=application -9", HWS_SDP_E_MLINE, 6},
    {"port with a sign", "m=application 9", "m=application +9", HWS_SDP_E_MLINE, 6},
    {"port not a number", "m=application 9", "m=application 9x", HWS_SDP_E_MLINE, 6},
    {"two ports", "m=application 9", "m=application 9/2", HWS_SDP_SOUND, 0},
    {"no ports", "m=application 9", "m=application 9/0", HWS_SDP_E_MLINE, 6},
    {"number of ports missing", "m=application 9", "m=application 9/", HWS_SDP_E_MLINE, 6},
    {"two spaces in the media line", "m=application 9", "m=application  9", HWS_SDP_E_MLINE, 6},
    {"two formats", "webrtc-datachannel", "webrtc-datachannel x", HWS_SDP_E_MLINE, 6},
    {"space behind the format", "webrtc-datachannel", "webrtc-datachannel ", HWS_SDP_E_MLINE, 6},
    {"empty part of the proto", "UDP/DTLS/SCTP", "UDP//SCTP", HWS_SDP_E_MLINE, 6},
    {"other application", "webrtc-datachannel", "bfcp", HWS_SDP_E_NO_DATA, 0},
    {"number in the new form", "webrtc-datachannel", "5000", HWS_SDP_E_NO_DATA, 0},
    {"lower-case proto", "UDP/DTLS/SCTP", "udp/dtls/sctp", HWS_SDP_E_NO_DATA, 0},
    {"plain SCTP", "UDP/DTLS/SCTP", "SCTP", HWS_SDP_E_NO_DATA, 0},
    {"other media", "m=application", "m=audio", HWS_SDP_E_NO_DATA, 0},
    {"DTLS/SCTP with a name", "UDP/DTLS/SCTP", "DTLS/SCTP", HWS_SDP_SOUND, 0},
    {"no section", DATA_TEXT, "", HWS_SDP_E_NO_DATA, 0},
    {"no section, no group", "a=group:BUNDLE 0\r\n" DATA_TEXT, "", HWS_SDP_E_NO_DATA, 0},
    /* The association. */
    {"SCTP port with a leading zero", "port:5000", "port:05000", HWS_SDP_E_SCTP_PORT, 14},
    {"SCTP port with a space", "port:5000", "port: 5000", HWS_SDP_E_SCTP_PORT, 14},
    {"SCTP port empty", "port:5000", "port:", HWS_SDP_E_SCTP_PORT, 14},
    {"SCTP port without a value", "port:5000", "port", HWS_SDP_E_SCTP_PORT, 14},
    {"SCTP port above 64 bits", "port:5000", "port:18446744073709556616", HWS_SDP_E_SCTP_PORT, 14},
    {"SCTP port of the session", "a=group", "a=sctp-port:1\r\na=group", HWS_SDP_SOUND, 0},
    {"no SCTP port", "a=sctp-port:5000\r\n", "", HWS_SDP_E_SCTP_PORT, 6},
    {"size with a leading zero", "size:262144", "size:0262144", HWS_SDP_E_MAX_MESSAGE_SIZE, 15},
    {"size negative", "size:262144", "size:-1", HWS_SDP_E_MAX_MESSAGE_SIZE, 15},
    {"size empty", "size:262144", "size:", HWS_SDP_E_MAX_MESSAGE_SIZE, 15},
    /* The transport. */
    {"ufrag with a dash", "ufrag:abcd", "ufrag:ab-d", HWS_SDP_E_UFRAG, 8},
    {"ufrag with a space behind", "ufrag:abcd", "ufrag:abcd ", HWS_SDP_E_UFRAG, 8},
    {"ufrag without a value", "ufrag:abcd", "ufrag", HWS_SDP_E_UFRAG, 8},
    {"ufrag of the session malformed", "a=group", "a=ice-ufrag:a\r\na=group", HWS_SDP_E_UFRAG, 5},
    {"no password", "a=ice-pwd:0123456789abcdefABCD+/\r\n", "", HWS_SDP_E_PWD, 6},
    {"password with a dash", "ABCD+/", "ABCD+-", HWS_SDP_E_PWD, 9},
    {"unknown option", "trickle", "ice2 renomination", HWS_SDP_SOUND, 0},
    {"options without a value", "a=ice-options:trickle", "a=ice-options", HWS_SDP_SOUND, 0},
    {"lower-case digest", "EF\r\n", "ef\r\n", HWS_SDP_SOUND, 0},
    {"upper-case hash", "sha-256", "SHA-256", HWS_SDP_SOUND, 0},
    {"digest of another hash", "sha-256", "sha-1", HWS_SDP_E_FINGERPRINT, 11},
    {"two spaces before the digest", "sha-256 ", "sha-256  ", HWS_SDP_E_FINGERPRINT, 11},
    {"colon at the end", "EF\r\n", "EF:\r\n", HWS_SDP_E_FINGERPRINT, 11},
    {"digit missing", "EF\r\n", "E\r\n", HWS_SDP_E_FINGERPRINT, 11},
    {"only an unknown hash", "sha-256", "sha-3-256", HWS_SDP_E_FINGERPRINT, 6},
    {"unknown hash beside", "", "a=fingerprint:blake3 01:02\r\n", HWS_SDP_SOUND, 0},
    {"malformed unknown hash beside", "", "a=fingerprint:blake3 0102\r\n", HWS_SDP_E_FINGERPRINT,
     16},
    {"upper-case role", "actpass", "ACTPASS", HWS_SDP_SOUND, 0},
    {"passive offer", "actpass", "passive", HWS_SDP_SOUND, 0},
    {"unknown role", "actpass", "both", HWS_SDP_E_SETUP, 12},
    {"role with a space behind", "actpass", "actpass ", HWS_SDP_E_SETUP, 12},
    {"holdconn", "actpass", "holdconn", HWS_SDP_E_SETUP, 6},
    {"holdconn at session level, overridden", "a=group", "a=setup:holdconn\r\na=group",
     HWS_SDP_SOUND, 0},
    /* mid and groups. */
    {"mid with every token character", "BUNDLE 0\r\n", "LS x\r\n", HWS_SDP_SOUND, 0},
    {"empty mid", "a=mid:0", "a=mid:", HWS_SDP_E_MID, 13},
    {"mid without a value", "a=mid:0", "a=mid", HWS_SDP_E_MID, 13},
    {"mid with a space", "a=mid:0", "a=mid:0 1", HWS_SDP_E_MID, 13},
    {"mid with a slash", "a=mid:0", "a=mid:0/1", HWS_SDP_E_MID, 13},
    {"mid at session level", "a=group", "a=mid:0/\r\na=group", HWS_SDP_SOUND, 0},
    {"group without mid", "a=mid:0\r\n", "", HWS_SDP_E_BUNDLE, 0},
    {"neither group nor mid", "a=group:BUNDLE 0\r\n", "", HWS_SDP_SOUND, 0},
    {"empty group", "BUNDLE 0", "BUNDLE", HWS_SDP_SOUND, 0},
    {"group with a space behind", "BUNDLE 0", "BUNDLE ", HWS_SDP_E_BUNDLE, 5},
    {"group with two spaces", "BUNDLE 0", "BUNDLE  0", HWS_SDP_E_BUNDLE, 5},
    {"group without a value", "a=group:BUNDLE 0", "a=group", HWS_SDP_E_BUNDLE, 5},
    {"member twice", "BUNDLE 0", "BUNDLE 0 0", HWS_SDP_E_BUNDLE, 0},
    {"member of two groups", "a=group", "a=group:BUNDLE 0\r\na=group", HWS_SDP_E_BUNDLE, 0},
    {"group of another kind names nobody", "a=group", "a=group:LS 7\r\na=group", HWS_SDP_SOUND, 0},
    {"group in a section", "", "a=group:BUNDLE 9\r\n", HWS_SDP_SOUND, 0},
    {"mid taken by audio", "m=application", AUDIO("9", "0") "m=application", HWS_SDP_E_MID, 16},
    {"mid taken by a rejected section", "m=application", AUDIO("0", "0") "m=application",
     HWS_SDP_E_MID, 16},
    /* Twice. */
    {"ufrag twice", "", "a=ice-ufrag:efgh\r\n", HWS_SDP_E_DUPLICATE, 16},
    {"password twice", "", "a=ice-pwd:0123456789abcdef012345\r\n", HWS_SDP_E_DUPLICATE, 16},
    {"options twice", "", "a=ice-options:ice2\r\n", HWS_SDP_E_DUPLICATE, 16},
    {"mid twice", "", "a=mid:1\r\n", HWS_SDP_E_DUPLICATE, 16},
    {"size twice", "", "a=max-message-size:1\r\n", HWS_SDP_E_DUPLICATE, 16},
    {"tls-id twice", "", "a=tls-id:abcdefghijklmnopqrst\r\na=tls-id:bbcdefghijklmnopqrst\r\n",
     HWS_SDP_E_DUPLICATE, 17},
    {"the same ufrag twice", "", "a=ice-ufrag:abcd\r\n", HWS_SDP_SOUND, 0},
    {"the same port twice", "", "a=sctp-port:5000\r\n", HWS_SDP_SOUND, 0},
    {"the same mid twice", "", "a=mid:0\r\n", HWS_SDP_SOUND, 0},
    {"unknown attribute twice", "", "a=x:1\r\na=x:2\r\n", HWS_SDP_SOUND, 0},
    {"session ufrag twice", "a=group", "a=ice-ufrag:aaaa\r\na=ice-ufrag:bbbb\r\na=group",
     HWS_SDP_E_DUPLICATE, 6},
    /* Candidates. */
    {"candidate at session level", "a=group", "a=candidate:nonsense\r\na=group", HWS_SDP_SOUND, 0},
    {"candidate without a value", "", "a=candidate\r\n", HWS_SDP_E_CANDIDATE, 16},
    {"candidate empty", "", "a=candidate:\r\n", HWS_SDP_E_CANDIDATE, 16},
    {"candidate of component 257", "", "a=candidate:1 257 udp 1 192.0.2.1 9 typ host\r\n",
     HWS_SDP_E_CANDIDATE, 16},
    {"candidate of component 0", "", "a=candidate:1 0 udp 1 192.0.2.1 9 typ host\r\n",
     HWS_SDP_SOUND, 0},
    {"candidate of audio malformed", "m=application",
     AUDIO("9", "1") "a=candidate:x\r\nm=application", HWS_SDP_E_CANDIDATE, 9},
    {"ufrag of audio malformed", "m=application", AUDIO("9", "1") "a=ice-ufrag:x\r\nm=application",
     HWS_SDP_E_UFRAG, 9},
};
/* clang-format on */

static void check_edit(const char *base, const struct edit *edit, enum hws_sdp_type type)
{
    char *text = edited(base, edit->from, edit->to);
    struct hws_sdp_error error = {HWS_SDP_SOUND, 0};
    enum hws_err err;

    memset(&sdp, 0xAA, sizeof(sdp));
    memcpy(&other, &sdp, sizeof(sdp));
    err = read_text(text, type, &sdp, &error);
    free(text);
    ck_assert_msg(error.flaw == edit->flaw && error.line == edit->line,
                  "%s: expected %s in line %zu, got %s in line %zu", edit->what,
                  hws_sdp_flaw_name(edit->flaw), edit->line, hws_sdp_flaw_name(error.flaw),
                  error.line);
    ck_assert_int_eq(err, edit->flaw ? HWS_ERR_MALFORMED : HWS_OK);
    if (err) ck_assert_mem_eq(&sdp, &other, sizeof(sdp));
}

START_TEST(judges_an_edited_offer)
{
    check_edit(OFFER_TEXT, &edits[_i], HWS_SDP_OFFER);
}
END_TEST

/* clang-format off */
static const struct edit answer_edits[] = {
    {"active", "actpass", "active", HWS_SDP_SOUND, 0},
    {"passive", "actpass", "passive", HWS_SDP_SOUND, 0},
    {"actpass", "actpass", "actpass", HWS_SDP_E_SETUP, 6},
    {"actpass of the session, overridden", "setup:actpass\r\n", "setup:active\r\n", HWS_SDP_SOUND,
     0},
    {"rejected, and nothing but its mid", DATA_TEXT,
     "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n",
     HWS_SDP_SOUND, 0},
    {"rejected as pion does", DATA_TEXT,
     "m=application 0 UDP/DTLS/SCTP 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n", HWS_SDP_SOUND, 0},
    {"rejected, with a malformed line", DATA_TEXT,
     "m=application 0 UDP/DTLS/SCTP 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:x\r\n",
     HWS_SDP_E_UFRAG, 9},
};
/* clang-format on */

START_TEST(judges_an_edited_answer)
{
    check_edit(OFFER_TEXT, &answer_edits[_i], HWS_SDP_ANSWER);
}
END_TEST

/* ---- The form from before RFC 8841 section 4 */

#define LEGACY_TEXT                                                                         \
    SESSION_TEXT "m=application 9 DTLS/SCTP 5001\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n"        \
                 "a=sctpmap:5001 webrtc-datachannel 65535\r\na=ice-ufrag:abcd\r\n"          \
                 "a=ice-pwd:0123456789abcdefABCD+/\r\na=fingerprint:sha-256 " DIGEST "\r\n" \
                 "a=setup:actpass\r\n"

/* clang-format off */
static const struct edit legacy_edits[] = {
    {"nothing", "v=0", "v=0", HWS_SDP_SOUND, 0},
    {"without streams", " 65535", "", HWS_SDP_SOUND, 0},
    {"streams not a number", " 65535", " x", HWS_SDP_E_SCTP_PORT, 9},
    {"map of another port", "sctpmap:5001", "sctpmap:5000", HWS_SDP_E_SCTP_PORT, 6},
    {"map of another application", "5001 webrtc-datachannel", "5001 bfcp", HWS_SDP_E_NO_DATA, 0},
    {"no map", "a=sctpmap:5001 webrtc-datachannel 65535\r\n", "", HWS_SDP_E_SCTP_PORT, 6},
    {"the attribute of today instead", "a=sctpmap:5001 webrtc-datachannel 65535\r\n",
     "a=sctp-port:5001\r\n", HWS_SDP_SOUND, 0},
    {"both, and they agree", "", "a=sctp-port:5001\r\n", HWS_SDP_SOUND, 0},
    {"both, and they differ", "", "a=sctp-port:5000\r\n", HWS_SDP_E_SCTP_PORT, 6},
    {"port out of range", "SCTP 5001", "SCTP 65537", HWS_SDP_E_SCTP_PORT, 6},
    {"two formats", "SCTP 5001", "SCTP 5001 5002", HWS_SDP_E_MLINE, 6},
};
/* clang-format on */

START_TEST(judges_an_edited_legacy_offer)
{
    check_edit(LEGACY_TEXT, &legacy_edits[_i], HWS_SDP_OFFER);
    if (legacy_edits[_i].flaw == HWS_SDP_SOUND) {
        ck_assert_int_eq(sdp.proto, HWS_PROTO_DTLS_SCTP);
        ck_assert_uint_eq(sdp.sctp_port, 5001);
        ck_assert_uint_eq(sdp.max_message_size, 65536);
    }
}
END_TEST

START_TEST(knows_the_mixed_form)
{
    char *text = edited(OFFER_TEXT, "UDP/DTLS/SCTP", "DTLS/SCTP");

    ck_assert_int_eq(read_text(text, HWS_SDP_OFFER, &sdp, NULL), HWS_OK);
    ck_assert_int_eq(sdp.proto, HWS_PROTO_DTLS_SCTP_NAMED);
    free(text);
}
END_TEST

/* ---- Values */

static void read_edited(const char *from, const char *to)
{
    char *text = edited(OFFER_TEXT, from, to);
    struct hws_sdp_error error = {HWS_SDP_SOUND, 0};

    ck_assert_msg(read_text(text, HWS_SDP_OFFER, &sdp, &error) == HWS_OK, "%s: %s", to,
                  hws_sdp_flaw_name(error.flaw));
    free(text);
}

START_TEST(reads_a_plain_offer)
{
    read_edited("v=0", "v=0");
    ck_assert_uint_eq(sdp.session_id, 1);
    ck_assert_uint_eq(sdp.session_version, 2);
    ck_assert_str_eq(sdp.ufrag, "abcd");
    ck_assert_str_eq(sdp.pwd, "0123456789abcdefABCD+/");
    ck_assert(sdp.trickle && sdp.bundled);
    ck_assert(!sdp.ice_lite && !sdp.end_of_candidates && !sdp.rejected);
    ck_assert_int_eq(sdp.setup, HWS_SETUP_ACTPASS);
    ck_assert_uint_eq(sdp.media_count, 1);
    ck_assert_uint_eq(sdp.fingerprints[0].digest[7], 0xEF);
}
END_TEST

static const struct {
    const char *text;
    uint64_t size;
} sizes[] = {
    {"0",                        0                    },
    {"1",                        1                    },
    {"4294967296",               4294967296           },
    {"18446744073709551614",     18446744073709551614U},
    {"18446744073709551615",     UINT64_MAX           },
    {"18446744073709551616",     UINT64_MAX           },
    {"99999999999999999999",     UINT64_MAX           },
    {"184467440737095516150000", UINT64_MAX           },
};

START_TEST(saturates_the_message_size)
{
    read_edited("262144", sizes[_i].text);
    ck_assert_uint_eq(sdp.max_message_size, sizes[_i].size);
}
END_TEST

static const struct {
    const char *options;
    bool trickle;
} options[] = {
    {"trickle",        true },
    {"ice2 trickle",   true },
    {"trickle ice2",   true },
    {"ice2,trickle",   true },
    {"ice2, trickle",  true },
    {"ice2",           false},
    {"trickles",       false},
    {"nottrickle",     false},
    {"ice2 rtp+ecn,a", false},
};

START_TEST(finds_the_trickle_option)
{
    char all[64];

    (void)snprintf(all, sizeof(all), "options:%s", options[_i].options);
    read_edited("options:trickle", all);
    ck_assert_msg(sdp.trickle == options[_i].trickle, "%s", options[_i].options);
}
END_TEST

/* What stands in the section counts before what stands above; the rest is inherited. */
START_TEST(inherits_from_the_session)
{
    read_edited("a=group", "a=ice-ufrag:SESS\r\na=ice-options:ice2\r\na=setup:passive\r\n"
                           "a=fingerprint:sha-512 " DIGEST ":" DIGEST "\r\na=ice-lite\r\n"
                           "a=end-of-candidates\r\na=group");
    ck_assert_str_eq(sdp.ufrag, "abcd");
    ck_assert(sdp.trickle && sdp.ice_lite && sdp.end_of_candidates);
    ck_assert_int_eq(sdp.setup, HWS_SETUP_ACTPASS);
    ck_assert_uint_eq(sdp.fingerprint_count, 1);
    ck_assert_int_eq(sdp.fingerprints[0].hash, HWS_HASH_SHA256);

    char *once = edited(OFFER_TEXT, "a=group",
                        "a=ice-ufrag:SESS\r\na=setup:passive\r\n"
                        "a=fingerprint:sha-512 " DIGEST ":" DIGEST "\r\na=group");
    char *twice = edited(once, "a=ice-ufrag:abcd\r\n", "");
    char *text = edited(twice, "a=fingerprint:sha-256 " DIGEST "\r\na=setup:actpass\r\n", "");

    ck_assert_int_eq(read_text(text, HWS_SDP_OFFER, &sdp, NULL), HWS_OK);
    ck_assert_str_eq(sdp.ufrag, "SESS");
    ck_assert_int_eq(sdp.setup, HWS_SETUP_PASSIVE);
    ck_assert_int_eq(sdp.fingerprints[0].hash, HWS_HASH_SHA512);
    free(once);
    free(twice);
    free(text);
}
END_TEST

/* An attribute of a flag that has a value, and ice-lite in a section, say nothing. */
START_TEST(ignores_flags_out_of_place)
{
    read_edited("", "a=ice-lite\r\na=end-of-candidates:x\r\n");
    ck_assert(!sdp.ice_lite && !sdp.end_of_candidates);
}
END_TEST

START_TEST(sorts_fingerprints_strongest_first)
{
    read_edited("a=fingerprint:sha-256 " DIGEST,
                "a=fingerprint:md5 " DIGEST_1 "\r\n"
                "a=fingerprint:sha-1 " DIGEST_1 ":00:00:00:00\r\n"
                "a=fingerprint:SHA-256 " DIGEST "\r\n"
                "a=fingerprint:sha-224 " DIGEST_1 ":00:00:00:00:00:00:00:00:00:00:00:00\r\n"
                "a=fingerprint:sha-512 " DIGEST ":" DIGEST "\r\n"
                "a=fingerprint:sha-256 FF:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:" DIGEST_1);
    ck_assert_uint_eq(sdp.fingerprint_count, 4);
    ck_assert_int_eq(sdp.fingerprints[0].hash, HWS_HASH_SHA512);
    ck_assert_int_eq(sdp.fingerprints[1].hash, HWS_HASH_SHA256);
    ck_assert_uint_eq(sdp.fingerprints[1].digest[0], 0x01);
    ck_assert_int_eq(sdp.fingerprints[2].hash, HWS_HASH_SHA256);
    ck_assert_uint_eq(sdp.fingerprints[2].digest[0], 0xFF);
    ck_assert_int_eq(sdp.fingerprints[3].hash, HWS_HASH_SHA1);
}
END_TEST

/* The list is bounded: the weakest are left out, wherever they stand. */
START_TEST(keeps_the_strongest_of_many_fingerprints)
{
    char many[4096] = "";
    size_t at = 0;

    for (int i = 0; i < HWS_FINGERPRINT_LIST + 3; i++) {
        at += (size_t)snprintf(many + at, sizeof(many) - at,
                               "a=fingerprint:sha-1 " DIGEST_1 ":00:00:00:%02X\r\n", i);
    }
    (void)snprintf(many + at, sizeof(many) - at, "a=fingerprint:sha-256 " DIGEST "\r\n");
    read_edited("a=fingerprint:sha-256 " DIGEST "\r\n", many);
    ck_assert_uint_eq(sdp.fingerprint_count, HWS_FINGERPRINT_LIST);
    ck_assert_int_eq(sdp.fingerprints[0].hash, HWS_HASH_SHA256);
    ck_assert_int_eq(sdp.fingerprints[1].hash, HWS_HASH_SHA1);
    ck_assert_uint_eq(sdp.fingerprints[1].digest[19], 0);
    ck_assert_uint_eq(sdp.fingerprints[HWS_FINGERPRINT_LIST - 1].digest[19],
                      HWS_FINGERPRINT_LIST - 2);
}
END_TEST

/* RFC 8842 section 4: 255 characters; it is only ever compared. */
START_TEST(cuts_a_long_tls_id)
{
    char line[400];

    ck_assert_str_eq(sdp.tls_id, "");
    (void)snprintf(line, sizeof(line), "a=mid:0\r\na=tls-id:%0300d", 7);
    read_edited("a=mid:0", line);
    ck_assert_uint_eq(strlen(sdp.tls_id), HWS_TLS_ID_MAX);
    read_edited("a=mid:0", "a=mid:0\r\na=tls-id:abcdefghijklmnopqrst");
    ck_assert_str_eq(sdp.tls_id, "abcdefghijklmnopqrst");
    read_edited("t=0 0", "t=0 0\r\na=tls-id:zbcdefghijklmnopqrst");
    ck_assert_str_eq(sdp.tls_id, "zbcdefghijklmnopqrst");
}
END_TEST

START_TEST(bounds_the_candidates)
{
    static char many[16 * 1024];
    size_t at = 0;

    for (int i = 0; i < HWS_ICE_REMOTE_MAX + 5; i++) {
        at += (size_t)snprintf(many + at, sizeof(many) - at,
                               "a=candidate:%d 1 udp 1 192.0.2.1 %d typ host\r\n", i, 1000 + i);
    }
    read_edited("", many);
    ck_assert_uint_eq(sdp.candidate_count, HWS_ICE_REMOTE_MAX);
    ck_assert_uint_eq(sdp.candidates[HWS_ICE_REMOTE_MAX - 1].addr.port,
                      1000 + HWS_ICE_REMOTE_MAX - 1);
}
END_TEST

/* ---- Several sections */

#define SECOND                                                                            \
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\n" \
    "a=sctp-port:6000\r\na=ice-ufrag:wxyz\r\na=ice-pwd:9876543210abcdefABCD+/\r\n"        \
    "a=setup:active\r\na=fingerprint:sha-256 " DIGEST "\r\n"

START_TEST(takes_the_first_section_that_is_not_rejected)
{
    char *text = edited(OFFER_TEXT SECOND, "application 9", "application 0");

    read_edited("", SECOND);
    ck_assert_uint_eq(sdp.media_index, 0);
    ck_assert_uint_eq(sdp.sctp_port, 5000);
    ck_assert_str_eq(sdp.media[1].media, "application");
    ck_assert_int_eq(read_text(text, HWS_SDP_OFFER, &sdp, NULL), HWS_OK);
    ck_assert_uint_eq(sdp.media_index, 1);
    ck_assert_uint_eq(sdp.sctp_port, 6000);
    ck_assert_str_eq(sdp.ufrag, "wxyz");
    ck_assert(!sdp.bundled && !sdp.rejected);
    ck_assert_str_eq(sdp.media[0].mid, "0");
    free(text);
}
END_TEST

START_TEST(takes_the_first_if_all_are_rejected)
{
    char *once = edited(OFFER_TEXT SECOND, "application 9", "application 0");
    char *text = edited(once, "application 9", "application 0");

    ck_assert_int_eq(read_text(text, HWS_SDP_OFFER, &sdp, NULL), HWS_OK);
    ck_assert_uint_eq(sdp.media_index, 0);
    ck_assert(sdp.rejected);
    free(once);
    free(text);
}
END_TEST

/* RFC 9143 section 7.1: a bundled section may leave its transport to the first of its group. */
#define TAGGED                                                                             \
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a 0\r\n"            \
    "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\na=ice-ufrag:audi\r\n" \
    "a=ice-pwd:0123456789abcdefABCD+/\r\na=fingerprint:sha-256 " DIGEST "\r\n"             \
    "a=setup:actpass\r\na=candidate:1 1 udp 1 192.0.2.1 1000 typ host\r\na=end-of-candidates\r\n"

#define BUNDLE_ONLY                                                                       \
    "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n" \
    "a=bundle-only\r\na=sctp-port:5000\r\n"

START_TEST(borrows_the_transport_of_the_group)
{
    ck_assert_int_eq(read_text(TAGGED BUNDLE_ONLY, HWS_SDP_OFFER, &sdp, NULL), HWS_OK);
    ck_assert(!sdp.rejected && sdp.bundled && sdp.end_of_candidates);
    ck_assert_str_eq(sdp.ufrag, "audi");
    ck_assert_uint_eq(sdp.fingerprint_count, 1);
    ck_assert_uint_eq(sdp.candidate_count, 1);
    /* Port 0 is a rejection in an answer, and outside of a group. */
    ck_assert_int_eq(read_text(TAGGED BUNDLE_ONLY, HWS_SDP_ANSWER, &sdp, NULL), HWS_OK);
    ck_assert(sdp.rejected);
    char *text = edited(TAGGED BUNDLE_ONLY, "BUNDLE a 0", "BUNDLE a");
    ck_assert_int_eq(read_text(text, HWS_SDP_OFFER, &sdp, NULL), HWS_OK);
    ck_assert(sdp.rejected && !sdp.bundled);
    free(text);
}
END_TEST

START_TEST(does_not_borrow_outside_the_group)
{
    char *text = edited(TAGGED BUNDLE_ONLY, "BUNDLE a 0", "BUNDLE a");
    char *live = edited(text, "application 0", "application 9");
    struct hws_sdp_error error;

    ck_assert_int_eq(read_text(live, HWS_SDP_OFFER, &sdp, &error), HWS_ERR_MALFORMED);
    ck_assert_int_eq(error.flaw, HWS_SDP_E_UFRAG);
    free(text);
    free(live);
    /* A transport of its own is its own. */
    text = edited(TAGGED DATA_TEXT, "BUNDLE a 0", "BUNDLE a 0");
    ck_assert_int_eq(read_text(text, HWS_SDP_OFFER, &sdp, NULL), HWS_OK);
    ck_assert_str_eq(sdp.ufrag, "abcd");
    ck_assert_uint_eq(sdp.candidate_count, 0);
    ck_assert(!sdp.end_of_candidates);
    free(text);
}
END_TEST

/* ---- Limits */

START_TEST(bounds_the_sections)
{
    static char many[EDIT_MAX];
    size_t at = (size_t)snprintf(many, sizeof(many), "%s", OFFER_TEXT);
    struct hws_sdp_error error;

    for (int i = 1; i < HWS_MEDIA_MAX; i++) {
        at += (size_t)snprintf(many + at, sizeof(many) - at, AUDIO("9", "a%d"), i);
    }
    ck_assert_int_eq(read_text(many, HWS_SDP_OFFER, &sdp, NULL), HWS_OK);
    ck_assert_uint_eq(sdp.media_count, HWS_MEDIA_MAX);
    (void)snprintf(many + at, sizeof(many) - at, AUDIO("9", "b"));
    ck_assert_int_eq(read_text(many, HWS_SDP_OFFER, &sdp, &error), HWS_ERR_TOO_BIG);
    ck_assert_int_eq(error.flaw, HWS_SDP_E_MLINE);
}
END_TEST

START_TEST(bounds_the_length)
{
    static uint8_t text[HWS_DESCRIPTION_MAX + 1];
    size_t len = strlen(OFFER_TEXT);

    memset(text, 'x', sizeof(text));
    memcpy(text, OFFER_TEXT "a=", len + 2);
    ck_assert_int_eq(
        hws_sdp_read((struct hws_bytes){text, sizeof(text) - 1}, HWS_SDP_OFFER, &sdp, NULL),
        HWS_OK);
    ck_assert_int_eq(
        hws_sdp_read((struct hws_bytes){text, sizeof(text)}, HWS_SDP_OFFER, &sdp, NULL),
        HWS_ERR_TOO_BIG);
}
END_TEST

START_TEST(bounds_words)
{
    static char line[1024], word[300];
    const struct {
        size_t len;
        const char *format, *from;
        enum hws_sdp_flaw flaw;
    } rows[] = {
        {HWS_MID_MAX,     "a=mid:%s",                    "a=mid:0",       HWS_SDP_SOUND  },
        {HWS_MID_MAX + 1, "a=mid:%s",                    "a=mid:0",       HWS_SDP_E_MID  },
        {63,              "m=%s 9 X 1\r\nm=application", "m=application", HWS_SDP_SOUND  },
        {64,              "m=%s 9 X 1\r\nm=application", "m=application", HWS_SDP_E_MLINE},
        {64,              "m=a 9 %s 1\r\nm=application", "m=application", HWS_SDP_E_MLINE},
        {255,             "m=a 9 X %s\r\nm=application", "m=application", HWS_SDP_SOUND  },
        {256,             "m=a 9 X %s\r\nm=application", "m=application", HWS_SDP_E_MLINE},
    };
    const char *base = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n";

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *offer = edited(base, "", DATA_TEXT), *text;
        struct hws_sdp_error error = {HWS_SDP_SOUND, 0};

        memset(word, 0, sizeof(word));
        memset(word, 'w', rows[i].len);
        (void)snprintf(line, sizeof(line), rows[i].format, word);
        text = edited(offer, rows[i].from, line);
        (void)!read_text(text, HWS_SDP_OFFER, &sdp, &error);
        ck_assert_msg(error.flaw == rows[i].flaw, "row %zu: %s", i, hws_sdp_flaw_name(error.flaw));
        free(offer);
        free(text);
    }
}
END_TEST

START_TEST(cuts_long_format_lists_between_formats)
{
    static char line[2048];
    size_t at = (size_t)snprintf(line, sizeof(line), "m=video 9 X");

    for (int i = 0; i < 200; i++) {
        at += (size_t)snprintf(line + at, sizeof(line) - at, " %d", 100 + i);
    }
    (void)snprintf(line + at, sizeof(line) - at, "\r\nc=IN IP4 0.0.0.0\r\nm=application");
    read_edited("m=application", line);
    ck_assert_uint_eq(strlen(sdp.media[0].formats), HWS_SDP_FORMAT_MAX - 1);
    ck_assert_str_eq(sdp.media[0].formats + HWS_SDP_FORMAT_MAX - 1 - 7, "162 163");
}
END_TEST

/* ---- Damage */

/* Each cut of each file is either refused, with nothing written, or still a description. */
START_TEST(survives_every_truncation)
{
    char *text = read_vector(real[_i].file);
    size_t len = strlen(text), accepted = 0;

    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = exact(text, cut);
        struct hws_sdp_error error = {HWS_SDP_SOUND, 0};

        sdp.media_count = 12345;
        if (hws_sdp_read((struct hws_bytes){copy, cut}, type_of(real[_i].file), &sdp, &error)) {
            ck_assert_int_ne(error.flaw, HWS_SDP_SOUND);
            ck_assert_uint_eq(sdp.media_count, 12345);
        } else {
            accepted++;
        }
        free(copy);
    }
    free(text);
    ck_assert_uint_lt(accepted, len / 2 + len / 3);
}
END_TEST

START_TEST(survives_damage)
{
    size_t len = strlen(OFFER_TEXT);

    for (size_t at = 0; at < len * 8; at++) {
        uint8_t *copy = exact(OFFER_TEXT, len);

        copy[at / 8] ^= (uint8_t)(1U << at % 8);
        (void)!hws_sdp_read((struct hws_bytes){copy, len}, HWS_SDP_OFFER, &sdp, NULL);
        ck_assert_uint_le(sdp.candidate_count, HWS_ICE_REMOTE_MAX);
        free(copy);
    }
}
END_TEST

/* A NUL in the place of any byte is refused as such, or as a broken line before it. */
START_TEST(refuses_nul_everywhere)
{
    size_t len = strlen(OFFER_TEXT);

    for (size_t at = 0; at < len; at++) {
        uint8_t *copy = exact(OFFER_TEXT, len);
        struct hws_sdp_error error;

        copy[at] = 0;
        ck_assert_int_eq(hws_sdp_read((struct hws_bytes){copy, len}, HWS_SDP_OFFER, &sdp, &error),
                         HWS_ERR_MALFORMED);
        ck_assert_int_eq(error.flaw, HWS_SDP_E_NUL);
        free(copy);
    }
}
END_TEST

START_TEST(names_every_flaw)
{
    for (int i = 0; i < HWS_SDP_FLAW_COUNT; i++) {
        ck_assert_uint_gt(strlen(hws_sdp_flaw_name((enum hws_sdp_flaw)i)), 4);
        ck_assert_uint_gt(strlen(hws_sdp_flaw_text((enum hws_sdp_flaw)i)), 4);
    }
    ck_assert_str_eq(hws_sdp_flaw_name(HWS_SDP_E_UFRAG), "E_UFRAG");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sdp_reader");
    TCase *rules = tcase_create("rules"), *values = tcase_create("values");
    TCase *damage = tcase_create("damage");

    suite_add_tcase(suite, rules);
    tcase_add_loop_test(rules, reads_what_others_send, 0, ROWS(real));
    tcase_add_loop_test(rules, judges_an_edited_offer, 0, ROWS(edits));
    tcase_add_loop_test(rules, judges_an_edited_answer, 0, ROWS(answer_edits));
    tcase_add_loop_test(rules, judges_an_edited_legacy_offer, 0, ROWS(legacy_edits));
    suite_add_tcase(suite, values);
    tcase_add_test(values, keeps_the_other_sections);
    tcase_add_test(values, knows_the_mixed_form);
    tcase_add_test(values, reads_a_plain_offer);
    tcase_add_loop_test(values, saturates_the_message_size, 0, ROWS(sizes));
    tcase_add_loop_test(values, finds_the_trickle_option, 0, ROWS(options));
    tcase_add_test(values, inherits_from_the_session);
    tcase_add_test(values, ignores_flags_out_of_place);
    tcase_add_test(values, sorts_fingerprints_strongest_first);
    tcase_add_test(values, keeps_the_strongest_of_many_fingerprints);
    tcase_add_test(values, cuts_a_long_tls_id);
    tcase_add_test(values, bounds_the_candidates);
    tcase_add_test(values, takes_the_first_section_that_is_not_rejected);
    tcase_add_test(values, takes_the_first_if_all_are_rejected);
    tcase_add_test(values, borrows_the_transport_of_the_group);
    tcase_add_test(values, does_not_borrow_outside_the_group);
    tcase_add_test(values, bounds_the_sections);
    tcase_add_test(values, bounds_the_length);
    tcase_add_test(values, bounds_words);
    tcase_add_test(values, cuts_long_format_lists_between_formats);
    tcase_add_test(values, names_every_flaw);
    suite_add_tcase(suite, damage);
    tcase_set_timeout(damage, 60);
    tcase_add_loop_test(damage, survives_every_truncation, 0, ROWS(real));
    tcase_add_test(damage, survives_damage);
    tcase_add_test(damage, refuses_nul_everywhere);
    return run_suite(suite);
}
