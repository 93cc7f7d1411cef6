/*
 * Any datagram: the readers must end and stay inside it. What the STUN reader took is written back,
 * read again and must be the same; ChannelData likewise. The keyed hash of a message from nowhere
 * must not be right.
 */
#include "base/address.h"
#include "base/bytes.h"
#include "stun/channel_data.h"
#include "stun/stun_reader.h"
#include "stun/stun_writer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BACK_MAX = 80 * 1024 };

static void require(bool holds)
{
    if (!holds) abort();
}

/* What is handed out lies inside the datagram. */
static void require_inside(struct hws_bytes part, struct hws_bytes whole)
{
    if (!part.data) {
        require(part.len == 0);
        return;
    }
    require(part.data >= whole.data && part.len <= whole.len);
    require((size_t)(part.data - whole.data) <= whole.len - part.len);
}

struct part {
    uint16_t type;
    struct hws_bytes value;
};

enum { PART_COUNT = 11 };

static void parts_of(const struct hws_stun_message *m, struct part out[PART_COUNT])
{
    const struct part parts[PART_COUNT] = {
        {HWS_STUN_USERNAME,            m->username           },
        {HWS_STUN_REALM,               m->realm              },
        {HWS_STUN_NONCE,               m->nonce              },
        {HWS_STUN_SOFTWARE,            m->software           },
        {HWS_STUN_USERHASH,            m->userhash           },
        {HWS_STUN_DATA_ATTR,           m->data               },
        {HWS_STUN_PASSWORD_ALGORITHMS, m->password_algorithms},
        {HWS_STUN_PASSWORD_ALGORITHM,  m->password_algorithm },
        {HWS_STUN_RESERVATION_TOKEN,   m->reservation_token  },
        {HWS_STUN_UNKNOWN_ATTRIBUTES,  m->unknown_list       },
        {0,                            m->reason             },
    };

    memcpy(out, parts, sizeof(parts));
}

static void add_addresses(struct hws_stun_writer *msg, const struct hws_stun_message *m)
{
    if (m->mapped.family) hws_stun_add_address(msg, HWS_STUN_MAPPED_ADDRESS, &m->mapped);
    if (m->alternate_server.family)
        hws_stun_add_address(msg, HWS_STUN_ALTERNATE_SERVER, &m->alternate_server);
    if (m->xor_mapped.family)
        hws_stun_add_xor_address(msg, HWS_STUN_XOR_MAPPED_ADDRESS, &m->xor_mapped);
    if (m->xor_peer.family) hws_stun_add_xor_address(msg, HWS_STUN_XOR_PEER_ADDRESS, &m->xor_peer);
    if (m->xor_relayed.family)
        hws_stun_add_xor_address(msg, HWS_STUN_XOR_RELAYED_ADDRESS, &m->xor_relayed);
}

static void add_error(struct hws_stun_writer *msg, const struct hws_stun_message *m)
{
    static uint8_t value[4 + UINT16_MAX];
    struct hws_writer out = hws_writer_over(value, sizeof(value));

    if (m->error_code == 0) return;
    hws_write_u16(&out, 0);
    hws_write_u8(&out, (uint8_t)(m->error_code / 100));
    hws_write_u8(&out, (uint8_t)(m->error_code % 100));
    hws_write_bytes(&out, m->reason); /* may be longer than hws_stun_add_error() allows */
    hws_stun_add_bytes(msg, HWS_STUN_ERROR_CODE, hws_written(&out));
}

static void add_numbers(struct hws_stun_writer *msg, const struct hws_stun_message *m)
{
    uint8_t even_port = m->reserve_next_port ? 0x80 : 0;

    if (m->has_ice_controlling) hws_stun_add_u64(msg, HWS_STUN_ICE_CONTROLLING, m->ice_controlling);
    if (m->has_ice_controlled) hws_stun_add_u64(msg, HWS_STUN_ICE_CONTROLLED, m->ice_controlled);
    if (m->has_priority) hws_stun_add_u32(msg, HWS_STUN_PRIORITY, m->priority);
    if (m->has_lifetime) hws_stun_add_u32(msg, HWS_STUN_LIFETIME, m->lifetime);
    if (m->channel) hws_stun_add_u32(msg, HWS_STUN_CHANNEL_NUMBER, (uint32_t)m->channel << 16);
    if (m->requested_transport)
        hws_stun_add_u32(msg, HWS_STUN_REQUESTED_TRANSPORT, (uint32_t)m->requested_transport << 24);
    if (m->requested_family)
        hws_stun_add_u32(msg, HWS_STUN_REQUESTED_ADDRESS_FAMILY,
                         (uint32_t)m->requested_family << 24);
    if (m->has_even_port)
        hws_stun_add_bytes(msg, HWS_STUN_EVEN_PORT, (struct hws_bytes){&even_port, 1});
    if (m->dont_fragment) hws_stun_add_flag(msg, HWS_STUN_DONT_FRAGMENT);
    if (m->use_candidate) hws_stun_add_flag(msg, HWS_STUN_USE_CANDIDATE);
    for (size_t i = 0; i < m->unknown_required_count; i++) {
        hws_stun_add_flag(msg, m->unknown_required[i]);
    }
}

