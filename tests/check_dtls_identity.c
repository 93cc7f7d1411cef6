/* Who the peer is: certificates right, wrong, absent, second in the chain; fingerprints late. */
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "dtls/dtls.h"

#include "support/dtls_world.h"
#include "support/suite.h"

#include <string.h>

enum { DER_MAX = 4096, RSA_BITS = 2048 };

/* Two versions of two identities, and Mallory's, whom nobody expects. */
static struct hws_identity *alice[2], *bob[2], *mallory[2];
static struct world world;

static enum hws_dtls_versions versions_of(int i)
{
    return i == 0 ? HWS_DTLS_13_OR_12 : HWS_DTLS_12_ONLY;
}

static void set_up(void)
{
    for (int i = 0; i < 2; i++) {
        alice[i] = world_identity(versions_of(i));
        bob[i] = world_identity(versions_of(i));
        mallory[i] = world_identity(versions_of(i));
    }
}

static void tear_down(void)
{
    for (int i = 0; i < 2; i++) {
        hws_identity_free(alice[i]);
        hws_identity_free(bob[i]);
        hws_identity_free(mallory[i]);
    }
}

/* ---- The identity itself */

START_TEST(makes_fresh_identities)
{
    struct hws_fingerprint a, b, again;

    ck_assert_int_eq(hws_identity_fingerprint(alice[0], HWS_HASH_SHA256, &a), HWS_OK);
    ck_assert_int_eq(hws_identity_fingerprint(alice[0], HWS_HASH_SHA256, &again), HWS_OK);
    ck_assert_int_eq(hws_identity_fingerprint(bob[0], HWS_HASH_SHA256, &b), HWS_OK);
    ck_assert_int_eq(a.hash, HWS_HASH_SHA256);
    ck_assert_mem_eq(a.digest, again.digest, 32);
    ck_assert_mem_ne(a.digest, b.digest, 32);
}
END_TEST

START_TEST(makes_a_plain_certificate)
{
    WOLFSSL_X509 *x509 =
        wolfSSL_X509_d2i(NULL, alice[0]->certificate, (int)alice[0]->certificate_len);
    byte serial[32];
    int serial_len = sizeof(serial);

    ck_assert_ptr_nonnull(x509);
    ck_assert_int_eq(wolfSSL_X509_get_serial_number(x509, serial, &serial_len), WOLFSSL_SUCCESS);
    ck_assert_int_ge(serial_len, 8);
    ck_assert_int_eq(wolfSSL_X509_get_isCA(x509), 0);
    ck_assert_uint_lt(alice[0]->certificate_len, 512); /* small flights */
    wolfSSL_X509_free(x509);
}
END_TEST

/* ---- The six variants of rule C2, seen from either side. The cheat is the other end. */

enum variant { RIGHT, WRONG, SECOND_IN_CHAIN, LATE_RIGHT, LATE_WRONG, ABSENT, VARIANTS };

static const char *const variant_names[VARIANTS] = {"right",      "wrong",      "second in chain",
                                                    "late right", "late wrong", "absent"};

/* Mallory's leaf and key, followed by the certificate that is expected. */
static void show_chain(WOLFSSL_CTX *ctx, const struct hws_identity *leaf,
                       const struct hws_identity *expected)
{
    uint8_t chain[2 * HWS_CERTIFICATE_MAX];

    memcpy(chain, leaf->certificate, leaf->certificate_len);
    memcpy(chain + leaf->certificate_len, expected->certificate, expected->certificate_len);
    ck_assert_int_eq(wolfSSL_CTX_use_certificate_chain_buffer_format(
                         ctx, chain, (long)(leaf->certificate_len + expected->certificate_len),
                         SSL_FILETYPE_ASN1),
                     WOLFSSL_SUCCESS);
}

