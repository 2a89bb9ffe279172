/** Names that no other device makes, and names that every device makes alike. */

/** What every id looks like; other programs may write capitals. */
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

let last = 0;

/** Writes 16 bytes as a UUID of a version (RFC 9562). */
function uuid(bytes: Uint8Array, version: number): string {
  bytes[6] = ((bytes[6] as number) & 15) | (version << 4);
  bytes[8] = ((bytes[8] as number) & 63) | 128;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/**
 * A UUIDv7. Ids of one tab are in the order in which they were made, so that pasted lines keep
 * theirs. `crypto.randomUUID` is missing on plain http; random bytes are not.
 */
export function newId(): string {
  // Milliseconds and 12 bits that count: 4,096 ids a millisecond.
  last = Math.max(Date.now() * 4096, last + 1);
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, last / 2 ** 28);
  view.setUint16(4, last / 4096);
  view.setUint16(6, last % 4096);
  return uuid(bytes, 7);
}

/**
 * A UUIDv5: the same for the same name in the same namespace. The browser's own SHA-1 is
 * asynchronous and missing on plain http, and a todo is completed at once, everywhere.
 */
export function idOf(name: string, namespace: string): string {
  const digits = namespace.replaceAll("-", "").match(/../g) ?? [];
  const space = digits.map((byte) => Number(`0x${byte}`));
  return uuid(sha1([...space, ...new TextEncoder().encode(name)]).slice(0, 16), 5);
}

const turned = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

/** SHA-1 (FIPS 180-4). */
function sha1(bytes: readonly number[]): Uint8Array {
  const end = ((bytes.length + 72) >> 6) << 6;
  const block = new Uint8Array(end);
  block.set([...bytes, 128]);
  const view = new DataView(block.buffer);
  view.setUint32(end - 4, bytes.length * 8);
  let sum = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  for (let start = 0; start < end; start += 64) {
    const words: number[] = [];
    const word = (at: number): number => words[at] as number;
    let [a, b, c, d, e] = sum as [number, number, number, number, number];
    for (let t = 0; t < 80; t += 1) {
      words[t] =
        t < 16
          ? view.getUint32(start + t * 4)
          : turned(word(t - 3) ^ word(t - 8) ^ word(t - 14) ^ word(t - 16), 1);
      const quarter = Math.floor(t / 20);
      const mixed = [(b & c) | (~b & d), b ^ c ^ d, (b & c) | (b & d) | (c & d), b ^ c ^ d][
        quarter
      ] as number;
      // The constants of the four quarters are square roots.
      const constant = Math.floor(Math.sqrt([2, 3, 5, 10][quarter] as number) * 2 ** 30);
      [a, b, c, d, e] = [
        (turned(a, 5) + mixed + e + word(t) + constant) | 0,
        a,
        turned(b, 30),
        c,
        d,
      ];
    }
    sum = [a, b, c, d, e].map((part, at) => (part + (sum[at] as number)) | 0);
  }
  sum.forEach((part, at) => view.setInt32(at * 4, part));
  return block;
}
