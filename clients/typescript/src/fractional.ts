/**
 * Fractional indexes: keys between any two keys, in the format of the package
 * `fractional-indexing`, so that clients which use it can go on from ours. A key is an integer,
 * whose first letter says how many digits follow, and a fraction without a trailing zero.
 */

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SMALLEST = `A${"0".repeat(26)}`;

/** How long an integer is that begins with this letter. */
function lengthOf(head: string): number {
  const code = head.charCodeAt(0);
  return code > 96 ? code - 95 : 92 - code;
}

function split(key: string): [integer: string, fraction: string] {
  const length = lengthOf(key);
  return [key.slice(0, length), key.slice(length)];
}

/** Whether a key has the format: another program may have made it. */
export function isKey(key: string): boolean {
  const isShaped = /^[A-Za-z][0-9A-Za-z]+$/.test(key) && key.length >= lengthOf(key);
  return isShaped && key !== SMALLEST && !split(key)[1].endsWith("0");
}

/** The integer after or before; null if there is none. */
function next(integer: string, by: 1 | -1): string | null {
  const digits = [...integer];
  for (let at = digits.length - 1; at > 0; at -= 1) {
    const digit = DIGITS.indexOf(digits[at] as string) + by;
    digits[at] = DIGITS.at(digit % 62) as string;
    if (digit >= 0 && digit < 62) return digits.join("");
  }
  const head = DIGITS[DIGITS.indexOf(integer[0] as string) + by];
  return !head || head < "A" ? null : head + (by > 0 ? "0" : "z").repeat(lengthOf(head) - 1);
}

/** A fraction between two; null for the end. */
function middle(lower: string, upper: string | null): string {
  if (upper) {
    let same = 0;
    while ((lower[same] ?? "0") === upper[same]) same += 1;
    if (same > 0) return upper.slice(0, same) + middle(lower.slice(same), upper.slice(same));
  }
  const low = lower ? DIGITS.indexOf(lower[0] as string) : 0;
  const high = upper ? DIGITS.indexOf(upper[0] as string) : 62;
  if (high - low > 1) return DIGITS[Math.round((low + high) / 2)] as string;
  return upper && upper.length > 1
    ? (upper[0] as string)
    : (DIGITS[low] as string) + middle(lower.slice(1), null);
}

/** A key between two keys of which the first is the lower one; null for either end. */
export function keyBetween(lower: string | null, upper: string | null): string {
  if (lower === null) {
    if (upper === null) return "a0";
    const [integer, fraction] = split(upper);
    const before = next(integer, -1);
    return before === null ? integer + middle("", fraction) : fraction ? integer : before;
  }
  const [integer, fraction] = split(lower);
  if (upper !== null && upper.startsWith(integer))
    return integer + middle(fraction, split(upper)[1]);
  const after = next(integer, 1);
  return after !== null && (upper === null || after < upper)
    ? after
    : integer + middle(fraction, null);
}
