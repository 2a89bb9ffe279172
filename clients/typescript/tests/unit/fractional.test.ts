/** Keys of an order against those of the package whose format they have. */

import { generateKeyBetween } from "fractional-indexing";
import { expect, test } from "vitest";

import { isKey, keyBetween } from "../../src/fractional.js";
import { Random } from "../simulation/random.js";

function accepts(key: string): boolean {
  try {
    generateKeyBetween(key, null);
    return true;
  } catch {
    return false;
  }
}

test("keys are those of fractional-indexing, wherever they are put in", () => {
  const random = new Random(7);
  const keys: string[] = [keyBetween(null, null)];
  for (let n = 0; n < 5_000; n += 1) {
    // Often at an end, else anywhere, so that integers and fractions both grow.
    const at = [0, keys.length, random.below(keys.length + 1)][random.below(3)] as number;
    const [lower, upper] = [keys[at - 1] ?? null, keys[at] ?? null];
    const key = keyBetween(lower, upper);
    expect(key).toBe(generateKeyBetween(lower, upper));
    keys.splice(at, 0, key);
  }
  expect([...keys].sort()).toEqual(keys);
  expect(keys.every(isKey)).toBe(true);
});

test("ends of the integers, and one key's neighbours", () => {
  const last = `z${"z".repeat(26)}`;
  const pairs: [string | null, string | null][] = [
    [last, null],
    [null, `A${"0".repeat(26)}1`],
    [null, `A${"0".repeat(25)}1`],
    ["Zz", "a0"],
    ["a0", "a0V"],
    ["a0", "a1"],
    ["a0z", "a1"],
    ["a0zzz", "a1"],
    ["a1", "b00"],
    ["az", "b00"],
    ["a0V", "a0W"],
    ["Yzz", "Z0"],
  ];
  for (const [lower, upper] of pairs)
    expect(keyBetween(lower, upper)).toBe(generateKeyBetween(lower, upper));
});

test("what another program made is a key as that package has it, of its digits only", () => {
  for (const key of [
    "",
    "0",
    "a",
    "a0",
    "a00",
    "a0V",
    "b0",
    "b00",
    "Zz",
    "!",
    "V",
    `A${"0".repeat(26)}`,
    `A${"0".repeat(26)}1`,
  ]) {
    expect([key, isKey(key)]).toEqual([key, accepts(key)]);
  }
  // The package goes on from these with keys that are out of order.
  for (const key of ["aé", "a 0", "a0!"]) expect([key, isKey(key)]).toEqual([key, false]);
});
