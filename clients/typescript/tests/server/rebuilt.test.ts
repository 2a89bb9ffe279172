/** A store that was half-written is rebuilt from the server, and what waits is sent. */

import "fake-indexeddb/auto";

import { openDB } from "idb";
import { afterAll, beforeAll, expect, test } from "vitest";

import { createTodoClient, indexedDbStore, type TodoClient } from "../../src/index.js";
import { deviceOf, newEmail, PASSWORD, texts } from "../support/account.js";
import { TestServer } from "../support/server.js";

let server: TestServer;
beforeAll(async () => void (server = await TestServer.start()));
afterAll(() => server?.end());

const NAME = "half-written";

async function open(): Promise<TodoClient> {
  const store = await indexedDbStore(NAME);
  return createTodoClient({ baseUrl: server.url, store, automatic: false });
}

test("a half-written store is rebuilt from the server, without losing the outbox", async () => {
  const email = newEmail();
  const client = await open();
  await client.session.register(email, PASSWORD);
  const ids = client
    .addMany([{ text: "Whole" }, { text: "Half" }, { text: "Gone" }])
    .map(({ id }) => id);
  await client.sync();
  await client.edit(ids[1] ?? "", { text: "Half, edited offline" }).stored;
  await client.add({ text: "Made offline" }).stored;
  const { user } = client.session.getState();
  await client.close();

  const database = await openDB(NAME);
  const owner = user?.id ?? "";
  const half = (await database.get("entries", [owner, ids[1] ?? ""])) as { entry: object };
  await database.put("entries", { ...half, entry: { ...half.entry, row: { version: "one" } } });
  await database.delete("entries", [owner, ids[2] ?? ""]);
  await database.put("lists", { revision: 9, cursor: 5, generation: null }, owner);
  database.close();

  const again = await open();
  await again.ready;
  expect(texts(again)).toContain("Half, edited offline");
  await again.sync();
  const all = ["Gone", "Half, edited offline", "Made offline", "Whole"];
  expect(texts(again).sort()).toEqual(all);
  expect(again.getSnapshot()).toMatchObject({ conflicts: [], rejected: [] });
  expect(again.getSnapshot().sync).toMatchObject({ settled: true, verified: true });
  await again.close();

  const other = deviceOf(server.url);
  await other.session.logIn(email, PASSWORD);
  await other.sync();
  expect(texts(other).sort()).toEqual(all);
});
