/** LOSSES.md names fifty ways in which data is lost, each with a report and a test that exists. */

import { readdirSync, readFileSync } from "node:fs";

import { expect, test } from "vitest";

const folder = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, folder), "utf8");
const files = readdirSync(folder, { recursive: true }).map(String);
const sources = files.filter((file) => /\.test\.tsx?$/.test(file)).map(read);
const cases = ["cases", "restores"].map((name) => read(`../../conformance/${name}.mjs`));
const all = [...sources, ...cases].join("\n");
const rows = [...read("../LOSSES.md").matchAll(/^\| (.+) \| (\S+) \| `(.+)` \|$/gm)];
const REPORT = /^\[([\w.-]+\/[\w.-]+)#(\d+)\]\(https:\/\/github\.com\/\1\/issues\/\2\)$/;

/** Whether a test has this name: its own, that of a case in a table, or a scenario. */
function exists(name: string): boolean {
  const scenario = /^simulation: (\w+)$/.exec(name)?.[1];
  if (scenario) return new RegExp(`\\b${scenario}: \\{\\s*share:`).test(all);
  const answer = name.replace(/ changes nothing$/, "");
  return (
    all.includes(`test("${name}"`) || all.includes(`"${name}": `) || all.includes(`"${answer}": `)
  );
}

test("every test that LOSSES.md names exists", () => {
  const names = rows.map(([, , , name]) => name ?? "");
  expect(names.filter((name) => !exists(name))).toEqual([]);
});

test("LOSSES.md has fifty ways, each with a report of its own", () => {
  const reports = rows.map(([, , report]) => report ?? "");
  expect(reports.length).toBeGreaterThanOrEqual(50);
  expect(new Set(reports).size).toBe(reports.length);
  expect(reports.filter((report) => !REPORT.test(report))).toEqual([]);
});
