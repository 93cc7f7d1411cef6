/* The attributes that a data channel needs, by name (RFC 9429 section 5.8); all others pass by. */
#include "sdp/sdp_internal.h"
#include "sdp/text_internal.h"

enum { AT_SESSION = 1, AT_MEDIA = 2, AT_BOTH = AT_SESSION | AT_MEDIA };

static bool is_any(struct hws_bytes value)
{
    (void)value;
    return true;
}

static bool is_ufrag(struct hws_bytes value)
{
    return hws_text_is_ice(value, HWS_UFRAG_MIN, HWS_UFRAG_MAX);
}

static bool is_pwd(struct hws_bytes value)
{
    return hws_text_is_ice(value, HWS_PWD_MIN, HWS_PWD_MAX);
}

bool hws_sdp_read_setup(struct hws_bytes value, enum hws_sdp_setup *out)
{
    bool actpass = hws_text_is_nocase(value, "actpass");
    bool active = hws_text_is_nocase(value, "active");

    if (!actpass && !active && !hws_text_is_nocase(value, "passive")) return false;
    *out = actpass ? HWS_SETUP_ACTPASS : active ? HWS_SETUP_ACTIVE : HWS_SETUP_PASSIVE;
    return true;
}

/* RFC 4145 section 4 has holdconn too: well-formed here, refused if it is the role that counts. */
static bool is_setup(struct hws_bytes value)
{
    enum hws_sdp_setup ignored;

    return hws_sdp_read_setup(value, &ignored) || hws_text_is_nocase(value, "holdconn");
}

static bool is_mid(struct hws_bytes value)
{
    return hws_text_is_token(value) && value.len <= HWS_MID_MAX;
}

bool hws_sdp_read_port(struct hws_bytes value, uint16_t *out)
{
    uint64_t port;

    if (hws_text_is_padded(value) || !hws_text_number(value, UINT16_MAX, &port)) return false;
    *out = (uint16_t)port;
    return true;
}

static bool is_sctp_port(struct hws_bytes value)
{
    uint16_t ignored;

    return hws_sdp_read_port(value, &ignored);
}

bool hws_sdp_read_sctpmap(struct hws_bytes value, struct hws_bytes *out_port,
                          struct hws_bytes *out_app)
{
    struct hws_words words = hws_words_over(value);

    *out_port = hws_next_word(&words);
    *out_app = hws_next_word(&words);
    if (words.more && !hws_text_is_digits(hws_next_word(&words))) return false;
    return hws_words_done(&words) && is_sctp_port(*out_port) && hws_text_is_token(*out_app);
}

static bool is_sctpmap(struct hws_bytes value)
{
    struct hws_bytes port, app;

    return hws_sdp_read_sctpmap(value, &port, &app);
}

static bool is_size(struct hws_bytes value)
{
    return hws_text_is_digits(value) && !hws_text_is_padded(value); /* RFC 8841 section 6.2 */
}

static bool is_fingerprint(struct hws_bytes value)
{
    struct hws_fingerprint fingerprint;
    bool usable;

    return hws_fingerprint_read(value, &fingerprint, &usable) == HWS_OK;
}

static bool is_candidate(struct hws_bytes value)
{
    struct hws_candidate candidate;
    enum hws_candidate_verdict verdict;

    return value.len <= HWS_CANDIDATE_TEXT_MAX &&
           hws_candidate_read_value(value, 0, &candidate, &verdict) == HWS_OK;
}

static bool is_group(struct hws_bytes value)
{
    struct hws_words words = hws_words_over(value);

    do {
        if (!hws_text_is_token(hws_next_word(&words))) return false;
    } while (words.more);
    return hws_words_done(&words);
}

struct attribute {
    const char *name;
    uint8_t levels;
    bool is_flag; /* has no value; one with a value is another attribute */
    enum hws_sdp_flaw flaw;
    bool (*check)(struct hws_bytes value);
};

