// The bytes that the runner and its peers agree on (README.md beside this folder), and their hash.
// Plain JavaScript: a page and Node alike import it.

const table = new Uint32Array(256).map((_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xEDB88320 : crc >>> 1;
  return crc;
});

// CRC-32 (IEEE) of what came before (0 at first) and these bytes.
export function crc32(before, bytes) {
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

export const hex = (crc) => crc.toString(16).padStart(8, '0');

const cycle = new Uint8Array(65536).map((_, i) => (i * 7 + (i >> 8)) & 255);

export function fill(kind, size, seed) {
  const out = new Uint8Array(size);
  if (kind === 'text') return out.map((_, i) => 97 + (seed + i) % 26);
  const add = seed * 31 & 255;
  for (let i = 0; i < size; i++) out[i] = cycle[i & 65535] + add;
  return out;
}
