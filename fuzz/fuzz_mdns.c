/* Any datagram to a host that asks for a name and answers for one. */
#include "mdns/mdns.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char asked[] = "11111111-2222-4333-8444-555555555555.local";
static const char own[] = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee.local";

static void require(bool holds)
{
    if (!holds) abort();
}

/* Whatever we say can be read again, and is about our name. */
static void check_packets(struct hws_mdns *mdns)
{
    struct hws_mdns_packet packet;
    struct hws_mdns_reader reader;
    struct hws_mdns_entry entry;

    while (hws_mdns_next_packet(mdns, &packet)) {
        require(hws_mdns_open((struct hws_bytes){packet.data, packet.len}, &reader) == HWS_OK);
        require(hws_mdns_next(&reader, &entry) && entry.name[0]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct hws_address here = {
        .ip = {198, 18, 0, 1},
          .family = HWS_FAMILY_IP4
    };
    const struct hws_address from = {
        .ip = {198, 18, 0, 2},
          .port = size % 2 ? 5353 : 40000, .family = HWS_FAMILY_IP4
    };
    struct hws_mdns_result result;
    struct hws_mdns *mdns;

    require(hws_mdns_new(&mdns) == HWS_OK);
    require(hws_mdns_ask(mdns, asked, NULL, 0) == HWS_OK);
    require(hws_mdns_publish(mdns, own, &here) == HWS_OK);
    check_packets(mdns);
    (void)!hws_mdns_feed(mdns, (struct hws_bytes){data, size}, &from);
    check_packets(mdns);
    if (hws_mdns_next_result(mdns, &result)) require(result.addr.family != HWS_FAMILY_NONE);
    hws_mdns_tick(mdns, HWS_SEC(5));
    hws_mdns_free(mdns);
    return 0;
}
