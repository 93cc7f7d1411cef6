/* Pcapng blocks (draft-ietf-opsawg-pcapng). The magic number of a section says its byte order, and
 * ours is the network's, so that everything is written through struct hws_writer.
 *
 *     section header | interface "wire" | interface "sctp" | packet | packet | ...
 */
#include "io/pcap.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "base/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER = 64 * 1024,
    /* Block header, IP and UDP headers, options, padding: about 100 bytes. */
    PACKET_ROOM = HWS_DATAGRAM_IN_MAX + 256,

    SECTION_HEADER = 0x0A0D0D0A,
    ORDER_MAGIC = 0x1A2B3C4D,
    INTERFACE = 1,
    ENHANCED_PACKET = 6,
    LINKTYPE_RAW = 101, /* begins with an IP header of either version */

    OPTION_END = 0,
    SECTION_APPLICATION = 4,
    INTERFACE_NAME = 2,
    PACKET_FLAGS = 2,
    FLAG_INBOUND = 1,
    FLAG_OUTBOUND = 2,

    PROTOCOL_UDP = 17,
    PROTOCOL_SCTP = 132,
    HOPS = 64,
    DO_NOT_FRAGMENT = 0x4000,
};

#define FLUSH_AFTER HWS_SEC(1)

_Static_assert((int)BUFFER >= 2 * (int)PACKET_ROOM, "a packet must fit beside another");

struct hws_pcap {
    int fd;
    hws_time wall;
    hws_time flushed_at; /* when the buffer was last empty, on the taps' clock */
    bool broken;         /* it was told: nothing is written any more */
    void (*failed)(void *user, int error);
    void *user;
    struct hws_writer out; /* over data: what waits */
    uint8_t data[BUFFER];
};

hws_time hws_pcap_wall(void)
{
    struct timespec wall, steady;

    if (clock_gettime(CLOCK_REALTIME, &wall) || clock_gettime(CLOCK_MONOTONIC, &steady)) return 0;
    return HWS_SEC(wall.tv_sec - steady.tv_sec) + (wall.tv_nsec - steady.tv_nsec) / 1000;
}

/* ---- The file */

static void give_up(struct hws_pcap *pcap, int error)
{
    pcap->broken = true;
    pcap->out.len = 0;
    if (pcap->failed) pcap->failed(pcap->user, error);
}

void hws_pcap_flush(struct hws_pcap *pcap)
{
    size_t done = 0;

    while (done < pcap->out.len) {
        ssize_t got = write(pcap->fd, pcap->data + done, pcap->out.len - done);

        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            give_up(pcap, got < 0 ? errno : EIO);
            return;
        }
        done += (size_t)got;
    }
    pcap->out.len = 0;
}

/* ---- Blocks: type, length, content, length again, all in multiples of four */

static size_t begin_block(struct hws_writer *out, uint32_t type)
{
    size_t at = out->len;

    hws_write_u32(out, type);
    hws_write_u32(out, 0);
    return at;
}

static void pad(struct hws_writer *out)
{
    hws_write_zeros(out, (4 - out->len % 4) % 4);
}

static void end_block(struct hws_writer *out, size_t at)
{
    size_t len = out->len - at + 4;

    hws_write_u32(out, (uint32_t)len);
    hws_patch_u16(out, at + 4, (uint16_t)(len >> 16));
    hws_patch_u16(out, at + 6, (uint16_t)len);
}

static void write_option(struct hws_writer *out, uint16_t code, struct hws_bytes value)
{
    hws_write_u16(out, code);
    hws_write_u16(out, (uint16_t)value.len);
    hws_write_bytes(out, value);
    pad(out);
}

static void write_section(struct hws_writer *out, const char *application)
{
    size_t at = begin_block(out, SECTION_HEADER);

    hws_write_u32(out, ORDER_MAGIC);
    hws_write_u16(out, 1); /* version 1.0 */
    hws_write_u16(out, 0);
    hws_write_u64(out, UINT64_MAX); /* length not known */
    if (application) {
        struct hws_bytes text = {(const uint8_t *)application, strnlen(application, 255)};

        write_option(out, SECTION_APPLICATION, text);
        write_option(out, OPTION_END, (struct hws_bytes){0});
    }
    end_block(out, at);
}