/* A context like that of an identity, but without a certificate. */
static WOLFSSL_CTX *bare_context(int versions, int end)
{
    WOLFSSL_METHOD *method =
        versions == 0
            ? (end == CLIENT ? wolfDTLS_client_method() : wolfDTLS_server_method())
            : (end == CLIENT ? wolfDTLSv1_2_client_method() : wolfDTLSv1_2_server_method());
    WOLFSSL_CTX *ctx = wolfSSL_CTX_new(method);

    ck_assert_ptr_nonnull(ctx);
    return ctx;
}

struct cheat {
    const struct hws_identity *shown;
    struct hws_identity forged; /* shares what it does not replace with Mallory's */
    WOLFSSL_CTX *made;
};

static void set_up_cheat(struct cheat *cheat, enum variant variant, int end, int versions)
{
    struct hws_identity *right = end == CLIENT ? alice[versions] : bob[versions];

    *cheat = (struct cheat){.shown = right};
    if (variant == WRONG || variant == LATE_WRONG) cheat->shown = mallory[versions];
    if (variant == ABSENT) {
        cheat->forged = *mallory[versions];
        cheat->forged.client = cheat->made = bare_context(versions, CLIENT);
        cheat->shown = &cheat->forged;
    }
    if (variant == SECOND_IN_CHAIN) {
        show_chain(end == CLIENT ? mallory[versions]->client : mallory[versions]->server,
                   mallory[versions], right);
        cheat->shown = mallory[versions];
    }
}

/* The cheat believes everything and sends data as soon as it can. */
static void run_cheat(struct cheat *cheat, enum variant variant, int end, int versions)
{
    int honest = 1 - end;
    const struct hws_identity *own = honest == CLIENT ? alice[versions] : bob[versions];
    const struct hws_identity *expected = end == CLIENT ? alice[versions] : bob[versions];
    bool late = variant == LATE_RIGHT || variant == LATE_WRONG;

    world_init_bare(&world, end == CLIENT ? cheat->shown : own, end == CLIENT ? own : cheat->shown,
                    1, 0, 0);
    world_expect(&world, end, own);
    if (!late) world_expect(&world, honest, expected);
    world_start(&world);
    while (world_step(&world, world.born + HWS_SEC(5))) {
        if (world.connected[end] && world.sent[end] < 20 && !world.closed[end] &&
            !world.failed[end]) {
            world_send(&world, end, 20);
        }
    }
    if (late) {
        ck_assert(!world.connected[honest] && !world.failed[honest]);
        ck_assert_uint_eq(world.taken[honest], 0);
        world_expect(&world, honest, expected);
        world_run(&world, HWS_SEC(5));
    }
}

static void check_variant(enum variant variant, int end, int versions)
{
    bool good = variant == RIGHT || variant == LATE_RIGHT;
    int honest = 1 - end;
    struct cheat cheat;
    struct hws_fault fault;

    set_up_cheat(&cheat, variant, end, versions);
    run_cheat(&cheat, variant, end, versions);
    fault = hws_dtls_fault(world.end[honest]);
    ck_assert_msg(world.connected[honest] == good && world.failed[honest] != good, "%s: %s\n%s",
                  variant_names[variant], fault.what, world_log_tail(&world));
    ck_assert_uint_eq(world.taken[honest], good ? 20 : 0);
    if (!good) {
        ck_assert_int_eq(fault.err, variant == ABSENT ? HWS_ERR_HANDSHAKE : HWS_ERR_FINGERPRINT);
        ck_assert_str_eq(fault.layer, "dtls");
        ck_assert_int_eq(hws_dtls_deadline(world.end[honest]), HWS_NEVER);
        ck_assert(world_log_saw(&world, "dtls failed err=ERR_"));
    }
    world_fini(&world);
    wolfSSL_CTX_free(cheat.made);
}

START_TEST(judges_the_client)
{
    check_variant((enum variant)_i, CLIENT, 0);
    tear_down();
    set_up();
    check_variant((enum variant)_i, CLIENT, 1);
}
END_TEST

START_TEST(judges_the_server)
{
    check_variant((enum variant)_i, SERVER, 0);
    tear_down();
    set_up();
    check_variant((enum variant)_i, SERVER, 1);
}
END_TEST

