/* Rulings on Binding requests: the published cases as bytes, then everything around them, built
 * here attribute by attribute. */
#include "ice/ice.h"
#include "stun/stun_reader.h"
#include "stun/stun_writer.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static const uint64_t our_tiebreaker = 0x7fffffffffffffff;

static struct hws_ice_ruler ruler(bool controlling)
{
    return (struct hws_ice_ruler){.local_ufrag = "LfrA",
                                  .local_pwd = "LocalPasswordLocalPass22",
                                  .controlling = controlling,
                                  .tiebreaker = our_tiebreaker};
}

/* clang-format off */
static const struct {
    const char *what;
    bool controlling;
    enum hws_ice_ruling ruling;
    const char *hex;
} published[] = {
    {"correct check", false, HWS_ICE_SUCCEED,
     "000100442112a44214c63e0ed9ae8ed8ab8edaac000600094c6672413a7246726700000000240004"
     "6e7f00ff802a0008000000000000000000080014a43c2388373194a29971289242a9ff72baa76fe9"
     "80280004019b7016"},
    {"no MESSAGE-INTEGRITY", false, HWS_ICE_ERROR_400,
     "0001002c2112a442bef792c1e6dd1e3e82ca1bd4000600094c6672413a7246726700000000240004"
     "6e7f00ff802a0008000000000000000080280004827b7cd4"},
    {"first half of USERNAME is not our ufrag", false, HWS_ICE_ERROR_401,
     "000100442112a442c368e99786874cd57ad2af9200060009586672673a7246726700000000240004"
     "6e7f00ff802a00080000000000000000000800142a07c80b69921273966d95818d554e64be2703c0"
     "80280004317c0da7"},
    {"our ufrag is only a prefix of the first half", false, HWS_ICE_ERROR_401,
     "000100442112a4427ecc8e738a77228e8e91993f0006000a4c667241413a72467267000000240004"
     "6e7f00ff802a0008000000000000000000080014e38db1b7f4c48a541bc89f6a4f862ac0cbbfd450"
     "8028000483121de1"},
    {"wrong integrity", false, HWS_ICE_ERROR_401,
     "000100442112a442ed3dd71af79a2cf7030a4091000600094c6672413a7246726700000000240004"
     "6e7f00ff802a00080000000000000000000800146b22aa6cb063e2b338b36b65ede321a721667788"
     "80280004856ae5e1"},
    {"FINGERPRINT missing", false, HWS_ICE_DISCARD,
     "0001003c2112a442c5b2a46edacbdf95eed88d5b000600094c6672413a7246726700000000240004"
     "6e7f00ff802a000800000000000000000008001423259220e0e1f9238aa45d757372cc6e6558ad3c"},
    {"Binding indication (keepalive): no answer", false, HWS_ICE_DISCARD,
     "001100442112a44255931ed2e704efa12a24f52d000600094c6672413a7246726700000000240004"
     "6e7f00ff802a000800000000000000000008001406eac397a91f51ac112e6060afdbde90eb4f2a66"
     "80280004b3ac4e52"},
    {"role conflict: we control with the larger tiebreaker", true, HWS_ICE_ERROR_487,
     "000100442112a442077b03b23103b8603feb1e01000600094c6672413a7246726700000000240004"
     "6e7f00ff802a0008000000000000000000080014eb96f48dfa0ac5aa9e118bbb9567157e232d0b12"
     "802800049b967847"},
    {"role conflict: we control with the smaller tiebreaker: become controlled and answer", true, HWS_ICE_SUCCEED_SWITCH,
     "000100442112a4427e0a51b016bece4a1c0d788b000600094c6672413a7246726700000000240004"
     "6e7f00ff802a0008ffffffffffffffff000800145dfee13995a619df16c05bd086b50cac8b5f3995"
     "80280004992808f0"},
    {"success response to no request of ours", false, HWS_ICE_DISCARD,
     "0101002c2112a44294c0d55e279e3176234125620020000800010001010203040008001460c28244"
     "faecb309dc94dc72cbbb924af3db089680280004f68df7e9"},
    {"method Allocate sent to a peer port", false, HWS_ICE_DISCARD,
     "000300302112a44222fac35e76fe848103e1295c000600094c6672413a7246726700000000080014"
     "8910b8f40e5ddcd75052f90bda403061f13135fd80280004a26ff59f"},
};
/* clang-format on */

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return len;
}

