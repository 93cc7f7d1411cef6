/* Text out of a description (RFC 9429 sections 5.2 and 5.3). Checks all before it writes any. */
#include "sdp/sdp_internal.h"
#include "sdp/text_internal.h"

#include <inttypes.h>

static const char *const protos[] = {
    [HWS_PROTO_UDP_DTLS_SCTP] = "UDP/DTLS/SCTP",
    [HWS_PROTO_TCP_DTLS_SCTP] = "TCP/DTLS/SCTP",
    [HWS_PROTO_DTLS_SCTP] = "DTLS/SCTP",
    [HWS_PROTO_DTLS_SCTP_NAMED] = "DTLS/SCTP",
};

enum { PROTO_COUNT = sizeof(protos) / sizeof(protos[0]) };

/* ---- Checks: what cannot be read again is not written, least of all a second line. */

/* A text field as bytes; one without its NUL is as long as its array, and so too long. */
static struct hws_bytes field(const char *text, size_t cap)
{
    size_t len = 0;

    while (len < cap && text[len] != '\0') {
        len++;
    }
    return (struct hws_bytes){(const uint8_t *)text, len};
}

static bool is_mid(const char *mid)
{
    struct hws_bytes text = field(mid, HWS_MID_MAX + 1);

    return text.len <= HWS_MID_MAX && (text.len == 0 || hws_text_is_token(text));
}

static bool is_taken(const char *mid, const char *other)
{
    return mid[0] != '\0' && hws_bytes_equal(hws_bytes_of(mid), hws_bytes_of(other));
}

/* The reader of m= lines knows what they may hold: so let it read this one. */
static bool is_media(const struct hws_sdp_media *media)
{
    uint8_t text[2 * HWS_SDP_WORD_MAX + HWS_SDP_FORMAT_MAX + 8];
    struct hws_bytes word = field(media->media, sizeof(media->media));
    struct hws_bytes proto = field(media->proto, sizeof(media->proto));
    struct hws_bytes formats = field(media->formats, sizeof(media->formats));
    struct hws_writer line = hws_writer_over(text, sizeof(text));
    struct hws_sdp_mline read;

    if (word.len == HWS_SDP_WORD_MAX || proto.len == HWS_SDP_WORD_MAX) return false;
    if (formats.len == HWS_SDP_FORMAT_MAX || !is_mid(media->mid)) return false;
    hws_write_text(&line, "%s 0 %s %s", media->media, media->proto, media->formats);
    /* A field with a space in it would move the words behind it. */
    return hws_sdp_read_mline(hws_written(&line), &read) == HWS_SDP_SOUND &&
           hws_bytes_equal(read.media, word) && hws_bytes_equal(read.proto, proto);
}

static bool are_media(const struct hws_sdp *sdp)
{
    if (sdp->media_count > HWS_MEDIA_MAX || sdp->media_index >= sdp->media_count) return false;
    for (size_t i = 0; i < sdp->media_count; i++) {
        const struct hws_sdp_media *media = &sdp->media[i];

        if (i == sdp->media_index) continue;
        if (!is_media(media)) return false;
        if (is_taken(media->mid, sdp->mid)) return false;
        for (size_t j = 0; j < i; j++) {
            if (j != sdp->media_index && is_taken(media->mid, sdp->media[j].mid)) return false;
        }
    }
    return true;
}

static bool is_transport(const struct hws_sdp *sdp)
{
    if (!hws_text_is_ice(field(sdp->ufrag, HWS_UFRAG_MAX + 1), HWS_UFRAG_MIN, HWS_UFRAG_MAX))
        return false;
    if (!hws_text_is_ice(field(sdp->pwd, HWS_PWD_MAX + 1), HWS_PWD_MIN, HWS_PWD_MAX)) return false;
    if ((size_t)sdp->setup > HWS_SETUP_PASSIVE) return false;
    if (sdp->type == HWS_SDP_ANSWER && sdp->setup == HWS_SETUP_ACTPASS) return false;
    if (sdp->fingerprint_count == 0 || sdp->fingerprint_count > HWS_FINGERPRINT_LIST) return false;
    for (size_t i = 0; i < sdp->fingerprint_count; i++) {
        if (!hws_fingerprint_is_sound(&sdp->fingerprints[i])) return false;
    }
    if (sdp->candidate_count > HWS_ICE_REMOTE_MAX) return false;
    for (size_t i = 0; i < sdp->candidate_count; i++) {
        if (!hws_candidate_is_sound(&sdp->candidates[i])) return false;
    }
    return true;
}

static bool is_writable(const struct hws_sdp *sdp)
{
    if (sdp->type != HWS_SDP_OFFER && sdp->type != HWS_SDP_ANSWER) return false;
    if ((size_t)sdp->proto >= PROTO_COUNT || !is_mid(sdp->mid)) return false;
    if (!are_media(sdp)) return false;
    return sdp->rejected || is_transport(sdp);
}