/* The message again, from what was understood of it. */
static struct hws_bytes write_back(const struct hws_stun_message *m)
{
    static uint8_t buffer[BACK_MAX];
    struct hws_stun_writer msg =
        hws_stun_begin(buffer, sizeof(buffer), m->msg_class, m->method, m->transaction);
    struct hws_bytes whole = {0};
    struct part parts[PART_COUNT];

    parts_of(m, parts);
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (parts[i].type != 0 && parts[i].value.data)
            hws_stun_add_bytes(&msg, parts[i].type, parts[i].value);
    }
    add_error(&msg, m);
    add_addresses(&msg, m);
    add_numbers(&msg, m);
    if (m->integrity.data) hws_stun_add_bytes(&msg, HWS_STUN_MESSAGE_INTEGRITY, m->integrity);
    if (m->integrity_sha256.data)
        hws_stun_add_bytes(&msg, HWS_STUN_MESSAGE_INTEGRITY_SHA256, m->integrity_sha256);
    if (m->has_fingerprint) hws_stun_add_fingerprint(&msg);
    require(hws_stun_end(&msg, &whole) == HWS_OK);
    return whole;
}

static void require_same_part(struct hws_bytes a, struct hws_bytes b)
{
    require((a.data == NULL) == (b.data == NULL));
    require(hws_bytes_equal(a, b));
}

static void require_same(const struct hws_stun_message *a, const struct hws_stun_message *b)
{
    struct part parts_a[PART_COUNT], parts_b[PART_COUNT];

    parts_of(a, parts_a);
    parts_of(b, parts_b);
    for (size_t i = 0; i < PART_COUNT; i++) {
        require_same_part(parts_a[i].value, parts_b[i].value);
    }
    require_same_part(a->integrity, b->integrity);
    require_same_part(a->integrity_sha256, b->integrity_sha256);
    require(a->msg_class == b->msg_class && a->method == b->method);
    require(memcmp(a->transaction, b->transaction, HWS_STUN_TID_LEN) == 0);
    require(hws_address_equal(&a->mapped, &b->mapped));
    require(hws_address_equal(&a->alternate_server, &b->alternate_server));
    require(hws_address_equal(&a->xor_mapped, &b->xor_mapped));
    require(hws_address_equal(&a->xor_peer, &b->xor_peer));
    require(hws_address_equal(&a->xor_relayed, &b->xor_relayed));
    require(a->has_ice_controlling == b->has_ice_controlling);
    require(a->has_ice_controlled == b->has_ice_controlled);
    require(a->ice_controlling == b->ice_controlling && a->ice_controlled == b->ice_controlled);
    require(a->has_priority == b->has_priority && a->priority == b->priority);
    require(a->has_lifetime == b->has_lifetime && a->lifetime == b->lifetime);
    require(a->channel == b->channel && a->error_code == b->error_code);
    require(a->requested_transport == b->requested_transport);
    require(a->requested_family == b->requested_family);
    require(a->has_even_port == b->has_even_port);
    require(a->reserve_next_port == b->reserve_next_port);
    require(a->dont_fragment == b->dont_fragment && a->use_candidate == b->use_candidate);
    require(a->has_fingerprint == b->has_fingerprint);
    require(a->unknown_required_count == b->unknown_required_count);
    require(memcmp(a->unknown_required, b->unknown_required, sizeof(a->unknown_required)) == 0);
}

static void try_stun(struct hws_bytes datagram)
{
    static const uint8_t key[20] = "not known to anybody";
    struct hws_stun_message m, again;
    struct part parts[PART_COUNT];
    enum hws_stun_flaw flaw;
    enum hws_err err = hws_stun_read(datagram, &m, &flaw);

    require((err == HWS_OK) == (flaw == HWS_STUN_SOUND));
    if (err) return;
    parts_of(&m, parts);
    for (size_t i = 0; i < PART_COUNT; i++) {
        require_inside(parts[i].value, datagram);
    }
    require_inside(m.integrity, datagram);
    require_inside(m.integrity_sha256, datagram);
    require(m.unknown_required_count <= HWS_STUN_UNKNOWN_MAX);
    require(hws_stun_verify(&m, (struct hws_bytes){key, sizeof(key)}) != HWS_STUN_INTEGRITY_OK);
    require(hws_stun_read(write_back(&m), &again, NULL) == HWS_OK);
    require_same(&m, &again);
}

static void try_channel_data(struct hws_bytes datagram)
{
    static uint8_t buffer[BACK_MAX];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    struct hws_channel_data view, again;
    size_t len;

    if (hws_stream_message_len(datagram, &len) == HWS_OK) require(len % 4 == 0 && len >= 4);
    if (hws_channel_data_read(datagram, &view, NULL)) return;
    require_inside(view.data, datagram);
    require(hws_channel_data_write(&out, view.channel, view.data, true) == HWS_OK);
    require(hws_stream_message_len(hws_written(&out), &len) == HWS_OK && len == out.len);
    require(hws_channel_data_read(hws_written(&out), &again, NULL) == HWS_OK);
    require(again.channel == view.channel && hws_bytes_equal(again.data, view.data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hws_bytes datagram = {data, size};

    try_stun(datagram);
    try_channel_data(datagram);
    return 0;
}
