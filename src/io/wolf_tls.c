#include "io/wolf_tls.h"

#include "base/address.h"
#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

struct hws_tls_trust {
    WOLFSSL_CTX *ctx;
};

struct hws_tls {
    WOLFSSL *ssl;
    int fd;
    int code;
    bool wants_write;
};

static int io_error(int received)
{
    if (received == 0) return WOLFSSL_CBIO_ERR_CONN_CLOSE;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return WOLFSSL_CBIO_ERR_WANT_READ;
    if (errno == EINTR) return WOLFSSL_CBIO_ERR_ISR;
    return WOLFSSL_CBIO_ERR_GENERAL;
}

static int on_receive(WOLFSSL *ssl, char *out, int cap, void *user)
{
    const struct hws_tls *tls = user;
    ssize_t len = recv(tls->fd, out, (size_t)cap, 0);

    (void)ssl;
    return len > 0 ? (int)len : io_error((int)len);
}

/* A server that hung up must not end the program with SIGPIPE. */
static int on_send(WOLFSSL *ssl, char *data, int len, void *user)
{
    const struct hws_tls *tls = user;
    ssize_t sent = send(tls->fd, data, (size_t)len, MSG_NOSIGNAL);

    (void)ssl;
    if (sent >= 0) return (int)sent;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return WOLFSSL_CBIO_ERR_WANT_WRITE;
    return io_error(-1);
}

/* ALWAYS_VERIFY_CB of our build asks us for good certificates too: what wolfSSL found stands. */
static int on_verify(int good, WOLFSSL_X509_STORE_CTX *store)
{
    (void)store;
    return good;
}

enum hws_err hws_tls_trust_new(const char *ca_file, struct hws_tls_trust **out)
{
    struct hws_tls_trust *trust = calloc(1, sizeof(*trust));
    int loaded;

    if (!trust) return HWS_ERR_NO_MEMORY;
    trust->ctx = wolfSSL_CTX_new(wolfSSLv23_client_method());
    if (!trust->ctx) {
        free(trust);
        return HWS_ERR_NO_MEMORY;
    }
    (void)wolfSSL_CTX_SetMinVersion(trust->ctx, WOLFSSL_TLSV1_2);
    wolfSSL_CTX_SetIORecv(trust->ctx, on_receive);
    wolfSSL_CTX_SetIOSend(trust->ctx, on_send);
    wolfSSL_CTX_set_verify(trust->ctx, WOLFSSL_VERIFY_PEER, on_verify);
    if (ca_file) {
        loaded = wolfSSL_CTX_load_verify_locations(trust->ctx, ca_file, NULL);
    } else {
        loaded = wolfSSL_CTX_load_system_CA_certs(trust->ctx);
    }
    if (loaded != WOLFSSL_SUCCESS) {
        hws_tls_trust_free(trust);
        return HWS_ERR_IO;
    }
    *out = trust;
    return HWS_OK;
}

void hws_tls_trust_free(struct hws_tls_trust *trust)
{
    if (!trust) return;
    wolfSSL_CTX_free(trust->ctx);
    free(trust);
}

/* The name of the server, for its choice of a certificate and for our check of it. */
static bool expect_name(WOLFSSL *ssl, const char *name)
{
    struct hws_address addr;
    size_t len = strlen(name);

    if (len == 0 || len > UINT16_MAX) return false;
    if (!hws_address_read(hws_bytes_of(name), &addr))
        return wolfSSL_check_ip_address(ssl, name) == WOLFSSL_SUCCESS;
    return wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, name, (unsigned short)len) ==
               WOLFSSL_SUCCESS &&
           wolfSSL_check_domain_name(ssl, name) == WOLFSSL_SUCCESS;
}

enum hws_err hws_tls_new(struct hws_tls_trust *trust, int fd, const char *name,
                         struct hws_tls **out)
{
    struct hws_tls *tls = calloc(1, sizeof(*tls));

    if (!tls) return HWS_ERR_NO_MEMORY;
    tls->fd = fd;
    tls->ssl = wolfSSL_new(trust->ctx);
    if (!tls->ssl || !expect_name(tls->ssl, name)) {
        hws_tls_free(tls);
        return HWS_ERR_CRYPTO;
    }
    wolfSSL_SetIOReadCtx(tls->ssl, tls);
    wolfSSL_SetIOWriteCtx(tls->ssl, tls);
    *out = tls;
    return HWS_OK;
}

void hws_tls_free(struct hws_tls *tls)
{
    if (!tls) return;
    wolfSSL_free(tls->ssl);
    free(tls);
}

static enum hws_err failed(struct hws_tls *tls, int result, enum hws_err otherwise)
{
    tls->code = wolfSSL_get_error(tls->ssl, result);
    tls->wants_write = tls->code == WOLFSSL_ERROR_WANT_WRITE;
    if (tls->wants_write || tls->code == WOLFSSL_ERROR_WANT_READ) return HWS_ERR_AGAIN;
    return otherwise;
}

enum hws_err hws_tls_connect(struct hws_tls *tls)
{
    int result = wolfSSL_connect(tls->ssl);

    return result == WOLFSSL_SUCCESS ? HWS_OK : failed(tls, result, HWS_ERR_HANDSHAKE);
}

enum hws_err hws_tls_read(struct hws_tls *tls, uint8_t *out, size_t cap, size_t *out_len)
{
    int result = wolfSSL_read(tls->ssl, out, (int)cap);

    if (result <= 0) return failed(tls, result, HWS_ERR_CLOSED);
    *out_len = (size_t)result;
    return HWS_OK;
}

enum hws_err hws_tls_write(struct hws_tls *tls, struct hws_bytes bytes, size_t *out_len)
{
    int result = wolfSSL_write(tls->ssl, bytes.data, (int)bytes.len);

    if (result <= 0) return failed(tls, result, HWS_ERR_CLOSED);
    *out_len = (size_t)result;
    return HWS_OK;
}

bool hws_tls_wants_write(const struct hws_tls *tls)
{
    return tls->wants_write;
}

int hws_tls_code(const struct hws_tls *tls)
{
    return tls->code;
}
