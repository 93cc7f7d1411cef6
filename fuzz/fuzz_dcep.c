/*
 * Any message on any stream: the first byte picks the state, the second the payload protocol id,
 * the rest is the message. An OPEN that was taken is written back and must be byte for byte the
 * same, but for the parameter of a reliable channel.
 */
#include "sctp/dcep.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

/* What is handed out lies inside the message. */
static void require_inside(struct hws_bytes part, struct hws_bytes whole)
{
    if (part.len == 0) return;
    require(part.data >= whole.data && part.len <= whole.len);
    require((size_t)(part.data - whole.data) <= whole.len - part.len);
}

static void try_open(struct hws_bytes payload)
{
    static uint8_t buffer[2 * UINT16_MAX + 12];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    struct hws_dcep_open open;

    if (hws_dcep_read_open(payload, &open)) return;
    require_inside(open.label, payload);
    require_inside(open.protocol, payload);
    require(hws_is_utf8(open.label) && hws_is_utf8(open.protocol));
    require(open.reliability <= HWS_MAX_LIFETIME);
    hws_dcep_write_open(&out, &open);
    require(!out.failed && out.len == payload.len);
    require(memcmp(buffer, payload.data, 4) == 0);
    require(memcmp(buffer + 8, payload.data + 8, payload.len - 8) == 0);
    if (open.reliability != HWS_RELIABLE) require(memcmp(buffer + 4, payload.data + 4, 4) == 0);
}

static void try_judge(enum hws_dcep_stream stream, uint32_t ppid, struct hws_bytes payload)
{
    struct hws_dcep_verdict verdict = hws_dcep_judge(stream, ppid, payload);
    bool is_message =
        verdict.action == HWS_DCEP_MESSAGE_STRING || verdict.action == HWS_DCEP_MESSAGE_BINARY;

    require_inside(verdict.data, payload);
    require(!verdict.opens || (is_message && stream == HWS_STREAM_OPENING));
    require((verdict.action == HWS_DCEP_OPENED) <= (stream == HWS_STREAM_OPENING));
    require((verdict.action == HWS_DCEP_ACCEPT) <= (stream == HWS_STREAM_UNUSED));
    require(!is_message || stream == HWS_STREAM_OPENING || stream == HWS_STREAM_OPEN);
    require((stream == HWS_STREAM_CLOSING) <= (verdict.action == HWS_DCEP_DROP));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hws_bytes payload;

    if (size < 2) return 0;
    payload = (struct hws_bytes){data + 2, size - 2};
    try_open(payload);
    try_judge((enum hws_dcep_stream)(data[0] % 5), data[1], payload);
    return 0;
}
