/* The packet log, byte by byte. */
#include "base/limits.h"
#include "io/pcap.h"
#include "support/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "check_pcap.pcapng"

static const struct hws_address here4 = {
    .ip = {192, 0, 2, 1},
      .port = 4000, .family = HWS_FAMILY_IP4
};
static const struct hws_address there4 = {
    .ip = {198, 51, 100, 7},
      .port = 5000, .family = HWS_FAMILY_IP4
};
static const struct hws_address here6 = {
    .ip = {0x20, 1, 0xD, 0xB8, [15] = 1},
      .port = 4000, .family = HWS_FAMILY_IP6
};
static const struct hws_address there6 = {
    .ip = {0x20, 1, 0xD, 0xB8, [15] = 2},
      .port = 5000, .family = HWS_FAMILY_IP6
};

static struct hws_pcap *pcap;
static uint8_t file[256 * 1024];
static size_t file_len;
static int told, told_error;

static void failed(void *user, int error)
{
    (void)user;
    told++;
    told_error = error;
}

static void begin(const char *path)
{
    int error = 0;

    ck_assert_int_eq(
        hws_pcap_open(&(struct hws_pcap_config){.path = path, .wall = 1000000, .failed = failed},
                      &pcap, &error),
        HWS_OK);
}

static void put(enum hws_tap_layer layer, bool sent, const struct hws_address *local,
                const struct hws_address *remote, struct hws_bytes payload, hws_time now)
{
    struct hws_tap tap = hws_pcap_tap(pcap);
    struct hws_datagram datagram = {*local, *remote, payload};

    tap.packet(tap.user, layer, sent, &datagram, now);
}

static void end(void)
{
    FILE *in;

    hws_pcap_close(pcap);
    in = fopen(NAME, "rb");
    ck_assert_ptr_nonnull(in);
    file_len = fread(file, 1, sizeof(file), in);
    (void)fclose(in);
    (void)remove(NAME);
}

static const uint8_t payload[] = {'a', 'b', 'c', 'd', 'e'};

/* The blocks that every file begins with, in hexadecimal. */
static const char head[] = "0A0D0D0A 0000001C 1A2B3C4D 0001 0000 FFFFFFFFFFFFFFFF 0000001C"
                           "00000001 00000020 0065 0000 00000000 0002 0004 77697265"
                           "0000 0000 00000020" /* wire */
                           "00000001 00000020 0065 0000 00000000 0002 0004 73637470"
                           "0000 0000 00000020"; /* sctp */

/* One packet each: the block as it has to be. The checksums were made by other means. */
static const struct {
    const char *what;
    enum hws_tap_layer layer;
    bool sent;
    const struct hws_address *local, *remote;
    const char *block; /* type, length, interface, time, lengths; IP; UDP; payload; direction */
} rows[] = {
    {"UDP over IPv4, sent",      HWS_TAP_WIRE, true,  &here4, &there4,
     "00000006 00000050 00000000 00000000 000F4243 00000021 00000021"
     "45000021 00004000 40114E90 C0000201 C6336407"
     "0FA01388 000D0000"
     "61626364 65000000"
     "0002 0004 00000002 0000 0000 00000050"},
    {"SCTP over IPv4, received", HWS_TAP_SCTP, false, &here4, &there4,
     "00000006 00000048 00000001 00000000 000F4243 00000019 00000019"
     "45000019 00004000 40844E25 C6336407 C0000201"
     "61626364 65000000"
     "0002 0004 00000001 0000 0000 00000048"},
    {"UDP over IPv6, received",  HWS_TAP_WIRE, false, &here6, &there6,
     "00000006 00000064 00000000 00000000 000F4243 00000035 00000035"
     "60000000 000D1140 20010DB8000000000000000000000002 20010DB8000000000000000000000001"
     "13880FA0 000D5770"
     "61626364 65000000"
     "0002 0004 00000001 0000 0000 00000064"},
};

/* Both without spaces, as hexadecimal. */
static void assert_file_is(const char *what, const char *first, const char *second)
{
    char want[1024] = "", have[1024] = "";
    size_t len = 0;

    for (const char *part = first; part; part = part == first ? second : NULL) {
        for (const char *at = part; *at; at++) {
            if (*at != ' ') want[len++] = *at;
        }
    }
    for (size_t i = 0; i < file_len && 2 * i + 2 < sizeof(have); i++) {
        (void)snprintf(have + 2 * i, 3, "%02X", file[i]);
    }
    ck_assert_msg(strcmp(want, have) == 0, "%s: want\n%s, have\n%s", what, want, have);
}

START_TEST(blocks_are_as_the_format_has_them)
{
    begin(NAME);
    put(rows[_i].layer, rows[_i].sent, rows[_i].local, rows[_i].remote,
        (struct hws_bytes){payload, sizeof(payload)}, 3);
    end();
    assert_file_is(rows[_i].what, head, rows[_i].block);
}
END_TEST

static uint32_t u32_at(size_t at)
{
    return (uint32_t)file[at] << 24 | (uint32_t)file[at + 1] << 16 | (uint32_t)file[at + 2] << 8 |
           file[at + 3];
}

