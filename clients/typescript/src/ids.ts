/** Names that no other device makes. */

let last = 0;

/**
 * A UUIDv7. Ids of one tab are in the order in which they were made, so that pasted lines keep
 * theirs. `crypto.randomUUID` is missing on plain http; random bytes are not.
 */
export function newId(): string {
  // Milliseconds and 12 bits that count: 4,096 ids a millisecond.
  last = Math.max(Date.now() * 4096, last + 1);
  const time = Math.floor(last / 4096).toString(16).padStart(12, "0");
  const count = (last % 4096).toString(16).padStart(3, "0");
  const random = [...crypto.getRandomValues(new Uint8Array(8))].map((byte, at) => (at ? byte : (byte & 63) | 128).toString(16).padStart(2, "0")).join("");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${random.slice(0, 4)}-${random.slice(4)}`;
}