/* ---- Writing */

static void write_session(struct hws_writer *out, const struct hws_sdp *sdp)
{
    bool in_group = sdp->type == HWS_SDP_OFFER || sdp->bundled;

    hws_write_text(out, "v=0\r\no=- %" PRIu64 " %" PRIu64 " IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
                   sdp->session_id, sdp->session_version);
    /* RFC 9143 section 7.3.3: what is rejected is in no group. */
    if (sdp->mid[0] && in_group && !sdp->rejected)
        hws_write_text(out, "a=group:BUNDLE %s\r\n", sdp->mid);
    if (sdp->ice_lite) hws_write_text(out, "a=ice-lite\r\n");
}

static void write_mid(struct hws_writer *out, const char *mid)
{
    if (mid[0]) hws_write_text(out, "a=mid:%s\r\n", mid);
}

/* RFC 9429 section 5.3.1: rejected by port 0, in its place, with its own words. */
static void write_other(struct hws_writer *out, const struct hws_sdp_media *media)
{
    hws_write_text(out, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\n", media->media, media->proto,
                   media->formats);
    write_mid(out, media->mid);
}

/* The address is always that of trickling, so no name or private address leaks through it
 * (RFC 8840 section 4.1.1). */
static void write_mline(struct hws_writer *out, const struct hws_sdp *sdp)
{
    hws_write_text(out, "m=application %u %s ", sdp->rejected ? 0U : 9U, protos[sdp->proto]);
    if (sdp->proto == HWS_PROTO_DTLS_SCTP)
        hws_write_text(out, "%u\r\n", sdp->sctp_port);
    else
        hws_write_text(out, "webrtc-datachannel\r\n");
    hws_write_text(out, "c=IN IP4 0.0.0.0\r\n");
}

static void write_transport(struct hws_writer *out, const struct hws_sdp *sdp)
{
    hws_write_text(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", sdp->ufrag, sdp->pwd);
    if (sdp->trickle || sdp->renomination)
        hws_write_text(out, "a=ice-options:%s%s%s\r\n", sdp->trickle ? "trickle" : "",
                       sdp->trickle && sdp->renomination ? " " : "",
                       sdp->renomination ? "renomination" : "");
    for (size_t i = 0; i < sdp->fingerprint_count; i++) {
        hws_write_text(out, "a=fingerprint:");
        hws_fingerprint_write(out, &sdp->fingerprints[i]);
        hws_write_text(out, "\r\n");
    }
    hws_write_text(out, "a=setup:%s\r\n",
                   sdp->setup == HWS_SETUP_ACTPASS  ? "actpass"
                   : sdp->setup == HWS_SETUP_ACTIVE ? "active"
                                                    : "passive");
}

static void write_association(struct hws_writer *out, const struct hws_sdp *sdp)
{
    uint64_t size = sdp->max_message_size < HWS_MAX_MESSAGE_SIZE_SENT ? sdp->max_message_size
                                                                      : HWS_MAX_MESSAGE_SIZE_SENT;

    if (sdp->proto == HWS_PROTO_DTLS_SCTP)
        hws_write_text(out, "a=sctpmap:%u webrtc-datachannel 1024\r\n", sdp->sctp_port);
    else
        hws_write_text(out, "a=sctp-port:%u\r\n", sdp->sctp_port);
    hws_write_text(out, "a=max-message-size:%" PRIu64 "\r\n", size);
}

static void write_candidates(struct hws_writer *out, const struct hws_sdp *sdp)
{
    for (size_t i = 0; i < sdp->candidate_count; i++) {
        hws_write_text(out, "a=");
        hws_candidate_write(out, &sdp->candidates[i]);
        hws_write_text(out, "\r\n");
    }
    if (sdp->end_of_candidates) hws_write_text(out, "a=end-of-candidates\r\n");
}

static void write_data(struct hws_writer *out, const struct hws_sdp *sdp)
{
    write_mline(out, sdp);
    if (!sdp->rejected) write_transport(out, sdp);
    write_mid(out, sdp->mid);
    if (sdp->rejected) return;
    write_association(out, sdp);
    write_candidates(out, sdp);
}

enum hws_err hws_sdp_write(struct hws_writer *out, const struct hws_sdp *sdp)
{
    size_t before = out->len;

    if (!is_writable(sdp)) return HWS_ERR_ARGUMENT;
    write_session(out, sdp);
    for (size_t i = 0; i < sdp->media_count; i++) {
        if (i == sdp->media_index)
            write_data(out, sdp);
        else
            write_other(out, &sdp->media[i]);
    }
    if (!out->failed) return HWS_OK;
    out->len = before;
    return HWS_ERR_FULL;
}
