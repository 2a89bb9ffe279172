/** Policies: who decides a conflict of a field without asking. */

import { afterAll, beforeAll, expect, test } from "vitest";

import type { Policies, TodoClient } from "../../src/index.js";
import { deviceOf, newEmail, PASSWORD } from "../support/account.js";
import { TestServer } from "../support/server.js";

let server: TestServer;
beforeAll(async () => void (server = await TestServer.start()));
afterAll(() => server.end());

/**
 * Two devices that changed the same todo without seeing each other; the second has the policies.
 */
async function contested(policies: Policies): Promise<[a: TodoClient, b: TodoClient, id: string]> {
  const [a, b] = [deviceOf(server.url), deviceOf(server.url, { policies })];
  const email = newEmail();
  await a.session.register(email, PASSWORD);
  await b.session.logIn(email, PASSWORD);
  const { id } = a.add({ text: "Buy milk", metadata: { list: "Groceries" } });
  await a.sync();
  await b.sync();
  a.edit(id, { text: "Buy oat milk", metadata: { list: "Shop" } });
  b.edit(id, { text: "Buy soy milk", metadata: { list: "Market" } });
  await a.sync();
  await b.sync();
  return [a, b, id];
}

test("a field with the policy mine takes this device's value, on all devices", async () => {
  const [a, b, id] = await contested({ text: "mine", "metadata.list": "mine" });
  await b.sync();
  await a.sync();
  for (const device of [a, b]) {
    expect(device.get(id)).toMatchObject({
      text: "Buy soy milk",
      metadata: { list: "Market" },
      conflicted: false,
    });
    expect(device.getSnapshot().sync).toMatchObject({ settled: true, verified: true });
  }
});

test("a field with the policy theirs takes the server's value, and nothing is sent", async () => {
  const [a, b, id] = await contested({ text: "theirs", "metadata.list": "theirs" });
  expect(b.get(id)).toMatchObject({
    text: "Buy oat milk",
    metadata: { list: "Shop" },
    conflicted: false,
  });
  expect(b.getSnapshot().sync).toMatchObject({ settled: true, verified: true });
  const { version } = a.get(id) ?? {};
  await a.sync();
  expect(a.get(id)?.version).toBe(version);
});

test("a field that asks keeps one for mine waiting, but not one for theirs", async () => {
  const [a, b, id] = await contested({ "metadata.list": "theirs" });
  const [conflict] = b.getSnapshot().conflicts;
  expect(conflict?.fields).toEqual([
    { name: "text", mine: "Buy soy milk", theirs: "Buy oat milk" },
  ]);
  expect(b.get(id)?.metadata["list"]).toBe("Shop");
  conflict?.resolve("mine");
  await b.sync();
  await a.sync();
  for (const device of [a, b])
    expect(device.get(id)).toMatchObject({ text: "Buy soy milk", metadata: { list: "Shop" } });
});

test("a field for mine waits with one that asks: both concern one todo", async () => {
  const [, b] = await contested({ "metadata.list": "mine" });
  const names = b.getSnapshot().conflicts[0]?.fields.map(({ name }) => name);
  expect(names?.sort()).toEqual(["metadata.list", "text"]);
});
