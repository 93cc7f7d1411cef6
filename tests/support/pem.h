/* Certificates and keys of tests/vectors/pem, which no one trusts. */
#ifndef HWS_TESTS_PEM_H
#define HWS_TESTS_PEM_H

#include <hawser/peer.h>

enum { PEM_FILE_MAX = 70 * 1024 };

/** The whole file; static, until the second next call. */
struct hws_bytes pem_load(const char *name);
/** An identity of two of the files. */
enum hws_err pem_identity(const char *certificate, const char *key, enum hws_dtls_versions versions,
                          struct hws_identity **out);

#endif /* HWS_TESTS_PEM_H */
