/* The envelope reader. What it accepts, the writer has to give back as the same value. */
#include "base/bytes.h"
#include "signal/envelope.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[HWS_ENVELOPE_MAX + 64];
    enum hws_envelope_side side;
    struct hws_envelope first, second;
    struct hws_writer out = hws_writer_over(again, sizeof(again));
    const char *field = NULL;

    if (size == 0) return 0;
    side = data[0] & 1 ? HWS_SIDE_WORKER : HWS_SIDE_CLIENT;
    if (hws_envelope_read(side, (struct hws_bytes){data + 1, size - 1}, &first, &field)) {
        assert(field);
        return 0;
    }
    assert(first.event < HWS_RTC_EVENT_COUNT);
    hws_envelope_write(&out, side, &first);
    assert(!out.failed && out.len == hws_envelope_len(side, &first));
    assert(hws_envelope_read(side, hws_written(&out), &second, NULL) == HWS_OK);
    assert(first.worker == second.worker && first.event == second.event);
    assert(first.session == second.session && first.sequence == second.sequence);
    assert(hws_bytes_equal(first.payload, second.payload));
    return 0;
}
