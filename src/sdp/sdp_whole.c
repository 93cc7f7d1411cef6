/* The second step of reading: the description as a whole; see sdp_reader.c. */
#include "sdp/sdp_internal.h"
#include "sdp/text_internal.h"

#include <string.h>

struct hws_bytes hws_sdp_mid_of(const struct hws_sdp_section *section)
{
    return section->level.single[HWS_SINGLE_MID];
}

static const char web[] = "webrtc-datachannel";

/* Is it a section for data channels, and in which form? RFC 9429 section 5.1.2. */
static bool is_data(const struct hws_sdp_section *section, enum hws_sdp_proto *out)
{
    static const char *const names[] = {
        [HWS_PROTO_UDP_DTLS_SCTP] = "UDP/DTLS/SCTP",
        [HWS_PROTO_TCP_DTLS_SCTP] = "TCP/DTLS/SCTP",
        [HWS_PROTO_DTLS_SCTP] = "DTLS/SCTP",
    };
    struct hws_bytes map = section->level.single[HWS_SINGLE_SCTPMAP], port, app;
    bool named = hws_text_is(section->m.formats, web);
    size_t i = 0;

    if (!hws_text_is(section->m.media, "application")) return false;
    while (i < sizeof(names) / sizeof(names[0]) && !hws_text_is(section->m.proto, names[i])) {
        i++;
    }
    if (i == sizeof(names) / sizeof(names[0])) return false;
    if (i == HWS_PROTO_DTLS_SCTP && named) i = HWS_PROTO_DTLS_SCTP_NAMED;
    *out = (enum hws_sdp_proto)i;
    /* A section that is rejected says so by its port; its format is a leftover (pion sends 0). */
    if (named || section->m.port == 0) return true;
    if (i != HWS_PROTO_DTLS_SCTP) return false;
    if (map.data && hws_sdp_read_sctpmap(map, &port, &app) && !hws_text_is(app, web)) return false;
    return hws_text_is_digits(section->m.formats);
}

/* RFC 8841 section 4.3: one format. */
static const struct hws_sdp_section *find_crowded(const struct hws_sdp_draft *draft)
{
    for (size_t i = 0; i < draft->section_count; i++) {
        const struct hws_sdp_section *section = &draft->sections[i];
        struct hws_sdp_section cut = *section;
        enum hws_sdp_proto ignored;

        cut.m.formats.len = hws_text_find(section->m.formats, ' ');
        if (cut.m.formats.len < section->m.formats.len && section->m.port != 0 &&
            is_data(&cut, &ignored))
            return section;
    }
    return NULL;
}

/* The members of the next a=group:BUNDLE line, as words. */
static bool next_bundle(struct hws_bytes *lines, struct hws_words *out)
{
    struct hws_bytes value;

    while (hws_sdp_next_value(lines, HWS_MANY_GROUP, &value)) {
        *out = hws_words_over(value);
        if (hws_text_is(hws_next_word(out), "BUNDLE")) return true;
    }
    return false;
}

static const struct hws_sdp_section *find_mid(const struct hws_sdp_draft *draft,
                                              struct hws_bytes mid)
{
    for (size_t i = 0; i < draft->section_count; i++) {
        if (hws_sdp_mid_of(&draft->sections[i]).data &&
            hws_bytes_equal(hws_sdp_mid_of(&draft->sections[i]), mid))
            return &draft->sections[i];
    }
    return NULL;
}

/* RFC 9143 section 5: every member names a section, and a section is a member once. */
static bool are_bundles_sound(const struct hws_sdp_draft *draft)
{
    bool is_member[HWS_MEDIA_MAX] = {false};
    struct hws_bytes lines = draft->session.lines;
    struct hws_words members;

    while (next_bundle(&lines, &members)) {
        while (members.more) {
            const struct hws_sdp_section *section = find_mid(draft, hws_next_word(&members));

            if (!section || is_member[section - draft->sections]) return false;
            is_member[section - draft->sections] = true;
        }
    }
    return true;
}

/* Is @p data in a group, and who is the first of it? */
static bool find_tagged(const struct hws_sdp_draft *draft, const struct hws_sdp_section *data,
                        const struct hws_sdp_section **out)
{
    struct hws_bytes lines = draft->session.lines;
    struct hws_words members;

    while (next_bundle(&lines, &members)) {
        const struct hws_sdp_section *first = NULL;

        while (members.more) {
            const struct hws_sdp_section *section = find_mid(draft, hws_next_word(&members));

            if (!first) first = section;
            if (section != data) continue;
            *out = first != data && first->m.port != 0 ? first : NULL;
            return true;
        }
    }
    return false;
}