/* Follow the lengths through the file; they must fit, from both ends. */
static size_t count_blocks(void)
{
    size_t at = 0, count = 0;

    while (at < file_len) {
        size_t len = u32_at(at + 4);

        ck_assert_uint_eq(len % 4, 0);
        ck_assert_uint_ge(len, 12);
        ck_assert_uint_le(at + len, file_len);
        ck_assert_uint_eq(u32_at(at + len - 4), len);
        at += len;
        count++;
    }
    return count;
}

START_TEST(more_packets_than_the_buffer_holds_all_arrive)
{
    static const uint8_t big[HWS_DATAGRAM_IN_MAX];

    begin(NAME);
    for (size_t i = 0; i < 100; i++) {
        put(HWS_TAP_WIRE, i % 2, &here6, &there6, (struct hws_bytes){big, sizeof(big) - i % 4}, 0);
    }
    end();
    ck_assert_uint_eq(count_blocks(), 3 + 100);
}
END_TEST

START_TEST(what_nobody_reads_is_left_out)
{
    static const uint8_t big[HWS_DATAGRAM_IN_MAX + 1];
    const struct hws_address none = {0};

    begin(NAME);
    put(HWS_TAP_WIRE, false, &here4, &there4, (struct hws_bytes){big, sizeof(big)}, 0);
    put(HWS_TAP_WIRE, false, &here4, &there4, (struct hws_bytes){0}, 0);
    put(HWS_TAP_SCTP, true, &none, &none, (struct hws_bytes){big, 12}, 0);
    end();
    ck_assert_uint_eq(count_blocks(), 3 + 2);
}
END_TEST

/* A second of packets is on the disk; what came since may not be. */
START_TEST(a_long_log_can_be_read_while_it_grows)
{
    struct stat info;

    begin(NAME);
    put(HWS_TAP_SCTP, true, &here4, &there4, (struct hws_bytes){payload, 5}, HWS_SEC(10));
    put(HWS_TAP_SCTP, true, &here4, &there4, (struct hws_bytes){payload, 5}, HWS_SEC(10));
    ck_assert_int_eq(stat(NAME, &info), 0);
    ck_assert_int_eq(info.st_size, 28 + 2 * 32 + 72);
    put(HWS_TAP_SCTP, true, &here4, &there4, (struct hws_bytes){payload, 5}, HWS_SEC(11));
    ck_assert_int_eq(stat(NAME, &info), 0);
    ck_assert_int_eq(info.st_size, 28 + 2 * 32 + 3 * 72);
    end();
}
END_TEST

START_TEST(only_the_owner_reads_it)
{
    struct stat info;
    int fd = _i ? open(NAME, O_CREAT | O_WRONLY, 0644) : -1;

    if (fd >= 0) {
        ck_assert_int_eq(write(fd, "old old old", 11), 11);
        ck_assert_int_eq(fchmod(fd, 0644), 0);
        close(fd);
    }
    begin(NAME);
    ck_assert_int_eq(stat(NAME, &info), 0);
    ck_assert_int_eq(info.st_mode & 0777, 0600);
    end();
    ck_assert_uint_eq(count_blocks(), 3);
}
END_TEST

START_TEST(a_full_disk_is_told_once)
{
    struct stat before, after;

    ck_assert_int_eq(stat("/dev/full", &before), 0);
    begin("/dev/full");
    told = 0;
    put(HWS_TAP_WIRE, true, &here4, &there4, (struct hws_bytes){payload, 5}, HWS_SEC(10));
    put(HWS_TAP_WIRE, true, &here4, &there4, (struct hws_bytes){payload, 5}, HWS_SEC(20));
    hws_pcap_close(pcap);
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(told_error, ENOSPC);
    ck_assert_int_eq(stat("/dev/full", &after), 0);
    ck_assert_uint_eq(before.st_mode, after.st_mode); /* devices are not ours to protect */
}
END_TEST

START_TEST(what_cannot_be_made_is_said_with_the_reason)
{
    struct hws_pcap *none = NULL;
    int error = 0;

    ck_assert_int_eq(hws_pcap_open(&(struct hws_pcap_config){.path = "."}, &none, &error),
                     HWS_ERR_IO);
    ck_assert_int_eq(error, EISDIR);
    ck_assert_int_eq(
        hws_pcap_open(&(struct hws_pcap_config){.path = "no/such/place"}, &none, &error),
        HWS_ERR_IO);
    ck_assert_int_eq(error, ENOENT);
    ck_assert_ptr_null(none);
    hws_pcap_close(NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("pcap");

    tcase_add_loop_test(tc, blocks_are_as_the_format_has_them, 0, ROWS(rows));
    tcase_add_test(tc, more_packets_than_the_buffer_holds_all_arrive);
    tcase_add_test(tc, what_nobody_reads_is_left_out);
    tcase_add_test(tc, a_long_log_can_be_read_while_it_grows);
    tcase_add_loop_test(tc, only_the_owner_reads_it, 0, 2);
    tcase_add_test(tc, a_full_disk_is_told_once);
    tcase_add_test(tc, what_cannot_be_made_is_said_with_the_reason);
    return run_case("pcap", tc);
}
