/** What the README shows works as it stands there. */

import { readFileSync } from "node:fs";

import { afterAll, beforeAll, expect, test } from "vitest";

import { createTodoClient, type TodoClient } from "../../src/index.js";
import { deviceOf, newEmail, PASSWORD, texts } from "../support/account.js";
import { TestServer } from "../support/server.js";

const folder = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, folder), "utf8");
const readme = read("README.md");
const blocks = [...readme.matchAll(/^```tsx?\n(.*?)^```$/gms)].map(([, code]) => code ?? "");

let server: TestServer;
beforeAll(async () => void (server = await TestServer.start()));
afterAll(() => server?.end());

test("the first todo, in at most ten lines", async () => {
  const [first = ""] = blocks;
  expect(first.trim().split("\n").length).toBeLessThanOrEqual(10);
  const email = newEmail();
  const code = first
    .replace(/^import .*\n/, "")
    .replace("http://localhost:8000", server.url)
    .replace(/"ann@example\.com", "[^"]+"/, `"${email}", "${PASSWORD}"`);
  const run = new Function("createTodoClient", `return (async () => {${code}return client;})();`);
  const client = await (run as (make: unknown) => Promise<TodoClient>)(createTodoClient);
  expect(texts(client)).toEqual(["Buy milk"]);
  await client.close();
  const other = deviceOf(server.url);
  await other.session.logIn(email, PASSWORD);
  await other.sync();
  expect(texts(other)).toEqual(["Buy milk"]);
});

test("the examples that other tests run are those of the README", () => {
  for (const example of ["react.tsx", "tanstack-db.ts"])
    expect(blocks).toContain(read(`examples/${example}`));
});
