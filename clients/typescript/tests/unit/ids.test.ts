/** Names against those of a library that many use. */

import { NIL, v5, validate, version } from "uuid";
import { expect, test } from "vitest";

import { idOf, newId } from "../../src/ids.js";

test("a name in a namespace is the UUIDv5 that other libraries make of it", () => {
  const namespace = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
  expect(idOf("www.example.com", namespace)).toBe("2ed6657d-e927-568b-95e1-2665a8aea6a2");
  // Every length around the ends of SHA-1's blocks, and characters of all lengths in UTF-8.
  for (let length = 0; length < 200; length += 1) {
    const name = "aé漢🙂".repeat(length).slice(0, length - (length % 5));
    const plain = "x".repeat(length);
    expect(idOf(plain, namespace)).toBe(v5(plain, namespace));
    if (!/[\ud800-\udbff]$/.test(name)) expect(idOf(name, NIL)).toBe(v5(name, NIL));
  }
  expect(idOf("2026-12-24", namespace.toUpperCase())).toBe(v5("2026-12-24", namespace));
});

test("new ids are UUIDv7, each later than the one before", () => {
  const ids = Array.from({ length: 10_000 }, newId);
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
  for (const id of ids.slice(0, 100)) expect([validate(id), version(id)]).toEqual([true, 7]);
});
