/** Requests that are too large for a proxy before the server. */

import { afterAll, beforeAll, expect, test } from "vitest";

import { deviceOf, newEmail, PASSWORD, texts } from "../support/account.js";
import { TestServer } from "../support/server.js";

let server: TestServer;
beforeAll(async () => void (server = await TestServer.start()));
afterAll(() => server.end());

/** A proxy that takes bodies of so many bytes; it notes how many changes each request had. */
function narrow(limit: number, sizes: number[]): typeof fetch {
  return async (input, init) => {
    const body = String(init?.body ?? "");
    if (String(input).endsWith("/sync"))
      sizes.push((JSON.parse(body) as { todos: unknown[] }).todos.length);
    // As nginx does it: a page, no error of the server's.
    if (body.length > limit)
      return new Response("<h1>413 Request Entity Too Large</h1>", { status: 413 });
    return fetch(input, init);
  };
}

test("a batch that is too large for a proxy is halved until it passes", async () => {
  const sizes: number[] = [];
  const email = newEmail();
  const device = deviceOf(server.url, { fetch: narrow(8_000, sizes) });
  await device.session.register(email, PASSWORD);
  const written = device.addMany(
    Array.from({ length: 100 }, (_, n) => ({ text: `Todo ${n} ${"x".repeat(80)}` })),
  );
  await device.sync();
  expect(await Promise.all(written.map(({ synced }) => synced))).toEqual(
    written.map(() => "synced"),
  );
  expect(sizes[0]).toBe(100);
  expect(sizes[1]).toBe(50);
  expect(device.getSnapshot().sync).toMatchObject({ settled: true, verified: true });
  const other = deviceOf(server.url);
  await other.session.logIn(email, PASSWORD);
  await other.sync();
  expect(texts(other)).toEqual(texts(device));
});

test("one change that is too large is kept for its user, and the others pass", async () => {
  const device = deviceOf(server.url, { fetch: narrow(4_000, []) });
  await device.session.register(newEmail(), PASSWORD);
  const [small, large] = device.addMany([
    { text: "Small" },
    { text: "Large", description: "x".repeat(9_000) },
    { text: "Small too" },
  ]);
  await device.sync();
  expect(await large?.synced).toBe("rejected");
  expect(await small?.synced).toBe("synced");
  const [rejected] = device.getSnapshot().rejected;
  expect(rejected?.todo).toMatchObject({ text: "Large", description: "x".repeat(9_000) });
  const retried = rejected?.retry({ description: "shorter" });
  await device.sync();
  expect(await retried?.synced).toBe("synced");
  expect(texts(device).sort()).toEqual(["Large", "Small", "Small too"]);
});
