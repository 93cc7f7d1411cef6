/* Certificates of the user's own: which are taken, which are refused, and that they work. */
#include "support/dtls_world.h"
#include "support/pem.h"
#include "support/suite.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

static struct world world;

struct row {
    const char *certificate, *key;
    enum hws_err err;
};

static const struct row rows[] = {
    {"p256.crt",        "p256.key",              HWS_OK             },
    {"p256.crt",        "p256-sec1.key",         HWS_OK             },
    {"p256-params.crt", "p256-params.key",       HWS_OK             }, /* EC PARAMETERS before it */
    {"chain.crt",       "p256.key",              HWS_OK             },
    {"rsa2048.crt",     "rsa2048.key",           HWS_OK             },
    {"rsa2048.crt",     "rsa2048-pkcs1.key",     HWS_OK             },
    {"rsa4096.crt",     "rsa4096.key",           HWS_OK             }, /* 5.9 KB: several datagrams */
    {"p256.crt",        "p256-params.key",       HWS_ERR_MISMATCH   },
    {"p256.crt",        "rsa2048.key",           HWS_ERR_MISMATCH   },
    {"rsa2048.crt",     "p256.key",              HWS_ERR_MISMATCH   },
    {"rsa2048.crt",     "rsa4096.key",           HWS_ERR_MISMATCH   },
    {"p384.crt",        "p256.key",              HWS_ERR_MISMATCH   },
    {"ed25519.crt",     "p256.key",              HWS_ERR_MALFORMED  }, /* not built into wolfSSL */
    {"chain.crt",       "rsa2048.key",           HWS_ERR_MISMATCH   }, /* of the second in it */
    {"p384.crt",        "p384.key",              HWS_ERR_UNSUPPORTED},
    {"ed25519.crt",     "ed25519.key",           HWS_ERR_UNSUPPORTED},
    {"rsa1024.crt",     "rsa1024.key",           HWS_ERR_UNSUPPORTED},
    {"p256.crt",        "p256-encrypted.key",    HWS_ERR_UNSUPPORTED},
    {"rsa2048.crt",     "rsa2048-encrypted.key", HWS_ERR_UNSUPPORTED},
    {"p256.key",        "p256.key",              HWS_ERR_MALFORMED  },
    {"p256.crt",        "p256.crt",              HWS_ERR_MALFORMED  },
    {"too-big.crt",     "p256.key",              HWS_ERR_TOO_BIG    },
    {"p256.crt",        NULL,                    HWS_ERR_ARGUMENT   },
    {NULL,              "p256.key",              HWS_ERR_ARGUMENT   },
};

START_TEST(takes_or_refuses)
{
    const struct row *row = &rows[_i];

    for (int versions = 0; versions < 3; versions++) {
        struct hws_identity *identity = NULL;
        enum hws_err err =
            pem_identity(row->certificate, row->key, (enum hws_dtls_versions)versions, &identity);

        ck_assert_msg(err == row->err, "%s with %s: %s", row->certificate ? row->certificate : "-",
                      row->key ? row->key : "-", hws_err_name(err));
        ck_assert((identity != NULL) == (err == HWS_OK));
        hws_identity_free(identity);
    }
}
END_TEST

/* Every version of DTLS, in both roles, against one that was made fresh. */
START_TEST(connects_with_it)
{
    static const char *const versions[] = {"DTLSv1.3", "DTLSv1.2", "DTLSv1.3"};
    const struct row *row = &rows[_i];

    if (row->err) return;
    for (int i = 0; i < 3; i++) {
        struct hws_identity *fresh = world_identity((enum hws_dtls_versions)i), *own;

        ck_assert_int_eq(pem_identity(row->certificate, row->key, (enum hws_dtls_versions)i, &own),
                         HWS_OK);
        for (int end = 0; end < ENDS; end++) {
            world_init(&world, end == CLIENT ? own : fresh, end == CLIENT ? fresh : own, 1);
            ck_assert_msg(world_connect(&world, HWS_SEC(2)), "%s", world_log_tail(&world));
            ck_assert_str_eq(hws_dtls_version(world.end[CLIENT]), versions[i]);
            world_fini(&world);
        }
        hws_identity_free(own);
        hws_identity_free(fresh);
    }
}
END_TEST

