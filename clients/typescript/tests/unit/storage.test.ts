/** Stores that refuse, are half-written, or are shared. */

import "fake-indexeddb/auto";

import { openDB } from "idb";
import { expect, test } from "vitest";

import {
  createTodoClient,
  indexedDbStore,
  memoryStore,
  StorageError,
  type Store,
} from "../../src/index.js";
import { loggedInStore, texts, until } from "../support/account.js";

let names = 0;
const newName = (): string => `storage-${(names += 1)}`;

test("a change that the store refuses is shown, told, and tried again", async () => {
  const inner = memoryStore();
  let isFull = false;
  const store: Store = {
    ...inner,
    transact: async (scopes, work) => {
      if (isFull) throw new StorageError("QuotaExceededError");
      return inner.transact(scopes, work);
    },
  };
  const client = createTodoClient({ store, automatic: false });
  await client.ready;
  isFull = true;
  await expect(client.add({ text: "Kept" }).stored).rejects.toBeInstanceOf(StorageError);
  expect(texts(client)).toEqual(["Kept"]);
  expect(client.getSnapshot().storage.problem).toContain("QuotaExceededError");
  expect(client.getSnapshot().sync.settled).toBe(false);
  isFull = false;
  await client.add({ text: "Later" }).stored;
  expect(client.getSnapshot().storage.problem).toBeNull();
  const again = createTodoClient({ store, automatic: false });
  await again.ready;
  expect(texts(again).sort()).toEqual(["Kept", "Later"]);
});

test("a browser that refuses storage is told about, and everything else works", async () => {
  const real = globalThis.indexedDB;
  const refusing = {
    open: () => {
      throw new DOMException("The user denied permission", "SecurityError");
    },
  };
  Object.defineProperty(globalThis, "indexedDB", { value: refusing, configurable: true });
  try {
    const client = createTodoClient({ name: newName(), automatic: false });
    await client.ready;
    await client.add({ text: "Private" }).stored;
    expect(texts(client)).toEqual(["Private"]);
    expect(client.getSnapshot().storage).toMatchObject({ kind: "memory" });
    expect(client.getSnapshot().storage.problem).toContain("lost when this page closes");
    await client.close();
  } finally {
    Object.defineProperty(globalThis, "indexedDB", { value: real, configurable: true });
  }
});

test("a half-written record loses what the server has, and nothing that waits", async () => {
  const name = newName();
  const store = await indexedDbStore(name);
  const client = createTodoClient({ store, automatic: false });
  const { id, stored } = client.add({ text: "Unsent" });
  await stored;
  const database = await openDB(name);
  const record = (await database.get("entries", ["anonymous", id])) as {
    entry: Record<string, unknown>;
  };
  record.entry["row"] = { version: "three" };
  record.entry["conflict"] = 7;
  delete record.entry["stale"];
  await database.put("entries", record);
  await database.put("lists", { revision: 1, cursor: 5 }, "anonymous");
  database.close();
  const again = createTodoClient({ store: await indexedDbStore(name), automatic: false });
  await again.ready;
  expect(texts(again)).toEqual(["Unsent"]);
  await again.edit(id, { text: "Still works" }).stored;
  expect(texts(again)).toEqual(["Still works"]);
});

test("a store of a newer version, or of another program, is left alone", async () => {
  for (const version of [2, 1]) {
    const name = newName();
    const database = await openDB(`${name}:http://localhost:8000`, version);
    database.close();
    const client = createTodoClient({ name, automatic: false });
    await client.ready.catch(() => undefined);
    const { stored } = client.add({ text: "Mine" });
    await stored.catch(() => undefined);
    expect(texts(client)).toEqual(["Mine"]);
    expect(client.getSnapshot().storage.problem).toContain("lost when this page closes");
    await client.close().catch(() => undefined);
    const after = await openDB(`${name}:http://localhost:8000`);
    expect([after.version, after.objectStoreNames.length]).toEqual([version, 0]);
    after.close();
  }
});

test("a store that is full from the start is read, and what it refuses is told", async () => {
  const inner = memoryStore();
  const before = createTodoClient({ store: inner, automatic: false });
  await before.add({ text: "Stored before" }).stored;
  // The device has no name yet, as with a store of an older version.
  await inner.transact([], (_, device) => ({ device: { ...device, deviceName: null } }));
  const full: Store = {
    ...inner,
    transact: async (scopes, work) =>
      inner.transact(scopes, (found, device) => {
        const write = work(found, device);
        if (Object.keys(write).length > 0) throw new StorageError("QuotaExceededError");
        return write;
      }),
  };
  const client = createTodoClient({ store: full, automatic: false });
  await client.ready;
  expect(texts(client)).toEqual(["Stored before"]);
  expect(client.getSnapshot().storage.problem).toContain("lost when this page closes");
  await expect(client.add({ text: "New" }).stored).rejects.toBeInstanceOf(StorageError);
  expect(texts(client).sort()).toEqual(["New", "Stored before"]);
  await client.close().catch(() => undefined);
});

test("two tabs show what the other one did", async () => {
  const name = newName();
  const tab = (): ReturnType<typeof createTodoClient> =>
    createTodoClient({ name, automatic: false });
  const [a, b] = [tab(), tab()];
  await Promise.all([a.ready, b.ready]);
  await a.add({ text: "From a" }).stored;
  await until(() => texts(b).includes("From a"), "the other tab shows it");
  const [todo] = b.getSnapshot().todos;
  b.complete(todo?.id ?? "");
  await until(() => a.getSnapshot().todos[0]?.completed === true, "the first tab shows it");
  await Promise.all([a.close(), b.close()]);
});

test("users of one browser never see each other's todos", async () => {
  const store = await loggedInStore("11111111-1111-4111-8111-111111111111");
  const first = createTodoClient({ store, automatic: false });
  await first.add({ text: "Ann's" }).stored;
  await first.session.logOut({ keep: true });
  expect(texts(first)).toEqual([]);
  const session = {
    userId: "22222222-2222-4222-8222-222222222222",
    email: null,
    displayName: null,
    emailVerified: false,
    tokens: null,
    expired: false,
  };
  await store.transact([], (_, device) => ({ device: { ...device, session } }));
  const second = createTodoClient({ store, automatic: false });
  await second.ready;
  expect(texts(second)).toEqual([]);
  await store.transact([], (_, device) => ({
    device: { ...device, session: { ...session, userId: "11111111-1111-4111-8111-111111111111" } },
  }));
  const back = createTodoClient({ store, automatic: false });
  await back.ready;
  expect(texts(back)).toEqual(["Ann's"]);
});

test("5,000 todos are read and changed quickly enough to type", async () => {
  const client = createTodoClient({ store: memoryStore(), automatic: false });
  await client.ready;
  const written = client.addMany(Array.from({ length: 5_000 }, (_, n) => ({ text: `Todo ${n}` })));
  await written.at(-1)?.stored;
  let shown = 0;
  client.subscribe(() => (shown = client.getSnapshot().todos.length));
  for (let n = 0; n < 100; n += 1) client.edit(written[n * 7]?.id ?? "", { text: `Edited ${n}` });
  expect(shown).toBe(5_000);
  expect(client.getSnapshot().todos.filter((todo) => todo.text.startsWith("Edited"))).toHaveLength(
    100,
  );
});