static const struct hws_bytes *single(const struct hws_sdp_section *section,
                                      enum hws_sdp_single which)
{
    return &section->level.single[which];
}

/* RFC 9143 section 6: port 0 with a=bundle-only in an offer is no rejection. */
static bool is_rejected(const struct hws_sdp_draft *draft, const struct hws_sdp_section *section)
{
    const struct hws_sdp_section *ignored;

    if (section->m.port != 0) return false;
    return draft->type == HWS_SDP_ANSWER || !single(section, HWS_SINGLE_BUNDLE_ONLY)->data ||
           !find_tagged(draft, section, &ignored);
}

static bool find_data(const struct hws_sdp_draft *draft, struct hws_sdp_finding *out)
{
    for (size_t i = 0; i < draft->section_count; i++) {
        const struct hws_sdp_section *section = &draft->sections[i];
        enum hws_sdp_proto proto;

        if (!is_data(section, &proto)) continue;
        /* Of rejected ones the first that names its format counts: the others may be anybody's. */
        if (out->data && is_rejected(draft, section) &&
            (hws_text_is(out->data->m.formats, web) || !hws_text_is(section->m.formats, web)))
            continue;
        out->data = section;
        out->proto = proto;
        out->rejected = is_rejected(draft, section);
        if (!out->rejected) break;
    }
    return out->data != NULL;
}

/* The value that counts for the data section; data is NULL when there is none. */
static struct hws_bytes pick(const struct hws_sdp_draft *draft,
                             const struct hws_sdp_finding *finding, enum hws_sdp_single which)
{
    struct hws_bytes value = *single(finding->data, which);

    if (!value.data && finding->tagged) value = *single(finding->tagged, which);
    return value.data ? value : draft->session.single[which];
}

/* Likewise for a=fingerprint lines: those of one level only. */
static struct hws_bytes pick_fingerprints(const struct hws_sdp_draft *draft,
                                          const struct hws_sdp_finding *finding)
{
    const struct hws_sdp_level *level = &finding->data->level;

    if (level->many[HWS_MANY_FINGERPRINT] == 0 && finding->tagged) level = &finding->tagged->level;
    return level->many[HWS_MANY_FINGERPRINT] > 0 ? level->lines : draft->session.lines;
}

/* The candidates of the tagged section are ours too when we share its transport, which shows in
 * its ufrag, and have none of our own: Chromium and Firefox put them there only. */
static bool is_lent(const struct hws_sdp_finding *finding)
{
    struct hws_bytes own = *single(finding->data, HWS_SINGLE_UFRAG);

    if (!finding->tagged || finding->data->level.many[HWS_MANY_CANDIDATE] > 0) return false;
    return !own.data || hws_bytes_equal(own, *single(finding->tagged, HWS_SINGLE_UFRAG));
}

/* RFC 8840 section 8.2 allows both levels. */
static bool has_end(const struct hws_sdp_draft *draft, const struct hws_sdp_finding *finding)
{
    return single(finding->data, HWS_SINGLE_END_OF_CANDIDATES)->data ||
           draft->session.single[HWS_SINGLE_END_OF_CANDIDATES].data ||
           (is_lent(finding) && single(finding->tagged, HWS_SINGLE_END_OF_CANDIDATES)->data);
}

static bool has_usable_fingerprint(struct hws_bytes lines)
{
    struct hws_fingerprint fingerprint;
    struct hws_bytes value;
    bool usable = false;

    while (!usable && hws_sdp_next_value(&lines, HWS_MANY_FINGERPRINT, &value)) {
        if (hws_fingerprint_read(value, &fingerprint, &usable)) return false;
    }
    return usable;
}

/* RFC 8841 section 5.1: a=sctp-port has no default. In the form of old, the m= line has the port
 * and a=sctpmap repeats it. */
static bool find_sctp_port(const struct hws_sdp_finding *finding, uint16_t *out)
{
    struct hws_bytes line = *single(finding->data, HWS_SINGLE_SCTP_PORT);
    struct hws_bytes map = *single(finding->data, HWS_SINGLE_SCTPMAP);
    struct hws_bytes formats = finding->data->m.formats, map_port, app;
    uint16_t port;

    if (finding->proto != HWS_PROTO_DTLS_SCTP) return hws_sdp_read_port(line, out);
    if (map.data) {
        if (!hws_sdp_read_sctpmap(map, &map_port, &app) || !hws_bytes_equal(map_port, formats))
            return false;
        if (line.data && !hws_bytes_equal(line, map_port)) return false;
        return hws_sdp_read_port(map_port, out);
    }
    return hws_sdp_read_port(formats, &port) && hws_sdp_read_port(line, out);
}

