/*
 * Any text as an offer and as an answer. What the reader took is written, read again and must be
 * the same; what it refused left the result alone and has a flaw with a name.
 */
#include "base/bytes.h"
#include "sdp/sdp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hws_sdp once, twice;

static void require(bool holds)
{
    if (!holds) abort();
}

static void require_same_candidates(void)
{
    require(once.candidate_count == twice.candidate_count);
    for (size_t i = 0; i < once.candidate_count; i++) {
        const struct hws_candidate *a = &once.candidates[i], *b = &twice.candidates[i];

        require(a->type == b->type && a->priority == b->priority);
        require(hws_address_equal(&a->addr, &b->addr));
        /* A missing related address is written as 0.0.0.0 where there must be one. */
        require(a->related.family == HWS_FAMILY_NONE ||
                hws_address_equal(&a->related, &b->related));
        require(strcmp(a->foundation, b->foundation) == 0 && strcmp(a->mdns, b->mdns) == 0);
        require(strcmp(a->ufrag, b->ufrag) == 0);
    }
}

static void require_same_transport(void)
{
    uint64_t size = once.max_message_size < 0x7FFFFFFF ? once.max_message_size : 0x7FFFFFFF;
    bool bundled = once.type == HWS_SDP_OFFER ? once.mid[0] != '\0' : once.bundled;

    require(strcmp(once.ufrag, twice.ufrag) == 0 && strcmp(once.pwd, twice.pwd) == 0);
    require(once.trickle == twice.trickle && once.setup == twice.setup);
    require(once.end_of_candidates == twice.end_of_candidates);
    require(once.fingerprint_count == twice.fingerprint_count);
    require(memcmp(once.fingerprints, twice.fingerprints, sizeof(once.fingerprints)) == 0);
    require(once.sctp_port == twice.sctp_port);
    require(twice.max_message_size == size && twice.bundled == bundled);
    require_same_candidates();
}

static void require_same(void)
{
    require(once.type == twice.type);
    require(once.session_id == twice.session_id);
    require(once.session_version == twice.session_version);
    require(once.ice_lite == twice.ice_lite && once.rejected == twice.rejected);
    require(once.media_count == twice.media_count);
    /* Among sections that are all rejected, ours is a guess once their formats are left-overs. */
    if (once.rejected) return;
    require(strcmp(once.mid, twice.mid) == 0 && once.media_index == twice.media_index);
    require(once.proto == twice.proto);
    require(memcmp(once.media, twice.media, sizeof(once.media)) == 0);
    require_same_transport();
}

/* Is everything in the bounds that others rely on? */
static void require_bounds(void)
{
    require(once.media_count > 0 && once.media_count <= HWS_MEDIA_MAX);
    require(once.media_index < once.media_count);
    require(once.candidate_count <= HWS_ICE_REMOTE_MAX);
    require(once.fingerprint_count <= HWS_FINGERPRINT_LIST);
    if (once.rejected) return;
    require(strlen(once.ufrag) >= 4 && strlen(once.pwd) >= 22 && once.fingerprint_count > 0);
    require(once.type == HWS_SDP_OFFER || once.setup != HWS_SETUP_ACTPASS);
    for (size_t i = 1; i < once.fingerprint_count; i++) {
        require(once.fingerprints[i - 1].hash >= once.fingerprints[i].hash);
    }
}

static void try_as(enum hws_sdp_type type, struct hws_bytes text)
{
    static uint8_t buffer[4 * HWS_DESCRIPTION_MAX];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    struct hws_sdp_error error = {HWS_SDP_SOUND, 0};

    once.media_count = SIZE_MAX;
    if (hws_sdp_read(text, type, &once, &error)) {
        require(error.flaw > HWS_SDP_SOUND && error.flaw < HWS_SDP_FLAW_COUNT);
        require(once.media_count == SIZE_MAX);
        return;
    }
    require_bounds();
    require(hws_sdp_write(&out, &once) == HWS_OK);
    if (out.len > HWS_DESCRIPTION_MAX) return; /* line ends and such have made it too long */
    require(hws_sdp_read(hws_written(&out), type, &twice, NULL) == HWS_OK);
    require_same();
    (void)hws_sdp_answers(&twice, &once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hws_bytes text = {data, size};

    try_as(HWS_SDP_OFFER, text);
    try_as(HWS_SDP_ANSWER, text);
    return 0;
}
