/**
 * @file
 * The names of STUN and TURN: classes, methods, attribute types, error codes. No code.
 */
#ifndef HWS_STUN_STUN_H
#define HWS_STUN_STUN_H

enum {
    HWS_STUN_HEADER_LEN = 20,
    HWS_STUN_TID_LEN = 12,
    HWS_STUN_MESSAGE_MAX = 1280, /* biggest message that we write; ours are below 600 */
};

#define HWS_STUN_COOKIE 0x2112A442u

enum hws_stun_class { /* RFC 8489 section 5 */
                      HWS_STUN_REQUEST = 0,
                      HWS_STUN_INDICATION = 1,
                      HWS_STUN_SUCCESS = 2,
                      HWS_STUN_ERROR = 3,
};

enum hws_stun_method { /* RFC 8489 section 18.2, RFC 8656 section 17 */
                       HWS_STUN_BINDING = 0x001,
                       HWS_STUN_ALLOCATE = 0x003,
                       HWS_STUN_REFRESH = 0x004,
                       HWS_STUN_SEND = 0x006,
                       HWS_STUN_DATA = 0x007,
                       HWS_STUN_CREATE_PERMISSION = 0x008,
                       HWS_STUN_CHANNEL_BIND = 0x009,
};

enum hws_stun_attr_type { /* RFC 8489 section 18.3, RFC 8656 section 18, RFC 8445 section 20.1,
                           * RFC 5780 section 7 */
                          HWS_STUN_MAPPED_ADDRESS = 0x0001,
                          HWS_STUN_CHANGE_REQUEST = 0x0003,
                          HWS_STUN_USERNAME = 0x0006,
                          HWS_STUN_MESSAGE_INTEGRITY = 0x0008,
                          HWS_STUN_ERROR_CODE = 0x0009,
                          HWS_STUN_UNKNOWN_ATTRIBUTES = 0x000A,
                          HWS_STUN_CHANNEL_NUMBER = 0x000C,
                          HWS_STUN_LIFETIME = 0x000D,
                          HWS_STUN_XOR_PEER_ADDRESS = 0x0012,
                          HWS_STUN_DATA_ATTR = 0x0013,
                          HWS_STUN_REALM = 0x0014,
                          HWS_STUN_NONCE = 0x0015,
                          HWS_STUN_XOR_RELAYED_ADDRESS = 0x0016,
                          HWS_STUN_REQUESTED_ADDRESS_FAMILY = 0x0017,
                          HWS_STUN_EVEN_PORT = 0x0018,
                          HWS_STUN_REQUESTED_TRANSPORT = 0x0019,
                          HWS_STUN_DONT_FRAGMENT = 0x001A,
                          HWS_STUN_MESSAGE_INTEGRITY_SHA256 = 0x001C,
                          HWS_STUN_PASSWORD_ALGORITHM = 0x001D,
                          HWS_STUN_USERHASH = 0x001E,
                          HWS_STUN_XOR_MAPPED_ADDRESS = 0x0020,
                          HWS_STUN_RESERVATION_TOKEN = 0x0022,
                          HWS_STUN_PRIORITY = 0x0024,
                          HWS_STUN_USE_CANDIDATE = 0x0025,
                          HWS_STUN_ADDITIONAL_ADDRESS_FAMILY = 0x8000,
                          HWS_STUN_ADDRESS_ERROR_CODE = 0x8001,
                          HWS_STUN_PASSWORD_ALGORITHMS = 0x8002,
                          HWS_STUN_ALTERNATE_DOMAIN = 0x8003,
                          HWS_STUN_SOFTWARE = 0x8022,
                          HWS_STUN_ALTERNATE_SERVER = 0x8023,
                          HWS_STUN_FINGERPRINT = 0x8028,
                          HWS_STUN_ICE_CONTROLLED = 0x8029,
                          HWS_STUN_ICE_CONTROLLING = 0x802A,
                          HWS_STUN_RESPONSE_ORIGIN = 0x802B,
                          HWS_STUN_OTHER_ADDRESS = 0x802C,
                          HWS_STUN_NOMINATION = 0xC001, /* draft-thatcher-ice-renomination */
};

/* Bits of CHANGE-REQUEST: RFC 5780 section 7.2. */
enum { HWS_STUN_CHANGE_IP = 4, HWS_STUN_CHANGE_PORT = 2 };

enum hws_stun_error_code { /* RFC 8489 section 14.8, RFC 8656 section 19, RFC 8445 section 20.2 */
                           HWS_STUN_TRY_ALTERNATE = 300,
                           HWS_STUN_BAD_REQUEST = 400,
                           HWS_STUN_UNAUTHENTICATED = 401,
                           HWS_STUN_FORBIDDEN = 403,
                           HWS_STUN_UNKNOWN_ATTRIBUTE = 420,
                           HWS_STUN_ALLOCATION_MISMATCH = 437,
                           HWS_STUN_STALE_NONCE = 438,
                           HWS_STUN_FAMILY_NOT_SUPPORTED = 440,
                           HWS_STUN_WRONG_CREDENTIALS = 441,
                           HWS_STUN_TRANSPORT_NOT_SUPPORTED = 442,
                           HWS_STUN_PEER_FAMILY_MISMATCH = 443,
                           HWS_STUN_ALLOCATION_QUOTA = 486,
                           HWS_STUN_ROLE_CONFLICT = 487,
                           HWS_STUN_SERVER_ERROR = 500,
                           HWS_STUN_NO_CAPACITY = 508,
};

#endif /* HWS_STUN_STUN_H */