static void write_interface(struct hws_writer *out, const char *name)
{
    size_t at = begin_block(out, INTERFACE);

    hws_write_u16(out, LINKTYPE_RAW);
    hws_write_u16(out, 0);
    hws_write_u32(out, 0); /* packets are whole; times are microseconds, which is the default */
    write_option(out, INTERFACE_NAME, (struct hws_bytes){(const uint8_t *)name, strlen(name)});
    write_option(out, OPTION_END, (struct hws_bytes){0});
    end_block(out, at);
}

/* ---- Packets: the headers that the payload had, or would have had */

static uint32_t add_words(uint32_t sum, struct hws_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        sum += i % 2 ? bytes.data[i] : (uint32_t)bytes.data[i] << 8;
    }
    return sum;
}

/* The Internet checksum, RFC 1071 section 1. */
static uint16_t fold(uint32_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static void write_ip4(struct hws_writer *out, const struct hws_address *from,
                      const struct hws_address *to, uint8_t protocol, size_t len)
{
    size_t at = out->len;

    hws_write_u8(out, 0x45); /* version 4, five words */
    hws_write_u8(out, 0);
    hws_write_u16(out, (uint16_t)(20 + len));
    hws_write_u16(out, 0);
    hws_write_u16(out, DO_NOT_FRAGMENT);
    hws_write_u8(out, HOPS);
    hws_write_u8(out, protocol);
    hws_write_u16(out, 0);
    hws_write_bytes(out, (struct hws_bytes){from->ip, 4});
    hws_write_bytes(out, (struct hws_bytes){to->ip, 4});
    hws_patch_u16(out, at + 10, fold(add_words(0, (struct hws_bytes){out->data + at, 20})));
}

static void write_ip6(struct hws_writer *out, const struct hws_address *from,
                      const struct hws_address *to, uint8_t protocol, size_t len)
{
    hws_write_u32(out, 0x60000000);
    hws_write_u16(out, (uint16_t)len);
    hws_write_u8(out, protocol);
    hws_write_u8(out, HOPS);
    hws_write_bytes(out, (struct hws_bytes){from->ip, 16});
    hws_write_bytes(out, (struct hws_bytes){to->ip, 16});
}

/* Over IPv4 there need be no checksum; RFC 8200 section 8.1 demands one over IPv6. */
static void write_udp(struct hws_writer *out, const struct hws_address *from,
                      const struct hws_address *to, struct hws_bytes payload)
{
    uint16_t len = (uint16_t)(8 + payload.len), sum = 0;

    if (from->family == HWS_FAMILY_IP6) {
        uint32_t words = add_words(0, (struct hws_bytes){from->ip, 16});

        words = add_words(words, (struct hws_bytes){to->ip, 16});
        sum = fold(add_words(words + PROTOCOL_UDP + 2u * len + from->port + to->port, payload));
        if (sum == 0) sum = 0xFFFF;
    }
    hws_write_u16(out, from->port);
    hws_write_u16(out, to->port);
    hws_write_u16(out, len);
    hws_write_u16(out, sum);
}

static void write_headers(struct hws_writer *out, enum hws_tap_layer layer,
                          const struct hws_address *from, const struct hws_address *to,
                          struct hws_bytes payload)
{
    bool udp = layer == HWS_TAP_WIRE;
    size_t len = payload.len + (udp ? 8 : 0);
    uint8_t protocol = udp ? PROTOCOL_UDP : PROTOCOL_SCTP;

    /* Without a path there is no address: zeros, as IPv4. */
    if (from->family == HWS_FAMILY_IP6) {
        write_ip6(out, from, to, protocol, len);
    } else {
        write_ip4(out, from, to, protocol, len);
    }
    if (udp) write_udp(out, from, to, payload);
}

static void write_packet(struct hws_writer *out, enum hws_tap_layer layer, bool sent,
                         const struct hws_datagram *packet, uint64_t when)
{
    const struct hws_address *from = sent ? &packet->local : &packet->remote;
    const struct hws_address *to = sent ? &packet->remote : &packet->local;
    const uint8_t flags[4] = {0, 0, 0, sent ? FLAG_OUTBOUND : FLAG_INBOUND};
    size_t at = begin_block(out, ENHANCED_PACKET), lengths, begin, len;

    hws_write_u32(out, layer == HWS_TAP_WIRE ? 0 : 1);
    hws_write_u32(out, (uint32_t)(when >> 32));
    hws_write_u32(out, (uint32_t)when);
    lengths = out->len;
    hws_write_zeros(out, 8); /* captured and original */
    begin = out->len;
    write_headers(out, layer, from, to, packet->bytes);
    hws_write_bytes(out, packet->bytes);
    len = out->len - begin;
    hws_patch_u16(out, lengths + 2, (uint16_t)len);
    hws_patch_u16(out, lengths + 6, (uint16_t)len);
    pad(out);
    write_option(out, PACKET_FLAGS, (struct hws_bytes){flags, sizeof(flags)});
    write_option(out, OPTION_END, (struct hws_bytes){0});
    end_block(out, at);
}

static void take_packet(void *user, enum hws_tap_layer layer, bool sent,
                        const struct hws_datagram *packet, hws_time now)
{
    struct hws_pcap *pcap = user;

    /* What is longer no machine of ours reads, so there is no more to it than its length. */
    if (pcap->broken || packet->bytes.len > HWS_DATAGRAM_IN_MAX) return;
    if (pcap->out.cap - pcap->out.len < PACKET_ROOM) hws_pcap_flush(pcap);
    if (pcap->broken) return;
    write_packet(&pcap->out, layer, sent, packet, (uint64_t)(now + pcap->wall));
    if (now - pcap->flushed_at < FLUSH_AFTER) return;
    hws_pcap_flush(pcap);
    pcap->flushed_at = now;
}

/* ---- Life */

/* Nobody else reads it, also when the file was there before. A pipe or a device stays as it is. */
static int open_private(const char *path, int *out_fd)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR), error = 0;
    struct stat info;

    if (fd < 0) return errno;
    if (fstat(fd, &info) || (S_ISREG(info.st_mode) && fchmod(fd, S_IRUSR | S_IWUSR))) error = errno;
    if (error) {
        close(fd);
    } else {
        *out_fd = fd;
    }
    return error;
}

enum hws_err hws_pcap_open(const struct hws_pcap_config *config, struct hws_pcap **out,
                           int *out_errno)
{
    struct hws_pcap *pcap = calloc(1, sizeof(*pcap));
    int error = pcap ? open_private(config->path, &pcap->fd) : 0;

    if (!pcap) return HWS_ERR_NO_MEMORY;
    if (error) {
        free(pcap);
        if (out_errno) *out_errno = error;
        return HWS_ERR_IO;
    }
    pcap->wall = config->wall;
    pcap->failed = config->failed;
    pcap->user = config->user;
    pcap->out = hws_writer_over(pcap->data, sizeof(pcap->data));
    write_section(&pcap->out, config->application);
    write_interface(&pcap->out, "wire");
    write_interface(&pcap->out, "sctp");
    *out = pcap;
    return HWS_OK;
}

struct hws_tap hws_pcap_tap(struct hws_pcap *pcap)
{
    return (struct hws_tap){.packet = take_packet, .user = pcap};
}

void hws_pcap_close(struct hws_pcap *pcap)
{
    if (!pcap) return;
    hws_pcap_flush(pcap);
    close(pcap->fd);
    hws_wipe(pcap, sizeof(*pcap)); /* plain text may have waited in it */
    free(pcap);
}
