/*
 * Any payload, as the description ("o", "a") or candidate (any other) that its first byte names:
 * what is taken is free of NULs, and reads back the same after it was written.
 */
#include "base/bytes.h"
#include "signal/payload.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Longer than any payload that can be read: each byte of text may become six of JSON. */
static uint8_t again[6 * HWS_DESCRIPTION_MAX + 1024];

static void require(bool holds)
{
    if (!holds) abort();
}

static void try_description(struct hws_bytes json, enum hws_description_type type)
{
    struct hws_writer out = hws_writer_over(again, sizeof(again));
    struct hws_payload payload;
    struct hws_payload copy;

    if (hws_payload_read_description(json, type, &payload, NULL)) return;
    require(strlen(payload.text) == payload.len && payload.len <= HWS_DESCRIPTION_MAX);
    require(hws_payload_write_description(&out, type, hws_bytes_of(payload.text)) == HWS_OK);
    if (out.len <= HWS_PAYLOAD_MAX) {
        require(hws_payload_read_description(hws_written(&out), type, &copy, NULL) == HWS_OK);
        require(strcmp(copy.text, payload.text) == 0);
        hws_payload_fini(&copy);
    }
    hws_payload_fini(&payload);
}

static void try_candidate(struct hws_bytes json)
{
    struct hws_writer out = hws_writer_over(again, sizeof(again));
    struct hws_payload payload;
    struct hws_payload copy;

    if (hws_payload_read_candidate(json, &payload, NULL)) return;
    require(strlen(payload.text) == payload.len && payload.len <= HWS_CANDIDATE_TEXT_MAX);
    require(payload.len == 0 || strncmp(payload.text, "candidate:", 10) == 0);
    require(!strpbrk(payload.text, "\r\n"));
    require(hws_payload_write_candidate(&out, payload.form, hws_bytes_of(payload.text), payload.mid,
                                        payload.ufrag) == HWS_OK);
    require(hws_payload_read_candidate(hws_written(&out), &copy, NULL) == HWS_OK);
    require(strcmp(copy.text, payload.text) == 0);
    hws_payload_fini(&copy);
    hws_payload_fini(&payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hws_bytes json;

    if (size == 0) return 0;
    json = (struct hws_bytes){data + 1, size - 1};
    if (data[0] == 'o') {
        try_description(json, HWS_DESCRIPTION_OFFER);
    } else if (data[0] == 'a') {
        try_description(json, HWS_DESCRIPTION_ANSWER);
    } else {
        try_candidate(json);
    }
    return 0;
}