/* ---- Fingerprints */

START_TEST(takes_any_of_the_list)
{
    struct hws_fingerprint list[4];

    /* The third is right; the others are wrong in the first, the last, or every byte. */
    for (int i = 0; i < 4; i++) {
        static const enum hws_hash hashes[] = {HWS_HASH_SHA512, HWS_HASH_SHA384, HWS_HASH_SHA256,
                                               HWS_HASH_SHA1};

        ck_assert_int_eq(hws_identity_fingerprint(bob[0], hashes[i], &list[i]), HWS_OK);
    }
    list[0].digest[63] ^= 1;
    list[1].digest[0] ^= 1;
    memset(list[3].digest, 0, sizeof(list[3].digest));
    world_init_bare(&world, alice[0], bob[0], 1, 0, 0);
    world_expect(&world, SERVER, alice[0]);
    ck_assert_int_eq(hws_dtls_expect(world.end[CLIENT], list, 4, world.now), HWS_OK);
    ck_assert(world_connect(&world, HWS_SEC(1)));
    world_fini(&world);
}
END_TEST

static const enum hws_hash good_hashes[] = {HWS_HASH_SHA1, HWS_HASH_SHA256, HWS_HASH_SHA384,
                                            HWS_HASH_SHA512};

/* Every bit counts. */
START_TEST(compares_all_of_it)
{
    struct hws_fingerprint right;
    size_t len = hws_hash_len(good_hashes[_i]);

    ck_assert_int_eq(hws_identity_fingerprint(bob[0], good_hashes[_i], &right), HWS_OK);
    for (size_t at = 0; at < len; at += 7) {
        struct hws_fingerprint near = right;

        near.digest[at] ^= 0x10;
        world_init_bare(&world, alice[0], bob[0], 1, 0, 0);
        world_expect(&world, SERVER, alice[0]);
        ck_assert_int_eq(hws_dtls_expect(world.end[CLIENT], &near, 1, world.now), HWS_OK);
        ck_assert(!world_connect(&world, HWS_SEC(5)));
        ck_assert_int_eq(hws_dtls_fault(world.end[CLIENT]).err, HWS_ERR_FINGERPRINT);
        world_run(&world, HWS_SEC(40));
        ck_assert(!world.connected[CLIENT] && world.failed[SERVER]); /* it was told */
        world_fini(&world);
    }
}
END_TEST

START_TEST(refuses_bad_lists)
{
    struct hws_fingerprint list[HWS_FINGERPRINT_LIST + 1];
    struct hws_dtls *dtls;

    for (int i = 0; i <= HWS_FINGERPRINT_LIST; i++) {
        ck_assert_int_eq(hws_identity_fingerprint(bob[0], HWS_HASH_SHA256, &list[i]), HWS_OK);
    }
    world_init_bare(&world, alice[0], bob[0], 1, 0, 0);
    dtls = world.end[CLIENT];
    ck_assert_int_eq(hws_dtls_expect(dtls, list, 0, world.now), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_dtls_expect(dtls, list, HWS_FINGERPRINT_LIST + 1, world.now),
                     HWS_ERR_ARGUMENT);
    list[1].hash = HWS_HASH_MD5;
    ck_assert_int_eq(hws_dtls_expect(dtls, list, 2, world.now), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_dtls_expect(dtls, list, 1, world.now), HWS_OK);
    ck_assert_int_eq(hws_dtls_expect(dtls, list, 1, world.now), HWS_ERR_STATE);
    hws_dtls_close(dtls, world.now);
    ck_assert_int_eq(hws_dtls_expect(dtls, list, 1, world.now), HWS_ERR_STATE);
    world_fini(&world);
}
END_TEST