/* A chain of two, and the fingerprint is that of the first: what is shown is the leaf alone. */
START_TEST(shows_the_leaf)
{
    struct hws_identity *chain, *leaf;
    struct hws_fingerprint a, b;

    ck_assert_int_eq(pem_identity("chain.crt", "p256.key", HWS_DTLS_13_OR_12, &chain), HWS_OK);
    ck_assert_int_eq(pem_identity("p256.crt", "p256.key", HWS_DTLS_13_OR_12, &leaf), HWS_OK);
    ck_assert_int_eq(hws_identity_fingerprint(chain, HWS_HASH_SHA256, &a), HWS_OK);
    ck_assert_int_eq(hws_identity_fingerprint(leaf, HWS_HASH_SHA256, &b), HWS_OK);
    ck_assert_mem_eq(a.digest, b.digest, 32);
    hws_identity_free(chain);
    hws_identity_free(leaf);
}
END_TEST

/* Cut anywhere, or with any byte damaged, it is refused or works; nothing else happens. */
START_TEST(survives_every_damage)
{
    static const char *const names[] = {"p256.crt", "p256.key", "p256-sec1.key",
                                        "rsa2048-pkcs1.key", "p256-encrypted.key"};
    const char *name = names[_i];
    bool is_key = strstr(name, ".key") != NULL;
    struct hws_bytes whole = pem_load(name), other = pem_load(is_key ? "p256.crt" : "p256.key");
    size_t step = whole.len > 1000 ? 7 : 1;

    for (size_t at = 0; at < 2 * whole.len; at += step) {
        size_t len = at < whole.len ? at : whole.len;
        uint8_t *copy = calloc(1, len + 1); /* a block of its own, for AddressSanitizer */
        struct hws_bytes damaged = {copy, len};
        struct hws_identity_config config = {.certificate = is_key ? other : damaged,
                                             .private_key = is_key ? damaged : other};
        struct hws_identity *identity = NULL;
        enum hws_err err;

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, whole.data, len);
        if (at >= whole.len) copy[at - whole.len] ^= 0x02;
        err = hws_identity_new_from(&config, &identity);
        ck_assert((identity != NULL) == (err == HWS_OK));
        ck_assert(err == HWS_OK || err == HWS_ERR_MALFORMED || err == HWS_ERR_MISMATCH ||
                  err == HWS_ERR_UNSUPPORTED || (err == HWS_ERR_ARGUMENT && len == 0));
        hws_identity_free(identity);
        free(copy);
    }
}
END_TEST

START_TEST(refuses_bad_calls)
{
    static uint8_t huge[HWS_PEM_MAX + 1];
    struct hws_identity_config config = {.versions = (enum hws_dtls_versions)3};
    struct hws_identity *identity = NULL;

    ck_assert_int_eq(hws_identity_new_from(&config, &identity), HWS_ERR_ARGUMENT);
    config.versions = HWS_DTLS_13_OR_12;
    config.certificate = (struct hws_bytes){huge, sizeof(huge)};
    config.private_key = pem_load("p256.key");
    ck_assert_int_eq(hws_identity_new_from(&config, &identity), HWS_ERR_TOO_BIG);
    config.private_key = config.certificate;
    config.certificate = pem_load("p256.crt");
    ck_assert_int_eq(hws_identity_new_from(&config, &identity), HWS_ERR_TOO_BIG);
    ck_assert_ptr_null(identity);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dtls_pem");
    TCase *tcase = tcase_create("pem");

    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, takes_or_refuses, 0, ROWS(rows));
    tcase_add_loop_test(tcase, connects_with_it, 0, ROWS(rows));
    tcase_add_test(tcase, shows_the_leaf);
    tcase_add_loop_test(tcase, survives_every_damage, 0, 5);
    tcase_add_test(tcase, refuses_bad_calls);
    return run_suite(suite);
}
