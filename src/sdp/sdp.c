#include "sdp/sdp.h"

#include "base/bytes.h"

/* clang-format off */
static const struct {
    const char *name;
    const char *text;
} flaws[HWS_SDP_FLAW_COUNT] = {
    [HWS_SDP_SOUND] =
        {"SOUND", "nothing is wrong"},
    [HWS_SDP_E_ORDER] =
        {"E_ORDER", "a line is missing or out of order"},
    [HWS_SDP_E_LINE] =
        {"E_LINE", "a line is malformed"},
    [HWS_SDP_E_NUL] =
        {"E_NUL", "a line holds a NUL byte"},
    [HWS_SDP_E_VERSION] =
        {"E_VERSION", "the version is not 0"},
    [HWS_SDP_E_ORIGIN] =
        {"E_ORIGIN", "the origin is malformed"},
    [HWS_SDP_E_TIME] =
        {"E_TIME", "the time is malformed"},
    [HWS_SDP_E_CONNECTION] =
        {"E_CONNECTION", "the connection address is malformed or missing"},
    [HWS_SDP_E_MLINE] =
        {"E_MLINE", "a media line is malformed"},
    [HWS_SDP_E_NO_DATA] =
        {"E_NO_DATA", "no section is for data channels"},
    [HWS_SDP_E_SCTP_PORT] =
        {"E_SCTP_PORT", "the SCTP port is malformed or missing"},
    [HWS_SDP_E_MAX_MESSAGE_SIZE] =
        {"E_MAX_MESSAGE_SIZE", "max-message-size is malformed"},
    [HWS_SDP_E_UFRAG] =
        {"E_UFRAG", "the ICE ufrag is malformed or missing"},
    [HWS_SDP_E_PWD] =
        {"E_PWD", "the ICE password is malformed or missing"},
    [HWS_SDP_E_FINGERPRINT] =
        {"E_FINGERPRINT", "a fingerprint is malformed, or none is usable"},
    [HWS_SDP_E_SETUP] =
        {"E_SETUP", "the setup role is missing or not allowed here"},
    [HWS_SDP_E_MID] =
        {"E_MID", "a mid is malformed or taken"},
    [HWS_SDP_E_BUNDLE] =
        {"E_BUNDLE", "a group is malformed or names what is not there"},
    [HWS_SDP_E_DUPLICATE] =
        {"E_DUPLICATE", "an attribute comes twice with two values"},
    [HWS_SDP_E_CANDIDATE] =
        {"E_CANDIDATE", "a candidate is malformed"},
};
/* clang-format on */

const char *hws_sdp_flaw_name(enum hws_sdp_flaw flaw)
{
    return (size_t)flaw < HWS_SDP_FLAW_COUNT ? flaws[flaw].name : "E_LINE";
}

const char *hws_sdp_flaw_text(enum hws_sdp_flaw flaw)
{
    return (size_t)flaw < HWS_SDP_FLAW_COUNT ? flaws[flaw].text : "the description is malformed";
}

static bool is_same(const char *a, const char *b)
{
    return hws_bytes_equal(hws_bytes_of(a), hws_bytes_of(b));
}

/* RFC 5888 section 6: the answerer repeats the mid; one that knows none leaves it out. */
static bool is_same_mid(const char *a, const char *b)
{
    return a[0] == '\0' || b[0] == '\0' || is_same(a, b);
}

/* RFC 8842 section 5.3. */
static bool is_role_for(enum hws_sdp_setup answer, enum hws_sdp_setup offer)
{
    switch (offer) {
    case HWS_SETUP_ACTPASS:
        return answer != HWS_SETUP_ACTPASS;
    case HWS_SETUP_ACTIVE:
        return answer == HWS_SETUP_PASSIVE;
    case HWS_SETUP_PASSIVE:
        return answer == HWS_SETUP_ACTIVE;
    }
    return false;
}

/* All forms of the m= line mean the same transport here, so any may answer any. */
bool hws_sdp_answers(const struct hws_sdp *answer, const struct hws_sdp *offer)
{
    if (offer->type != HWS_SDP_OFFER || answer->type != HWS_SDP_ANSWER) return false;
    if (offer->rejected || answer->rejected) return false;
    if (answer->media_count != offer->media_count || answer->media_index != offer->media_index)
        return false;
    for (size_t i = 0; i < offer->media_count && i < HWS_MEDIA_MAX; i++) {
        if (i == offer->media_index) continue;
        if (!is_same(answer->media[i].media, offer->media[i].media)) return false;
        if (!is_same_mid(answer->media[i].mid, offer->media[i].mid)) return false;
    }
    return is_same_mid(answer->mid, offer->mid) && is_role_for(answer->setup, offer->setup);
}