/* Known after the certificate but before the end of the handshake. */
START_TEST(takes_it_in_the_middle)
{
    for (int right = 0; right < 2; right++) {
        world_init_bare(&world, alice[_i], bob[_i], 1, 0, 0);
        world_expect(&world, CLIENT, bob[_i]);
        world_start(&world);
        ck_assert(world_step(&world, HWS_NEVER));
        ck_assert(world_step(&world, HWS_NEVER));
        world_expect(&world, SERVER, right ? alice[_i] : mallory[_i]);
        world_run(&world, HWS_SEC(40));
        ck_assert(world.connected[SERVER] == right);
        ck_assert(world.failed[SERVER] != right);
        world_fini(&world);
    }
}
END_TEST

/* What comes before the fingerprint is held: the newest, in order, and only so much. */
START_TEST(holds_data_until_the_fingerprint_is_known)
{
    enum { SENT = HWS_DTLS_PLAIN_HOLD + 36 };

    world_init_bare(&world, alice[_i], bob[_i], 1, 0, 0);
    world_expect(&world, CLIENT, bob[_i]);
    world_start(&world);
    world_run(&world, HWS_SEC(1));
    ck_assert(world.connected[CLIENT] && !world.connected[SERVER]);
    ck_assert_int_eq(
        hws_dtls_send(world.end[SERVER], (struct hws_bytes){(const uint8_t *)"x", 1}, world.now),
        HWS_ERR_STATE);
    world_send(&world, CLIENT, SENT);
    world_run(&world, HWS_SEC(1));
    ck_assert_uint_eq(world.taken[SERVER], 0);
    world_expect(&world, SERVER, alice[_i]);
    world_run(&world, HWS_SEC(1));
    ck_assert(world.connected[SERVER]);
    ck_assert_uint_eq(world.taken[SERVER], HWS_DTLS_PLAIN_HOLD + 1); /* one lay in the engine */
    ck_assert_uint_eq(world.last[SERVER], SENT - 1);
    world_fini(&world);
}
END_TEST

/* Closed before it was known: what was held is nobody's. */
START_TEST(forgets_held_data_when_closed)
{
    struct hws_bytes plain;

    for (int by_peer = 0; by_peer < 2; by_peer++) {
        world_init_bare(&world, alice[_i], bob[_i], 1, 0, 0);
        world_expect(&world, CLIENT, bob[_i]);
        world_start(&world);
        world_run(&world, HWS_SEC(1));
        world_send(&world, CLIENT, 10);
        world_run(&world, HWS_SEC(1));
        hws_dtls_close(world.end[by_peer ? CLIENT : SERVER], world.now);
        world_run(&world, HWS_SEC(1));
        ck_assert(!hws_dtls_next_plain(world.end[SERVER], &plain));
        ck_assert_uint_eq(world.taken[SERVER], 0);
        ck_assert(world.failed[SERVER] == by_peer);
        world_fini(&world);
    }
}
END_TEST

/* ---- Other kinds of peers */

static const char *const suites[][2] = {
    {"TLS13-AES128-GCM-SHA256",        "TLS13-AES128-GCM-SHA256"       },
    {"TLS13-CHACHA20-POLY1305-SHA256", "TLS13-CHACHA20-POLY1305-SHA256"},
    {"ECDHE-ECDSA-AES128-GCM-SHA256",  "ECDHE-ECDSA-AES128-GCM-SHA256" },
    {"ECDHE-ECDSA-CHACHA20-POLY1305",  "ECDHE-ECDSA-CHACHA20-POLY1305" },
};

START_TEST(speaks_every_suite)
{
    int versions = _i >= 2;

    for (int end = 0; end < ENDS; end++) {
        struct hws_identity *chooser = end == CLIENT ? alice[versions] : bob[versions];

        ck_assert_int_eq(wolfSSL_CTX_set_cipher_list(
                             end == CLIENT ? chooser->client : chooser->server, suites[_i][0]),
                         WOLFSSL_SUCCESS);
        world_init(&world, alice[versions], bob[versions], 1);
        ck_assert_msg(world_connect(&world, HWS_SEC(1)), "%s", world_log_tail(&world));
        ck_assert_str_eq(hws_dtls_suite(world.end[CLIENT]), suites[_i][1]);
        world_send(&world, CLIENT, 3);
        world_send(&world, SERVER, 3);
        world_run(&world, HWS_SEC(1));
        ck_assert_uint_eq(world.taken[CLIENT] + world.taken[SERVER], 6);
        world_fini(&world);
    }
}
END_TEST

