#include "base/bytes.h"
#include "distributor/bus.h"

/*
 *   0   1      2      3       4         12         20       28      36       44    48
 *   'H' kind   event  status  session   instance   worker   epoch   number   len   bytes
 *
 * Network byte order. The kind's upper half is the version, 0.
 */
enum { MAGIC = 'H', STATUS_MAX = 16 };

static uint64_t read_u64(struct hws_cursor *cur)
{
    uint64_t high = hws_read_u32(cur);

    return high << 32 | hws_read_u32(cur);
}

enum hws_err hws_bus_frame_read(struct hws_bytes bytes, struct hws_bus_frame *out)
{
    struct hws_cursor cur = hws_cursor_over(bytes);
    struct hws_bus_frame frame;
    uint8_t magic = hws_read_u8(&cur);
    uint8_t kind = hws_read_u8(&cur);
    uint8_t event = hws_read_u8(&cur);

    frame.kind = (enum hws_bus_frame_kind)kind;
    frame.event = (enum hws_rtc_event)event;
    frame.status = hws_read_u8(&cur);
    frame.session = read_u64(&cur);
    frame.instance = read_u64(&cur);
    frame.worker = (int64_t)read_u64(&cur);
    frame.epoch = read_u64(&cur);
    frame.number = read_u64(&cur);
    frame.bytes = hws_read_bytes(&cur, hws_read_u32(&cur));
    if (!hws_cursor_done(&cur) || magic != MAGIC || frame.bytes.len > HWS_ENVELOPE_MAX ||
        event >= HWS_RTC_EVENT_COUNT || frame.status > STATUS_MAX || kind < HWS_BUS_RELAY ||
        kind > HWS_BUS_END) {
        return HWS_ERR_MALFORMED;
    }
    *out = frame;
    return HWS_OK;
}

void hws_bus_frame_write(struct hws_writer *out, const struct hws_bus_frame *frame)
{
    hws_write_u8(out, MAGIC);
    hws_write_u8(out, (uint8_t)frame->kind);
    hws_write_u8(out, (uint8_t)frame->event);
    hws_write_u8(out, frame->status);
    hws_write_u64(out, frame->session);
    hws_write_u64(out, frame->instance);
    hws_write_u64(out, (uint64_t)frame->worker);
    hws_write_u64(out, frame->epoch);
    hws_write_u64(out, frame->number);
    hws_write_u32(out, (uint32_t)frame->bytes.len);
    hws_write_bytes(out, frame->bytes);
}
