/**
 * @file
 * Base64 (RFC 4648 section 4), strict: no white space, padding required, no stray bits.
 */
#ifndef HWS_CRYPTO_BASE64_H
#define HWS_CRYPTO_BASE64_H

#include "base/writer.h"

#include <hawser/err.h>

/** Append the base64 of @p bytes with padding; a writer too small fails. */
void hws_base64_write(struct hws_writer *out, struct hws_bytes bytes);

/** Append the bytes that @p text encodes. @retval HWS_ERR_MALFORMED @retval HWS_ERR_FULL */
HWS_MUST_USE enum hws_err hws_base64_read(struct hws_bytes text, struct hws_writer *out);

#endif /* HWS_CRYPTO_BASE64_H */
