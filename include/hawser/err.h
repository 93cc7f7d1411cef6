/**
 * @file
 * The one error vocabulary of Hawser.
 *
 * A function that can fail returns `enum hws_err` and nothing else; results leave through
 * out-parameters, which are written only on HWS_OK. The class of an error says whose problem
 * it is, and so what the caller does next.
 */
#ifndef HAWSER_ERR_H
#define HAWSER_ERR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Whose problem an error is. */
enum hws_err_class {
    HWS_CLASS_NONE,   /**< no error */
    HWS_CLASS_CALLER, /**< the calling code broke the contract: fix the program */
    HWS_CLASS_PEER,   /**< the remote end sent nonsense or refused: drop it and carry on */
    HWS_CLASS_LIMIT,  /**< a documented capacity or time is used up: drain, then try again */
    HWS_CLASS_HOST,   /**< memory, entropy, a socket or a library failed: close the object */
};

/* Every error once: name, class, text. Add at the end of its class. */
#define HWS_ERRORS(E)                                                                    \
    E(OK, NONE, "success")                                                               \
    E(ERR_ARGUMENT, CALLER, "an argument is outside its documented range")               \
    E(ERR_STATE, CALLER, "the operation is not legal in the current state")              \
    E(ERR_TRUNCATED, PEER, "the message ends before its own length says")                \
    E(ERR_MALFORMED, PEER, "the message breaks its format")                              \
    E(ERR_UNSUPPORTED, PEER, "the message asks for something that is not supported")     \
    E(ERR_INTEGRITY, PEER, "an integrity check failed")                                  \
    E(ERR_MISMATCH, PEER, "the answer does not fit the offer")                           \
    E(ERR_UNEXPECTED, PEER, "the message is not expected now; it was dropped")           \
    E(ERR_FINGERPRINT, PEER, "the certificate does not match the signalled fingerprint") \
    E(ERR_HANDSHAKE, PEER, "the DTLS handshake failed")                                  \
    E(ERR_REFUSED, PEER, "the other side refused")                                       \
    E(ERR_NOT_FOUND, PEER, "nobody is known by that id")                                 \
    E(ERR_CLOSED, PEER, "the other side closed")                                         \
    E(ERR_UNREACHABLE, PEER, "no path to the other side works")                          \
    E(ERR_FULL, LIMIT, "a fixed-size table or queue is full")                            \
    E(ERR_TOO_BIG, LIMIT, "the message is bigger than the receiver takes")               \
    E(ERR_TIMEOUT, LIMIT, "the time allowed is used up")                                 \
    E(ERR_AGAIN, LIMIT, "nothing is there yet")                                          \
    E(ERR_NO_MEMORY, HOST, "out of memory")                                              \
    E(ERR_CRYPTO, HOST, "the crypto library failed")                                     \
    E(ERR_LIBRARY, HOST, "a library failed")                                             \
    E(ERR_IO, HOST, "the operating system refused")

#define HWS_ERR_ENUM(name, class, text) HWS_##name,
/** Result of a fallible operation; HWS_OK is zero, so `if (err)` reads as "if it failed". */
enum hws_err { HWS_ERRORS(HWS_ERR_ENUM) HWS_ERR_COUNT };
#undef HWS_ERR_ENUM

/** Name of @p err, such as "ERR_FULL"; never NULL. */
const char *hws_err_name(enum hws_err err);

/** One English line for @p err, without a full stop; never NULL. */
const char *hws_strerror(enum hws_err err);

/** Class of @p err; an unknown value counts as HWS_CLASS_HOST. */
enum hws_err_class hws_err_class(enum hws_err err);

/** Why an object last failed: kept by the object, read with its `_fault` function. */
struct hws_fault {
    enum hws_err err;
    const char *layer; /**< "ice", "dtls", "sctp", "signal"...; static text, never NULL */
    const char *what;  /**< one English clause; static text, never NULL */
    int32_t foreign;   /**< wolfSSL code, errno, SCTP cause or gRPC status; 0 if none */
};

#if defined(__GNUC__)
#define HWS_MUST_USE __attribute__((warn_unused_result))
#else
#define HWS_MUST_USE
#endif

#ifdef __cplusplus
}
#endif

#endif /* HAWSER_ERR_H */