static bool find_setup(const struct hws_sdp_draft *draft, const struct hws_sdp_finding *finding,
                       enum hws_sdp_setup *out)
{
    struct hws_bytes value = pick(draft, finding, HWS_SINGLE_SETUP);

    /* RFC 8842 section 5.3: an answer decides. */
    return hws_sdp_read_setup(value, out) &&
           !(*out == HWS_SETUP_ACTPASS && draft->type == HWS_SDP_ANSWER);
}

/* What the section needs to be used (RFC 9429 section 5.8.3). */
static enum hws_sdp_flaw check_data(const struct hws_sdp_draft *draft,
                                    struct hws_sdp_finding *finding)
{
    bool sound_port = find_sctp_port(finding, &finding->sctp_port);
    bool sound_setup = find_setup(draft, finding, &finding->setup);

    if (finding->rejected) return HWS_SDP_SOUND; /* whatever it lacks, nobody will use it */
    if (!sound_port) return HWS_SDP_E_SCTP_PORT;
    if (!pick(draft, finding, HWS_SINGLE_UFRAG).data) return HWS_SDP_E_UFRAG;
    if (!pick(draft, finding, HWS_SINGLE_PWD).data) return HWS_SDP_E_PWD;
    if (!has_usable_fingerprint(pick_fingerprints(draft, finding))) return HWS_SDP_E_FINGERPRINT;
    return sound_setup ? HWS_SDP_SOUND : HWS_SDP_E_SETUP;
}

/* RFC 8866 section 5.7: a c= line at the session level or in every section. */
static const struct hws_sdp_section *find_unconnected(const struct hws_sdp_draft *draft)
{
    for (size_t i = 0; !draft->session.connection && i < draft->section_count; i++) {
        if (!draft->sections[i].level.connection) return &draft->sections[i];
    }
    return NULL;
}

enum hws_sdp_flaw hws_sdp_check_draft(struct hws_sdp_draft *draft, struct hws_sdp_finding *out)
{
    const struct hws_sdp_section *unconnected = find_unconnected(draft);
    const struct hws_sdp_section *crowded = find_crowded(draft);

    draft->line = 0;
    if (unconnected) {
        draft->line = unconnected->level.first_line;
        return HWS_SDP_E_CONNECTION;
    }
    if (crowded) {
        draft->line = crowded->level.first_line;
        return HWS_SDP_E_MLINE;
    }
    if (!are_bundles_sound(draft)) return HWS_SDP_E_BUNDLE;
    if (!find_data(draft, out)) return HWS_SDP_E_NO_DATA;
    out->bundled = find_tagged(draft, out->data, &out->tagged);
    draft->line = out->data->level.first_line;
    return check_data(draft, out);
}

/* ---- The result. Everything below has been checked. */

/* RFC 9429 section 5.8.1 has tags with spaces between; an old libdatachannel put commas. */
static bool has_option(struct hws_bytes options, const char *tag)
{
    while (options.len > 0) {
        size_t space = hws_text_find(options, ' '), comma = hws_text_find(options, ',');
        struct hws_bytes one = {options.data, space < comma ? space : comma};

        if (hws_text_is(one, tag)) return true;
        options = hws_text_after(options, one.len < options.len ? one.len + 1 : one.len);
    }
    return false;
}

/* Strongest first; those of the same hash in their order. The weakest fall off the end. */
static void fill_fingerprints(struct hws_bytes lines, struct hws_sdp *out)
{
    struct hws_fingerprint fingerprint;
    struct hws_bytes value;
    bool usable;

    while (hws_sdp_next_value(&lines, HWS_MANY_FINGERPRINT, &value)) {
        struct hws_fingerprint *list = out->fingerprints;
        size_t at = out->fingerprint_count;

        if (hws_fingerprint_read(value, &fingerprint, &usable) || !usable) continue;
        while (at > 0 && list[at - 1].hash < fingerprint.hash) {
            at--;
        }
        if (at == HWS_FINGERPRINT_LIST) continue;
        if (out->fingerprint_count < HWS_FINGERPRINT_LIST) out->fingerprint_count++;
        memmove(&list[at + 1], &list[at], (out->fingerprint_count - at - 1) * sizeof(list[0]));
        list[at] = fingerprint;
    }
}

