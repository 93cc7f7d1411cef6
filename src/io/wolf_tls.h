/**
 * @file
 * TLS as a client over a connected, non-blocking socket, with the server's certificate checked: its
 * chain against trusted ones, its name against the one that we asked for. wolfSSL's home in io/.
 */
#ifndef HWS_IO_WOLF_TLS_H
#define HWS_IO_WOLF_TLS_H

#include <hawser/err.h>
#include <hawser/types.h>

/** Whom we trust; shared by any number of connections. */
struct hws_tls_trust;

/** @param[in] ca_file  PEM; NULL = the system's store
 *  @retval HWS_ERR_IO  no certificate could be read @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_tls_trust_new(const char *ca_file, struct hws_tls_trust **out);
void hws_tls_trust_free(struct hws_tls_trust *trust); /**< after its connections; accepts NULL */

struct hws_tls;

/** @param[in] name  host name or IP address that the certificate must be for
 *  @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_tls_new(struct hws_tls_trust *trust, int fd, const char *name,
                                      struct hws_tls **out);
void hws_tls_free(struct hws_tls *tls); /**< accepts NULL; the socket stays open */

/** Go on with the handshake. @retval HWS_ERR_AGAIN  when the socket is ready again
 *  @retval HWS_ERR_HANDSHAKE @retval HWS_ERR_CLOSED */
HWS_MUST_USE enum hws_err hws_tls_connect(struct hws_tls *tls);
/** @retval HWS_ERR_AGAIN nothing there @retval HWS_ERR_CLOSED */
HWS_MUST_USE enum hws_err hws_tls_read(struct hws_tls *tls, uint8_t *out, size_t cap,
                                       size_t *out_len);
/** The same bytes have to be given again after HWS_ERR_AGAIN. @retval HWS_ERR_CLOSED */
HWS_MUST_USE enum hws_err hws_tls_write(struct hws_tls *tls, struct hws_bytes bytes,
                                        size_t *out_len);
bool hws_tls_wants_write(const struct hws_tls *tls); /**< what HWS_ERR_AGAIN waits for */
int hws_tls_code(const struct hws_tls *tls);         /**< wolfSSL's, of the last failure */

#endif /* HWS_IO_WOLF_TLS_H */
