import { afterAll, beforeAll, expect, test } from "vitest";

import {
  createTodoClient,
  memoryStore,
  type ClientOptions,
  type TodoClient,
} from "../../src/index.js";
import { TestServer } from "../support/server.js";

let server: TestServer;
let users = 0;
beforeAll(async () => void (server = await TestServer.start()));
afterAll(() => server.end());

const PASSWORD = "Correct-horse-7!";

function client(options: ClientOptions = {}): TodoClient {
  return createTodoClient({
    baseUrl: server.url,
    store: memoryStore(),
    automatic: false,
    ...options,
  });
}

async function twoDevices(): Promise<[TodoClient, TodoClient]> {
  const email = `user${(users += 1)}@example.com`;
  const [a, b] = [client(), client()];
  await a.session.register(email, PASSWORD);
  await b.session.logIn(email, PASSWORD);
  return [a, b];
}

const texts = (device: TodoClient): string[] => device.getSnapshot().todos.map((todo) => todo.text);

test("what was made without an account becomes the user's", async () => {
  const device = client();
  const written = device.add({ text: "Buy milk" });
  expect(device.getSnapshot().sync.status).toBe("local");
  await device.session.register("adopted@example.com", PASSWORD);
  await device.sync();
  expect(await written.synced).toBe("synced");
  const other = client();
  await other.session.logIn("adopted@example.com", PASSWORD);
  await other.sync();
  expect(texts(other)).toEqual(["Buy milk"]);
  expect(other.getSnapshot().sync).toMatchObject({
    settled: true,
    verified: true,
    pending: 0,
    status: "idle",
  });
});

test("two devices that change different fields agree", async () => {
  const [a, b] = await twoDevices();
  const { id } = a.add({ text: "Buy milk", metadata: { due: "2026-12-24" } });
  await a.sync();
  await b.sync();
  a.edit(id, { text: "Buy oat milk", metadata: { priority: 1 } });
  b.edit(id, { completed: true, metadata: { list: "Groceries" } });
  await a.sync();
  await b.sync();
  await a.sync();
  for (const device of [a, b]) {
    expect(device.get(id)).toMatchObject({
      text: "Buy oat milk",
      completed: true,
      metadata: { due: "2026-12-24", priority: 1, list: "Groceries" },
      version: 3,
    });
    expect(device.getSnapshot().sync.verified).toBe(true);
  }
});

test("a contested field is shown with both values, and decided", async () => {
  const [a, b] = await twoDevices();
  const { id } = a.add({ text: "Buy milk" });
  await a.sync();
  await b.sync();
  a.edit(id, { text: "Buy oat milk" });
  const lost = b.edit(id, { text: "Buy soy milk", completed: true });
  await a.sync();
  await b.sync();
  expect(await lost.synced).toBe("conflict");
  const [conflict] = b.getSnapshot().conflicts;
  expect(conflict?.fields).toEqual([
    { name: "text", mine: "Buy soy milk", theirs: "Buy oat milk" },
  ]);
  expect(b.getSnapshot().sync.settled).toBe(false);
  const resolved = conflict?.resolve({ text: "Buy oat and soy milk" });
  await b.sync();
  expect(await resolved?.synced).toBe("synced");
  await a.sync();
  for (const device of [a, b])
    expect(device.get(id)).toMatchObject({ text: "Buy oat and soy milk", completed: true });
});

test("an order by hand is never a conflict", async () => {
  const [a, b] = await twoDevices();
  const { id } = a.add({ text: "One", metadata: { position: "a0" } });
  await a.sync();
  await b.sync();
  a.edit(id, { metadata: { position: "a1" } });
  b.edit(id, { metadata: { position: "a2" } });
  await a.sync();
  await b.sync();
  expect(b.getSnapshot().conflicts).toEqual([]);
  expect(b.get(id)?.metadata["position"]).toBe("a1");
});

test("a deletion that met an edit is shown, and the edit stays", async () => {
  const [a, b] = await twoDevices();
  const { id } = a.add({ text: "Buy milk" });
  await a.sync();
  await b.sync();
  a.edit(id, { text: "Buy oat milk" });
  b.remove(id);
  await a.sync();
  await b.sync();
  expect(b.get(id)?.text).toBe("Buy oat milk");
  expect(b.getSnapshot().conflicts[0]?.fields).toEqual([
    { name: "deleted", mine: true, theirs: false },
  ]);
  b.getSnapshot().conflicts[0]?.resolve("mine");
  await b.sync();
  await a.sync();
  expect(texts(a)).toEqual([]);
});

test("a wrong password and an unknown address are told", async () => {
  await expect(client().session.logIn("nobody@example.com", PASSWORD)).rejects.toMatchObject({
    name: "ApiError",
    code: "AUTH_001",
    status: 401,
  });
});

test("logging out with unsent changes asks first", async () => {
  const [a] = await twoDevices();
  a.add({ text: "Unsent" });
  await expect(a.session.logOut()).rejects.toMatchObject({
    name: "UnsentChangesError",
    pending: 1,
  });
  expect(texts(a)).toEqual(["Unsent"]);
  await a.session.logOut({ discardUnsent: true });
  expect(texts(a)).toEqual([]);
  expect(a.getSnapshot().session.status).toBe("anonymous");
});

test("a thousand todos arrive page by page", async () => {
  const [a, b] = await twoDevices();
  a.addMany(Array.from({ length: 2_300 }, (_, n) => ({ text: `Todo ${n}` })));
  await a.sync();
  await b.sync();
  expect(b.getSnapshot().todos).toHaveLength(2_300);
  expect(b.getSnapshot().sync.verified).toBe(true);
});

test("what the server refuses is kept until the user decides", async () => {
  const small = await TestServer.start({ MAX_TODOS_PER_USER: "1" });
  try {
    const device = client({ baseUrl: small.url });
    await device.session.register("quota@example.com", PASSWORD);
    const [first, second] = device.addMany([
      { text: "First" },
      { text: "Second", description: "with notes" },
    ]);
    await device.sync();
    expect(await second?.synced).toBe("rejected");
    const [rejected] = device.getSnapshot().rejected;
    expect(rejected).toMatchObject({
      code: "QUOTA_001",
      todo: { text: "Second", description: "with notes" },
    });
    expect(device.getSnapshot().sync.settled).toBe(false);
    device.remove(first?.id ?? "");
    await device.sync();
    const retried = rejected?.retry({ text: "Second, corrected" });
    await device.sync();
    expect(await retried?.synced).toBe("synced");
    expect(texts(device)).toEqual(["Second, corrected"]);
    expect(device.get(second?.id ?? "")?.description).toBe("with notes");
  } finally {
    await small.end();
  }
});

test("undoing a change leaves what others changed since", async () => {
  const [a, b] = await twoDevices();
  const { id } = a.add({ text: "Buy milk", description: "1 l" });
  await a.sync();
  await b.sync();
  a.edit(id, { text: "Buy oat milk" });
  await a.sync();
  await b.sync();
  b.edit(id, { description: "2 l" });
  await b.sync();
  await a.sync();
  a.undo();
  await a.sync();
  expect(a.get(id)).toMatchObject({ text: "Buy milk", description: "2 l" });
  expect(a.getSnapshot().conflicts).toEqual([]);
});
