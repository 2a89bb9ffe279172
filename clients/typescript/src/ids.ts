/** Names that no other device makes, and names that every device makes alike. */

let last = 0;

const hex = (bytes: Iterable<number>): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function uuid(digits: string): string {
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/**
 * A UUIDv7. Ids of one tab are in the order in which they were made, so that pasted lines keep
 * theirs. `crypto.randomUUID` is missing on plain http; random bytes are not.
 */
export function newId(): string {
  // Milliseconds and 12 bits that count: 4,096 ids a millisecond.
  last = Math.max(Date.now() * 4096, last + 1);
  const [time, count] = [Math.floor(last / 4096), last % 4096].map((part) => part.toString(16)) as [string, string];
  const random = crypto.getRandomValues(new Uint8Array(8));
  random[0] = ((random[0] as number) & 63) | 128;
  return uuid(`${time.padStart(12, "0")}7${count.padStart(3, "0")}${hex(random)}`);
}

/**
 * A UUIDv5 (RFC 9562): the same for the same name in the same namespace. The browser's own SHA-1
 * is asynchronous and missing on plain http, and a todo is completed at once, everywhere.
 */
export function idOf(name: string, namespace: string): string {
  const space = (namespace.replaceAll("-", "").match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
  const hash = sha1([...space, ...new TextEncoder().encode(name)]).slice(0, 16);
  hash[6] = ((hash[6] as number) & 15) | 80;
  hash[8] = ((hash[8] as number) & 63) | 128;
  return uuid(hex(hash));
}

const turned = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

/** SHA-1 (FIPS 180-4). */
function sha1(bytes: readonly number[]): Uint8Array {
  const end = ((bytes.length + 72) >> 6) << 6;
  const block = new Uint8Array(end);
  block.set([...bytes, 128]);
  const view = new DataView(block.buffer);
  view.setUint32(end - 4, bytes.length * 8);
  const sum = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  for (let start = 0; start < end; start += 64) {
    const words: number[] = [];
    const word = (at: number): number => words[at] as number;
    let [a, b, c, d, e] = sum as [number, number, number, number, number];
    for (let t = 0; t < 80; t += 1) {
      words[t] = t < 16 ? view.getUint32(start + t * 4) : turned(word(t - 3) ^ word(t - 8) ^ word(t - 14) ^ word(t - 16), 1);
      const mixed =
        t < 20
          ? ((b & c) | (~b & d)) + 0x5a827999
          : t >= 40 && t < 60
            ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
            : (b ^ c ^ d) + (t < 40 ? 0x6ed9eba1 : 0xca62c1d6);
      [a, b, c, d, e] = [(turned(a, 5) + mixed + e + word(t)) | 0, a, turned(b, 30), c, d];
    }
    [a, b, c, d, e].forEach((part, at) => (sum[at] = ((sum[at] as number) + part) | 0));
  }
  sum.forEach((part, at) => view.setInt32(at * 4, part));
  return block.slice(0, 20);
}