/* clang-format off */
static const struct attribute singles[HWS_SINGLE_COUNT] = {
    [HWS_SINGLE_UFRAG] =
        {"ice-ufrag", AT_BOTH, false, HWS_SDP_E_UFRAG, is_ufrag},
    [HWS_SINGLE_PWD] =
        {"ice-pwd", AT_BOTH, false, HWS_SDP_E_PWD, is_pwd},
    [HWS_SINGLE_ICE_OPTIONS] =
        {"ice-options", AT_BOTH, false, HWS_SDP_E_LINE, is_any},
    [HWS_SINGLE_ICE_LITE] =
        {"ice-lite", AT_SESSION, true, HWS_SDP_E_LINE, is_any},
    [HWS_SINGLE_END_OF_CANDIDATES] =
        {"end-of-candidates", AT_BOTH, true, HWS_SDP_E_LINE, is_any},
    [HWS_SINGLE_SETUP] =
        {"setup", AT_BOTH, false, HWS_SDP_E_SETUP, is_setup},
    [HWS_SINGLE_TLS_ID] =
        {"tls-id", AT_BOTH, false, HWS_SDP_E_LINE, is_any},
    [HWS_SINGLE_MID] =
        {"mid", AT_MEDIA, false, HWS_SDP_E_MID, is_mid},
    [HWS_SINGLE_BUNDLE_ONLY] =
        {"bundle-only", AT_MEDIA, true, HWS_SDP_E_LINE, is_any},
    [HWS_SINGLE_SCTP_PORT] =
        {"sctp-port", AT_MEDIA, false, HWS_SDP_E_SCTP_PORT, is_sctp_port},
    [HWS_SINGLE_SCTPMAP] =
        {"sctpmap", AT_MEDIA, false, HWS_SDP_E_SCTP_PORT, is_sctpmap},
    [HWS_SINGLE_MAX_MESSAGE_SIZE] =
        {"max-message-size", AT_MEDIA, false, HWS_SDP_E_MAX_MESSAGE_SIZE, is_size},
};

static const struct attribute manys[HWS_MANY_COUNT] = {
    [HWS_MANY_FINGERPRINT] =
        {"fingerprint", AT_BOTH, false, HWS_SDP_E_FINGERPRINT, is_fingerprint},
    [HWS_MANY_CANDIDATE] =
        {"candidate", AT_MEDIA, false, HWS_SDP_E_CANDIDATE, is_candidate},
    [HWS_MANY_GROUP] =
        {"group", AT_SESSION, false, HWS_SDP_E_BUNDLE, is_group},
};
/* clang-format on */

static const struct attribute *find(const struct attribute *rows, size_t count,
                                    struct hws_bytes name, bool in_media)
{
    for (size_t i = 0; i < count; i++) {
        if ((rows[i].levels & (in_media ? AT_MEDIA : AT_SESSION)) == 0) continue;
        if (hws_text_is(name, rows[i].name)) return &rows[i];
    }
    return NULL;
}

enum hws_sdp_flaw hws_sdp_add_attribute(struct hws_sdp_level *level, bool in_media,
                                        struct hws_bytes value)
{
    struct hws_bytes name = {value.data, hws_text_find(value, ':')};
    bool has_value = name.len < value.len;
    const struct attribute *single = find(singles, HWS_SINGLE_COUNT, name, in_media);
    const struct attribute *many = find(manys, HWS_MANY_COUNT, name, in_media);
    const struct attribute *row = single ? single : many;
    struct hws_bytes *slot;

    if (!hws_text_is_token(name)) return HWS_SDP_E_LINE;
    if (!row || (row->is_flag && has_value)) return HWS_SDP_SOUND;
    value = hws_text_after(value, name.len + (has_value ? 1 : 0));
    if (!row->check(value)) return row->flaw;
    if (!single) {
        level->many[many - manys]++;
        return HWS_SDP_SOUND;
    }
    /* RFC 9429 section 5.8 has "a single" of each; saying the same twice harms nobody. */
    slot = &level->single[single - singles];
    if (slot->data && !hws_bytes_equal(*slot, value)) return HWS_SDP_E_DUPLICATE;
    *slot = value;
    return HWS_SDP_SOUND;
}

bool hws_sdp_next_line(struct hws_bytes *rest, struct hws_bytes *out)
{
    struct hws_bytes line = {rest->data, hws_text_find(*rest, '\n')};

    if (rest->len == 0) return false;
    *out = line;
    if (line.len == rest->len) {
        *rest = (struct hws_bytes){0}; /* the last line may lack its end, which programs trim */
        return true;
    }
    *rest = hws_text_after(*rest, line.len + 1);
    if (line.len > 0 && line.data[line.len - 1] == '\r') out->len--;
    return true;
}

bool hws_sdp_next_value(struct hws_bytes *lines, enum hws_sdp_many which, struct hws_bytes *out)
{
    struct hws_bytes line;

    while (hws_sdp_next_line(lines, &line)) {
        struct hws_bytes value = hws_text_starts(line, "a=") ? hws_text_after(line, 2) : line;
        size_t name_len = hws_text_find(value, ':');

        if (value.len == line.len || name_len == value.len) continue;
        if (!hws_text_is((struct hws_bytes){value.data, name_len}, manys[which].name)) continue;
        *out = hws_text_after(value, name_len + 1);
        return true;
    }
    return false;
}