/* GStreamer and some versions of others show RSA certificates. */
static void make_rsa(struct hws_identity *identity, int versions)
{
    static uint8_t key_der[DER_MAX];
    static Cert draft;
    RsaKey key;
    WC_RNG rng;
    int cert_len, key_len;

    ck_assert_int_eq(wc_InitRng(&rng), 0);
    ck_assert_int_eq(wc_InitRsaKey(&key, NULL), 0);
    ck_assert_int_eq(wc_MakeRsaKey(&key, RSA_BITS, WC_RSA_EXPONENT, &rng), 0);
    key_len = wc_RsaKeyToDer(&key, key_der, sizeof(key_der));
    ck_assert_int_gt(key_len, 0);
    ck_assert_int_eq(wc_InitCert(&draft), 0);
    (void)memcpy(draft.subject.commonName, "rsa", 4);
    draft.sigType = CTC_SHA256wRSA;
    cert_len =
        wc_MakeSelfCert(&draft, identity->certificate, sizeof(identity->certificate), &key, &rng);
    ck_assert_int_gt(cert_len, 0);
    identity->certificate_len = (size_t)cert_len;
    wc_FreeRsaKey(&key);
    wc_FreeRng(&rng);
    for (int i = 0; i < ENDS; i++) {
        WOLFSSL_CTX *ctx = bare_context(versions, i);
        struct WOLFSSL_CTX **place = i == CLIENT ? &identity->client : &identity->server;

        wolfSSL_CTX_free(*place);
        *place = ctx;
        ck_assert_int_eq(wolfSSL_CTX_use_certificate_buffer(ctx, identity->certificate, cert_len,
                                                            SSL_FILETYPE_ASN1),
                         WOLFSSL_SUCCESS);
        ck_assert_int_eq(
            wolfSSL_CTX_use_PrivateKey_buffer(ctx, key_der, key_len, SSL_FILETYPE_ASN1),
            WOLFSSL_SUCCESS);
    }
}

START_TEST(takes_rsa_peers)
{
    make_rsa(mallory[_i], _i);
    world_init(&world, mallory[_i], bob[_i], 1);
    ck_assert_msg(world_connect(&world, HWS_SEC(1)), "as client: %s", world_log_tail(&world));
    world_fini(&world);
    world_init(&world, alice[_i], mallory[_i], 1);
    ck_assert_msg(world_connect(&world, HWS_SEC(1)), "as server: %s", world_log_tail(&world));
    world_fini(&world);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60); /* sanitizers on a busy machine; an RSA key */
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("dtls_identity");
    TCase *own = add_case(suite, "identity");
    TCase *certificates = add_case(suite, "certificates");
    TCase *fingerprints = add_case(suite, "fingerprints");
    TCase *others = add_case(suite, "other kinds of peers");

    tcase_add_test(own, makes_fresh_identities);
    tcase_add_test(own, makes_a_plain_certificate);
    tcase_add_loop_test(certificates, judges_the_client, 0, VARIANTS);
    tcase_add_loop_test(certificates, judges_the_server, 0, ABSENT); /* a server needs one */
    tcase_add_test(fingerprints, takes_any_of_the_list);
    tcase_add_loop_test(fingerprints, compares_all_of_it, 0, ROWS(good_hashes));
    tcase_add_test(fingerprints, refuses_bad_lists);
    tcase_add_loop_test(fingerprints, takes_it_in_the_middle, 0, 2);
    tcase_add_loop_test(fingerprints, holds_data_until_the_fingerprint_is_known, 0, 2);
    tcase_add_loop_test(fingerprints, forgets_held_data_when_closed, 0, 2);
    tcase_add_loop_test(others, speaks_every_suite, 0, ROWS(suites));
    tcase_add_loop_test(others, takes_rsa_peers, 0, 2);
    return run_suite(suite);
}
