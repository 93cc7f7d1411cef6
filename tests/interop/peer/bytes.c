#include "bytes.h"

#include <pthread.h>

/* Eight tables, eight bytes a step: 64 MiB must not be slow to check. */
enum { SLICES = 8 };

static uint32_t table[SLICES][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;

        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
        }
        table[0][byte] = crc;
    }
    for (int slice = 1; slice < SLICES; slice++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t crc = table[slice - 1][byte];

            table[slice][byte] = crc >> 8 ^ table[0][crc & 0xFF];
        }
    }
}

static uint32_t load(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

uint32_t interop_crc(uint32_t before, struct hws_bytes bytes)
{
    uint32_t crc = ~before;
    size_t i = 0;

    (void)pthread_once(&table_once, make_table);
    for (; bytes.len - i >= SLICES; i += SLICES) {
        uint32_t low = crc ^ load(bytes.data + i);
        uint32_t high = load(bytes.data + i + 4);

        crc = table[7][low & 0xFF] ^ table[6][low >> 8 & 0xFF] ^ table[5][low >> 16 & 0xFF] ^
              table[4][low >> 24] ^ table[3][high & 0xFF] ^ table[2][high >> 8 & 0xFF] ^
              table[1][high >> 16 & 0xFF] ^ table[0][high >> 24];
    }
    for (; i < bytes.len; i++) {
        crc = crc >> 8 ^ table[0][(crc ^ bytes.data[i]) & 0xFF];
    }
    return ~crc;
}

void interop_fill(uint8_t *out, size_t len, enum hws_message_kind kind, uint32_t seed)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = kind == HWS_TEXT ? (uint8_t)('a' + (seed + i) % 26)
                                  : (uint8_t)(seed * 31 + i * 7 + (i >> 8));
    }
}