START_TEST(published_case)
{
    struct hws_ice_ruler r = ruler(published[_i].controlling);
    uint8_t bytes[256];
    size_t len = from_hex(published[_i].hex, bytes);

    ck_assert_msg(hws_ice_rule(&r, (struct hws_bytes){bytes, len}) == published[_i].ruling,
                  "%s: ruled otherwise", published[_i].what);
}
END_TEST

/* No prefix of a good check, and no single changed bit of it, is taken for a good check. */
START_TEST(damage_never_succeeds)
{
    struct hws_ice_ruler r = ruler(false);
    uint8_t bytes[256];
    size_t len = from_hex(published[0].hex, bytes);

    for (size_t cut = 0; cut < len; cut++) {
        ck_assert_int_eq(hws_ice_rule(&r, (struct hws_bytes){bytes, cut}), HWS_ICE_DISCARD);
    }
    for (size_t bit = 0; bit < len * 8; bit++) {
        enum hws_ice_ruling ruling;

        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ruling = hws_ice_rule(&r, (struct hws_bytes){bytes, len});
        ck_assert_msg(ruling == HWS_ICE_DISCARD || ruling == HWS_ICE_ERROR_400 ||
                          ruling == HWS_ICE_ERROR_401,
                      "bit %zu: ruled %d", bit, ruling);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}
END_TEST

/* ---- Requests made here */

enum part {
    END,
    USER,         /* LfrA:rFrg */
    USER_FOREIGN, /* LfrA:zzzz */
    USER_REVERSED,
    USER_NO_COLON,
    USER_EMPTY,
    USER_PREFIX, /* Lfr:rFrg */
    USER_LONGER, /* LfrAx:rFrg */
    USER_CASE,   /* lfra:rFrg */
    PRIO,
    USE,
    CONTROLLING_LESS,
    CONTROLLING_EQUAL,
    CONTROLLING_MORE,
    CONTROLLED_LESS,
    CONTROLLED_EQUAL,
    CONTROLLED_MORE,
    UNKNOWN_REQUIRED,
    UNKNOWN_OPTIONAL,
    MI,
    MI_WRONG,
    MI_REMOTE, /* keyed with the password of the other side */
    MI256,
    FP,
};

static void add_text(struct hws_stun_writer *msg, const char *text)
{
    hws_stun_add_bytes(msg, HWS_STUN_USERNAME, hws_bytes_of(text));
}

static void add_part(struct hws_stun_writer *msg, enum part part)
{
    const struct hws_bytes pwd = hws_bytes_of("LocalPasswordLocalPass22");

    switch (part) {
    case END:
        break;
    case USER:
        add_text(msg, "LfrA:rFrg");
        break;
    case USER_FOREIGN:
        add_text(msg, "LfrA:zzzz");
        break;
    case USER_REVERSED:
        add_text(msg, "rFrg:LfrA");
        break;
    case USER_NO_COLON:
        add_text(msg, "LfrA");
        break;
    case USER_EMPTY:
        add_text(msg, "");
        break;
    case USER_PREFIX:
        add_text(msg, "Lfr:rFrg");
        break;
    case USER_LONGER:
        add_text(msg, "LfrAx:rFrg");
        break;
    case USER_CASE:
        add_text(msg, "lfra:rFrg");
        break;
    case PRIO:
        hws_stun_add_u32(msg, HWS_STUN_PRIORITY, 0x6e7f00ff);
        break;
    case USE:
        hws_stun_add_flag(msg, HWS_STUN_USE_CANDIDATE);
        break;
    case CONTROLLING_LESS:
    case CONTROLLING_EQUAL:
    case CONTROLLING_MORE:
        hws_stun_add_u64(msg, HWS_STUN_ICE_CONTROLLING,
                         our_tiebreaker - CONTROLLING_EQUAL + (uint64_t)part);
        break;
    case CONTROLLED_LESS:
    case CONTROLLED_EQUAL:
    case CONTROLLED_MORE:
        hws_stun_add_u64(msg, HWS_STUN_ICE_CONTROLLED,
                         our_tiebreaker - CONTROLLED_EQUAL + (uint64_t)part);
        break;
    case UNKNOWN_REQUIRED:
        hws_stun_add_u32(msg, 0x7777, 1);
        break;
    case UNKNOWN_OPTIONAL:
        hws_stun_add_u32(msg, 0xC070, 1);
        break;
    case MI:
        hws_stun_add_integrity(msg, pwd);
        break;
    case MI_WRONG:
        hws_stun_add_integrity(msg, hws_bytes_of("LocalPasswordLocalPass23"));
        break;
    case MI_REMOTE:
        hws_stun_add_integrity(msg, hws_bytes_of("RemotePasswordRemotePas2"));
        break;
    case MI256:
        hws_stun_add_integrity_sha256(msg, pwd);
        break;
    case FP:
        hws_stun_add_fingerprint(msg);
        break;
    }
}

static struct hws_bytes build(uint8_t *buffer, size_t cap, enum hws_stun_class msg_class,
                              uint16_t method, const enum part *parts)
{
    const uint8_t transaction[HWS_STUN_TID_LEN] = {1, 2, 3};
    struct hws_stun_writer msg = hws_stun_begin(buffer, cap, msg_class, method, transaction);
    struct hws_bytes bytes = {0};

    for (; *parts != END; parts++) {
        add_part(&msg, *parts);
    }
    ck_assert_int_eq(hws_stun_end(&msg, &bytes), HWS_OK);
    return bytes;
}

/* clang-format off */
static const struct {
    const char *what;
    bool controlling;
    enum hws_ice_ruling ruling;
    enum part parts[9];
} made[] = {
    {"plain check", false, HWS_ICE_SUCCEED, {USER, PRIO, CONTROLLING_LESS, MI, FP}},
    {"another order", false, HWS_ICE_SUCCEED, {CONTROLLING_LESS, USE, PRIO, USER, MI, FP}},
    {"no PRIORITY, no role", false, HWS_ICE_SUCCEED, {USER, MI, FP}},
    {"SHA-256 integrity", false, HWS_ICE_SUCCEED, {USER, PRIO, CONTROLLING_LESS, MI256, FP}},
    {"unknown optional attribute", false, HWS_ICE_SUCCEED, {USER, PRIO, UNKNOWN_OPTIONAL, MI, FP}},
    {"second half is not decisive", false, HWS_ICE_SUCCEED, {USER_FOREIGN, PRIO, MI, FP}},
    {"role conflict after integrity is not seen", true, HWS_ICE_SUCCEED,
     {USER, PRIO, MI, CONTROLLING_MORE, FP}},
    {"unknown attribute after integrity is not seen", false, HWS_ICE_SUCCEED,
     {USER, PRIO, MI, UNKNOWN_REQUIRED, FP}},
    {"no USERNAME", false, HWS_ICE_ERROR_400, {PRIO, MI, FP}},
    {"USERNAME after integrity only", false, HWS_ICE_ERROR_400, {PRIO, MI, USER, FP}},
    {"nothing but FINGERPRINT", false, HWS_ICE_ERROR_400, {FP}},
    {"unknown attribute without integrity", false, HWS_ICE_ERROR_400,
     {USER, PRIO, UNKNOWN_REQUIRED, FP}},
    {"role conflict without integrity", true, HWS_ICE_ERROR_400, {USER, CONTROLLING_MORE, FP}},
    {"halves reversed", false, HWS_ICE_ERROR_401, {USER_REVERSED, PRIO, MI, FP}},
    {"no colon", false, HWS_ICE_ERROR_401, {USER_NO_COLON, PRIO, MI, FP}},
    {"empty user name", false, HWS_ICE_ERROR_401, {USER_EMPTY, PRIO, MI, FP}},
    {"prefix of our ufrag", false, HWS_ICE_ERROR_401, {USER_PREFIX, PRIO, MI, FP}},
    {"our ufrag and more", false, HWS_ICE_ERROR_401, {USER_LONGER, PRIO, MI, FP}},
    {"ufrag in another case", false, HWS_ICE_ERROR_401, {USER_CASE, PRIO, MI, FP}},
    {"wrong password", false, HWS_ICE_ERROR_401, {USER, PRIO, MI_WRONG, FP}},
    {"password of the other side", false, HWS_ICE_ERROR_401, {USER, PRIO, MI_REMOTE, FP}},
    {"wrong password goes before unknown attribute", false, HWS_ICE_ERROR_401,
     {USER, UNKNOWN_REQUIRED, MI_WRONG, FP}},
    {"wrong password goes before role conflict", true, HWS_ICE_ERROR_401,
     {USER, CONTROLLING_MORE, MI_WRONG, FP}},
    {"wrong name goes before role conflict", true, HWS_ICE_ERROR_401,
     {USER_REVERSED, CONTROLLING_MORE, MI, FP}},
    {"first of two user names counts", false, HWS_ICE_ERROR_401,
     {USER_REVERSED, USER, PRIO, MI, FP}},
    {"unknown required attribute", false, HWS_ICE_ERROR_420,
     {USER, PRIO, UNKNOWN_REQUIRED, MI, FP}},
    {"unknown attribute goes before role conflict", true, HWS_ICE_ERROR_420,
     {USER, CONTROLLING_MORE, UNKNOWN_REQUIRED, MI, FP}},
    {"no FINGERPRINT", false, HWS_ICE_DISCARD, {USER, PRIO, MI}},
    {"no FINGERPRINT and no integrity", false, HWS_ICE_DISCARD, {USER, PRIO}},
    {"FINGERPRINT is not last", false, HWS_ICE_DISCARD, {USER, PRIO, MI, FP, PRIO}},
    {"controlling, peer has less", true, HWS_ICE_ERROR_487, {USER, CONTROLLING_LESS, MI, FP}},
    {"controlling, equal", true, HWS_ICE_ERROR_487, {USER, CONTROLLING_EQUAL, MI, FP}},
    {"controlling, peer has more", true, HWS_ICE_SUCCEED_SWITCH, {USER, CONTROLLING_MORE, MI, FP}},
    {"controlled, peer has less", false, HWS_ICE_SUCCEED_SWITCH, {USER, CONTROLLED_LESS, MI, FP}},
    {"controlled, equal", false, HWS_ICE_SUCCEED_SWITCH, {USER, CONTROLLED_EQUAL, MI, FP}},
    {"controlled, peer has more", false, HWS_ICE_ERROR_487, {USER, CONTROLLED_MORE, MI, FP}},
    {"controlling, peer controlled", true, HWS_ICE_SUCCEED, {USER, CONTROLLED_MORE, MI, FP}},
    {"controlled, peer controlling", false, HWS_ICE_SUCCEED, {USER, CONTROLLING_MORE, MI, FP}},
};
/* clang-format on */

START_TEST(made_case)
{
    struct hws_ice_ruler r = ruler(made[_i].controlling);
    uint8_t buffer[512];
    struct hws_bytes bytes =
        build(buffer, sizeof(buffer), HWS_STUN_REQUEST, HWS_STUN_BINDING, made[_i].parts);
    enum hws_ice_ruling ruling = hws_ice_rule(&r, bytes);

    ck_assert_msg(ruling == made[_i].ruling, "%s: ruled %d, not %d", made[_i].what, ruling,
                  made[_i].ruling);
}
END_TEST

/* Whatever is inside, only a Binding request is answered. */
START_TEST(only_binding_requests)
{
    static const enum part parts[] = {USER, PRIO, CONTROLLING_LESS, MI, FP, END};
    static const uint16_t methods[] = {
        HWS_STUN_BINDING, HWS_STUN_ALLOCATE, HWS_STUN_REFRESH, HWS_STUN_SEND, 0x002, 0xFFF};
    struct hws_ice_ruler r = ruler(false);
    uint8_t buffer[512];

    for (int c = HWS_STUN_REQUEST; c <= HWS_STUN_ERROR; c++) {
        for (int m = 0; m < COUNT(methods); m++) {
            struct hws_bytes bytes =
                build(buffer, sizeof(buffer), (enum hws_stun_class)c, methods[m], parts);
            bool good = c == HWS_STUN_REQUEST && methods[m] == HWS_STUN_BINDING;

            ck_assert_int_eq(hws_ice_rule(&r, bytes), good ? HWS_ICE_SUCCEED : HWS_ICE_DISCARD);
        }
    }
}
END_TEST

START_TEST(not_stun_at_all)
{
    struct hws_ice_ruler r = ruler(false);
    uint8_t noise[64];

    memset(noise, 0, sizeof(noise));
    ck_assert_int_eq(hws_ice_rule(&r, (struct hws_bytes){NULL, 0}), HWS_ICE_DISCARD);
    ck_assert_int_eq(hws_ice_rule(&r, (struct hws_bytes){noise, sizeof(noise)}), HWS_ICE_DISCARD);
    noise[0] = 22; /* a DTLS record */
    ck_assert_int_eq(hws_ice_rule(&r, (struct hws_bytes){noise, sizeof(noise)}), HWS_ICE_DISCARD);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ice_rule");
    TCase *tc = tcase_create("rule");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, published_case, 0, COUNT(published));
    tcase_add_loop_test(tc, made_case, 0, COUNT(made));
    tcase_add_test(tc, damage_never_succeeds);
    tcase_add_test(tc, only_binding_requests);
    tcase_add_test(tc, not_stun_at_all);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
