/* Any text as a candidate. What the reader took is written, read again and must be the same. */
#include "base/bytes.h"
#include "sdp/candidate.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void require_same(const struct hws_candidate *a, const struct hws_candidate *b)
{
    require(a->type == b->type && a->tcp_type == b->tcp_type && a->priority == b->priority);
    require(hws_address_equal(&a->addr, &b->addr));
    /* A missing related address is written as 0.0.0.0 where there must be one. */
    require(a->related.family == HWS_FAMILY_NONE || hws_address_equal(&a->related, &b->related));
    require(strcmp(a->foundation, b->foundation) == 0 && strcmp(a->mdns, b->mdns) == 0);
    require(strcmp(a->ufrag, b->ufrag) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t buffer[HWS_CANDIDATE_TEXT_MAX];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    struct hws_candidate once, twice;
    enum hws_candidate_verdict verdict;

    memset(&once, 0xAA, sizeof(once));
    memcpy(&twice, &once, sizeof(once));
    if (hws_candidate_read((struct hws_bytes){data, size}, &once, &verdict) ||
        (verdict != HWS_CANDIDATE_USABLE && verdict != HWS_CANDIDATE_TCP)) {
        require(memcmp(&once, &twice, sizeof(once)) == 0);
        return 0;
    }
    require(hws_candidate_is_sound(&once));
    require(once.mdns[0] ? once.addr.port != 0 : hws_address_is_reachable(&once.addr));
    hws_candidate_write(&out, &once);
    require(!out.failed);
    require(hws_candidate_read(hws_written(&out), &twice, &verdict) == HWS_OK);
    require(verdict == (once.addr.tcp ? HWS_CANDIDATE_TCP : HWS_CANDIDATE_USABLE));
    require_same(&once, &twice);
    return 0;
}
