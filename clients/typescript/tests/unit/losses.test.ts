import { readdirSync, readFileSync } from "node:fs";

import { expect, test } from "vitest";

test("every test that LOSSES.md names exists", () => {
  const folder = new URL("../", import.meta.url);
  const files = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".test.ts"));
  const sources = files.map((file) => readFileSync(new URL(file, folder), "utf8")).join("\n");
  const rows = readFileSync(new URL("../../LOSSES.md", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line.includes("#"));
  const named = rows.flatMap((line) => /\| `([^`]+)` \|$/.exec(line)?.[1] ?? []);
  expect(named.length).toBeGreaterThan(15);
  const exists = (name: string): boolean => {
    const scenario = /^simulation: (\w+)$/.exec(name)?.[1];
    if (scenario) return new RegExp(`\\b${scenario}: \\{\\s*share:`).test(sources);
    const hostile =
      / changes nothing$/.test(name) &&
      sources.includes(`"${name.replace(/ changes nothing$/, "")}": `);
    return hostile || sources.includes(`test("${name}"`);
  };
  expect(named.filter((name) => !exists(name))).toEqual([]);
});
