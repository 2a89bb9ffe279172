/** Mistakes of applications, proxies and servers do little harm. */

import "fake-indexeddb/auto";

import { expect, test } from "vitest";

import { createTodoClient, memoryStore, type ClientOptions } from "../../src/index.js";
import { loggedInStore, until } from "../support/account.js";

/** A client that is logged in, and how often it has asked. */
async function answered(answer: () => Response, options: ClientOptions = {}) {
  let asked = 0;
  const client = createTodoClient({
    store: await loggedInStore(),
    WebSocket: null,
    fetch: async () => {
      asked += 1;
      return answer();
    },
    ...options,
  });
  await until(() => asked > 0 && client.getSnapshot().sync.problem !== null, "it was refused");
  return { client, asked: () => asked };
}

const pause = (): Promise<void> => new Promise((go) => setTimeout(go, 100));

test("a listener that throws stops neither storing nor other listeners", async () => {
  const unhandled: unknown[] = [];
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", (error) => void unhandled.push(error));
  try {
    const client = createTodoClient({ store: memoryStore(), automatic: false });
    let heard = 0;
    client.subscribe(() => {
      throw new Error("a mistake");
    });
    client.subscribe(() => void (heard += 1));
    await client.add({ text: "one" }).stored;
    await client.add({ text: "two" }).stored;
    expect(heard).toBeGreaterThan(1);
    await pause();
    expect(unhandled).toContainEqual(new Error("a mistake"));
    await client.close();
  } finally {
    process.removeAllListeners("unhandledRejection");
    for (const other of others) process.on("unhandledRejection", other);
  }
});

test.each(["9999999", "99999999999999", "Infinity"])(
  "a Retry-After of %s seconds is an hour",
  async (seconds) => {
    const headers = { "Retry-After": seconds };
    const { client, asked } = await answered(() => new Response("", { status: 503, headers }));
    await pause();
    expect(asked()).toBe(1);
    const { retryAt } = client.getSnapshot().sync;
    expect(Math.abs(Date.parse(String(retryAt)) - Date.now() - 3_600_000)).toBeLessThan(60_000);
    await client.close();
  },
);

test("without end between two polls, there are none", async () => {
  const { client, asked } = await answered(() => new Response("", { status: 503 }), {
    pollSeconds: Infinity,
  });
  await pause();
  expect(asked()).toBe(1);
  await client.close();
});

test("a proxy's page with status 401 ends no session", async () => {
  const { client } = await answered(() => new Response("<html>", { status: 401 }));
  expect(client.getSnapshot()).toMatchObject({
    session: { status: "loggedIn" },
    sync: { problem: { code: "UNKNOWN" }, status: "waiting" },
  });
  await client.close();
});

test("what is done after the client was closed is stored", async () => {
  const client = createTodoClient({ name: "closed", store: "indexeddb", automatic: false });
  await client.ready;
  await client.close();
  await client.add({ text: "late" }).stored;
  expect(client.getSnapshot().storage.problem).toBeNull();
  await client.close();
});
