/* Demultiplexing: the table of RFC 7983 section 7 a second time, over all 256 first bytes. */
#include "base/demux.h"

#include "support/suite.h"

static const struct {
    int first, last;
    enum hws_demux demux;
} ranges[] = {
    {0,   3,   HWS_DEMUX_STUN},
    {4,   15,  HWS_DEMUX_DROP},
    {16,  19,  HWS_DEMUX_DROP}, /* ZRTP */
    {20,  63,  HWS_DEMUX_DTLS},
    {64,  79,  HWS_DEMUX_TURN},
    {80,  127, HWS_DEMUX_DROP}, /* QUIC, RFC 9443 section 3 */
    {128, 191, HWS_DEMUX_DROP}, /* RTP and RTCP */
    {192, 255, HWS_DEMUX_DROP}, /* QUIC */
};

START_TEST(every_first_byte)
{
    uint8_t datagram[2] = {(uint8_t)_i, 0xFF};
    int row = 0;

    while (_i > ranges[row].last) {
        row++;
    }
    ck_assert_int_ge(_i, ranges[row].first);
    ck_assert_int_eq(hws_demux((struct hws_bytes){datagram, 2}), ranges[row].demux);
    ck_assert_int_eq(hws_demux((struct hws_bytes){datagram, 1}), ranges[row].demux);
}
END_TEST

START_TEST(nothing)
{
    ck_assert_int_eq(hws_demux((struct hws_bytes){0}), HWS_DEMUX_DROP);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("demux");
    TCase *tc = tcase_create("demux");

    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, every_first_byte, 0, 256);
    tcase_add_test(tc, nothing);
    return run_suite(suite);
}