static void fill_candidates(struct hws_bytes lines, struct hws_sdp *out)
{
    enum hws_candidate_verdict verdict;
    struct hws_candidate candidate;
    struct hws_bytes value;

    while (hws_sdp_next_value(&lines, HWS_MANY_CANDIDATE, &value)) {
        if (hws_candidate_read_value(value, 0, &candidate, &verdict)) continue;
        if (verdict == HWS_CANDIDATE_USABLE && out->candidate_count < HWS_ICE_REMOTE_MAX)
            out->candidates[out->candidate_count++] = candidate;
        if (verdict == HWS_CANDIDATE_TCP && candidate.tcp_type == HWS_TCP_PASSIVE &&
            out->tcp_candidate_count < HWS_ICE_STREAMS_MAX)
            out->tcp_candidates[out->tcp_candidate_count++] = candidate;
    }
}

static void fill_media(const struct hws_sdp_draft *draft, struct hws_sdp *out)
{
    for (size_t i = 0; i < draft->section_count; i++) {
        const struct hws_sdp_section *section = &draft->sections[i];
        struct hws_sdp_media *media = &out->media[i];
        struct hws_bytes formats = section->m.formats;

        if (i == out->media_index) continue;
        /* Any part of the list will do to reject it: cut between two formats. */
        if (formats.len >= HWS_SDP_FORMAT_MAX) {
            formats.len = HWS_SDP_FORMAT_MAX - 1;
            while (formats.len > 0 && section->m.formats.data[formats.len] != ' ') {
                formats.len--;
            }
        }
        hws_text_copy(section->m.media, media->media, sizeof(media->media));
        hws_text_copy(section->m.proto, media->proto, sizeof(media->proto));
        hws_text_copy(formats, media->formats, sizeof(media->formats));
        hws_text_copy(hws_sdp_mid_of(section), media->mid, sizeof(media->mid));
    }
}

static void fill_transport(const struct hws_sdp_draft *draft, const struct hws_sdp_finding *finding,
                           struct hws_sdp *out)
{
    struct hws_bytes tls_id;

    hws_text_copy(pick(draft, finding, HWS_SINGLE_UFRAG), out->ufrag, sizeof(out->ufrag));
    hws_text_copy(pick(draft, finding, HWS_SINGLE_PWD), out->pwd, sizeof(out->pwd));
    out->ice_lite = draft->session.single[HWS_SINGLE_ICE_LITE].data != NULL;
    out->trickle = has_option(pick(draft, finding, HWS_SINGLE_ICE_OPTIONS), "trickle");
    out->renomination = has_option(pick(draft, finding, HWS_SINGLE_ICE_OPTIONS), "renomination");
    out->setup = finding->setup;
    tls_id = pick(draft, finding, HWS_SINGLE_TLS_ID);
    if (tls_id.len > HWS_TLS_ID_MAX) tls_id.len = HWS_TLS_ID_MAX;
    hws_text_copy(tls_id, out->tls_id, sizeof(out->tls_id));
    fill_fingerprints(pick_fingerprints(draft, finding), out);
    fill_candidates(finding->data->level.lines, out);
    if (is_lent(finding)) fill_candidates(finding->tagged->level.lines, out);
    out->end_of_candidates = has_end(draft, finding);
}

void hws_sdp_fill(const struct hws_sdp_draft *draft, const struct hws_sdp_finding *finding,
                  struct hws_sdp *out)
{
    struct hws_bytes size = *single(finding->data, HWS_SINGLE_MAX_MESSAGE_SIZE);

    memset(out, 0, sizeof(*out));
    out->type = draft->type;
    out->session_id = draft->session_id;
    out->session_version = draft->session_version;
    hws_text_copy(hws_sdp_mid_of(finding->data), out->mid, sizeof(out->mid));
    out->proto = finding->proto;
    out->sctp_port = finding->sctp_port;
    if (!hws_text_saturated(size, &out->max_message_size))
        out->max_message_size = HWS_MAX_MESSAGE_SIZE_ABSENT;
    out->rejected = finding->rejected;
    out->bundled = finding->bundled;
    out->media_index = (size_t)(finding->data - draft->sections);
    out->media_count = draft->section_count;
    fill_media(draft, out);
    fill_transport(draft, finding, out);
}
