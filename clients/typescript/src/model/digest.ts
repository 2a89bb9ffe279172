/** The digest of a list, as the server computes it (`clients/vectors/README.md`). */

import { isDeleted } from "./fields.js";
import type { Row } from "./entry.js";
import { memo } from "./memo.js";

const cut = (value: bigint): bigint => BigInt.asUintN(64, value);

function mix(word: bigint): bigint {
  let z = cut(word + 0x9e3779b97f4a7c15n);
  z = cut((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = cut((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

/** Microseconds since 1970 of a stamp with six fraction digits. */
export function micros(stamp: string): bigint {
  return BigInt(Date.parse(`${stamp.slice(0, 19)}Z`)) * 1000n + BigInt(stamp.slice(20, 26));
}

/** The hash of one todo. */
export function hash(id: string, version: number, stamp: string): bigint {
  const bits = BigInt(`0x${id.replaceAll("-", "")}`);
  return [bits >> 64n, cut(bits), BigInt(version), cut(micros(stamp))].reduce(
    (h, word) => mix(h ^ word),
    0n,
  );
}

// Rows are never changed in place.
const hashOf = memo((row: Row, id: string) => hash(id, row.version, row.stamp));

/** The digest of the live ones among the rows: 16 hexadecimal digits. */
export function digest(rows: Iterable<readonly [id: string, row: Row]>): string {
  let sum = 0n;
  for (const [id, row] of rows) if (!isDeleted(row.fields)) sum += hashOf(row, id);
  return cut(sum).toString(16).padStart(16, "0");
}
