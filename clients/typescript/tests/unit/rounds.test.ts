/** Rounds of tabs that share a store: one at a time, each answer in one transaction. */

import { expect, test } from "vitest";

import { createTodoClient, type Locks, type Store, type TodoClient } from "../../src/index.js";
import type { Meta } from "../../src/model/entry.js";
import { LOGGED_IN, loggedInStore, until } from "../support/account.js";

const at = (minute: number): string => `2026-01-09T10:0${minute}:00.000000Z`;

/** A tab that syncs only when it is told to. */
function tab(store: Store, fetch: typeof globalThis.fetch, locks?: Locks): TodoClient {
  return createTodoClient({ store, fetch, automatic: false, ...(locks && { locks }) });
}

/** The answer that accepts all that was sent. */
function accepting(init: RequestInit | undefined, cursor: string): Response {
  const { todos } = JSON.parse(String(init?.body)) as { todos: readonly { id: string }[] };
  const ids = todos.map(({ id }) => id);
  return Response.json({
    applied: ids,
    versions: Object.fromEntries(ids.map((id) => [id, 1])),
    stamps: Object.fromEntries(ids.map((id) => [id, cursor])),
    conflicts: [],
    rejected: [],
    server_changes: [],
    has_more: false,
    sync_timestamp: cursor,
    epoch: "e",
    digest: null,
  });
}

async function metaIn(store: Store): Promise<Meta | null | undefined> {
  let meta: Meta | null | undefined;
  await store.transact([{ owner: LOGGED_IN.userId, since: -1 }], ([found]) => {
    meta = found?.meta;
    return {};
  });
  return meta;
}

test("two tabs that sync at once ask one after the other", async () => {
  const store = await loggedInStore();
  let [running, most, asked] = [0, 0, 0];
  const slowly: typeof fetch = async (_, init) => {
    running += 1;
    asked += 1;
    most = Math.max(most, running);
    await new Promise((go) => setTimeout(go, 20));
    running -= 1;
    return accepting(init, at(asked));
  };
  const tabs = [tab(store, slowly), tab(store, slowly)];
  for (const one of tabs) await one.add({ text: "Buy milk" }).stored;
  await Promise.all(tabs.map((one) => one.sync()));
  expect(most).toBe(1);
  expect(asked).toBeGreaterThanOrEqual(2);
});

test("the answer to a round that another tab has finished changes nothing", async () => {
  const store = await loggedInStore();
  const none: Locks = { run: (_, work) => work() };
  let answer: () => void = () => undefined;
  let isAsked = false;
  const frozen: typeof fetch = (_, init) =>
    new Promise((done) => {
      isAsked = true;
      answer = () => done(accepting(init, at(1)));
    });
  const [old, next] = [
    tab(store, frozen, none),
    tab(store, async (_, i) => accepting(i, at(2)), none),
  ];
  await old.add({ text: "Buy milk" }).stored;
  const late = old.sync();
  await until(() => isAsked, "it has asked");
  await next.sync();
  expect(await metaIn(store)).toMatchObject({ cursor: at(2), round: null });
  answer();
  await late;
  expect(await metaIn(store)).toMatchObject({ cursor: at(2) });
});

test("what was in flight leaves in the transaction that stores cursor and version", async () => {
  const inner = await loggedInStore();
  const writes: { cursor: string | null; entries: readonly unknown[] }[] = [];
  const store: Store = {
    ...inner,
    transact: (scopes, work) =>
      inner.transact(scopes, (found, device) => {
        const write = work(found, device);
        for (const { meta, entries } of write.lists ?? []) {
          const kept = entries.map(({ sent, row }) => ({ sent: sent !== null, at: row?.version }));
          writes.push({ cursor: meta.cursor, entries: kept });
        }
        return write;
      }),
  };
  const client = tab(store, async (_, init) => accepting(init, at(1)));
  await client.add({ text: "Buy milk" }).stored;
  writes.length = 0;
  await client.sync();
  expect(writes).toEqual([
    { cursor: null, entries: [{ sent: true, at: undefined }] },
    { cursor: at(1), entries: [{ sent: false, at: 1 }] },
  ]);
});
