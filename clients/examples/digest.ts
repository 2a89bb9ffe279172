// The digest of a user's live todos, as the server computes it: ../vectors/README.md.
import type { Row } from "./fields.js";

const u64 = (n: bigint): bigint => BigInt.asUintN(64, n);

function mix(word: bigint): bigint {
  let z = u64(word + 0x9e3779b97f4a7c15n);
  z = u64((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = u64((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

/** Stamps are `updated_at` as the server writes it, with six fraction digits. */
export function digest(rows: Iterable<[id: string, row: Row]>): string {
  let sum = 0n;
  for (const [id, { version, stamp, fields }] of rows) {
    if (fields["deleted"]) continue;
    const bits = BigInt(`0x${id.replaceAll("-", "")}`);
    const micros = BigInt(Date.parse(`${stamp.slice(0, 23)}Z`)) * 1000n + BigInt(stamp.slice(23, 26));
    const words = [bits >> 64n, bits, BigInt(version), micros].map(u64);
    sum += words.reduce((hash, word) => mix(hash ^ word), 0n);
  }
  return u64(sum).toString(16).padStart(16, "0");
}
