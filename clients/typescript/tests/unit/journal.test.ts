/** Edits that a page wrote down in the moment in which it was left. */

import "fake-indexeddb/auto";

import { afterEach, beforeEach, expect, test } from "vitest";

import { createTodoClient, indexedDbStore, type TodoClient } from "../../src/index.js";
import { texts, until } from "../support/account.js";

const ANN = "11111111-1111-4111-8111-111111111111";
const BEN = "22222222-2222-4222-8222-222222222222";

let kept: Record<string, string> = {};
let names = 0;
let name = "";

/** `localStorage`, whose keys are its own properties. */
function storage(): Storage {
  kept = {};
  const methods = {
    getItem: (key: string) => kept[key] ?? null,
    setItem: (key: string, value: string) => void (kept[key] = value),
    removeItem: (key: string) => void delete kept[key],
  };
  return new Proxy(methods as unknown as Storage, {
    ownKeys: () => Object.keys(kept),
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
  });
}

beforeEach(() => {
  name = `journal-${(names += 1)}`;
  Object.defineProperty(globalThis, "localStorage", { value: storage(), configurable: true });
});
afterEach(() => void Reflect.deleteProperty(globalThis, "localStorage"));

const page = (): TodoClient =>
  createTodoClient({ name, baseUrl: "http://server.test", automatic: false });

/** What a page wrote down that was left before its store took the edits. */
function leftBehind(owner: string, ...edits: unknown[]): void {
  kept[`${name}:http://server.test:edits:gone`] = JSON.stringify({ owner, edits });
}

const creation = (id: string, text: string): object => {
  return { id, fields: { text }, before: null, at: "2026-01-09T10:00:00Z", createdAt: null };
};

async function logIn(userId: string): Promise<void> {
  const store = await indexedDbStore(`${name}:http://server.test`);
  const shown = { email: null, displayName: null, emailVerified: false };
  const session = { userId, ...shown, tokens: null, expired: false };
  await store.transact([], (_, device) => ({ device: { ...device, session } }));
  await store.close();
}

test("the journal holds an edit only until it is stored", async () => {
  const client = page();
  await client.ready;
  const { stored } = client.add({ text: "Buy milk" });
  await Promise.resolve();
  expect(Object.values(kept).join()).toContain("Buy milk");
  await stored;
  await until(() => Object.keys(kept).length === 0, "the journal is empty");
  await client.close();
});

test("the next page makes what a page left behind, once", async () => {
  leftBehind("anonymous", creation("a0000000-0000-7000-8000-000000000001", "Left behind"), 7);
  const client = page();
  await client.ready;
  expect(texts(client)).toEqual(["Left behind"]);
  await until(() => Object.keys(kept).length === 0, "it is stored");
  await client.edit("a0000000-0000-7000-8000-000000000001", { text: "Edited since" }).stored;
  await client.close();
  // The page had died after the store had it: what changed since stays.
  leftBehind("anonymous", creation("a0000000-0000-7000-8000-000000000001", "Left behind"));
  const again = page();
  await again.ready;
  expect(texts(again)).toEqual(["Edited since"]);
  expect(again.getSnapshot().conflicts).toEqual([]);
  await again.close();
});

test("nobody gets another user's edits, and a log-out forgets the own ones", async () => {
  leftBehind(ANN, creation("a0000000-0000-7000-8000-000000000002", "Ann's"));
  await logIn(BEN);
  const bens = page();
  await bens.ready;
  expect(texts(bens)).toEqual([]);
  await bens.session.logOut();
  await bens.close();
  expect(Object.keys(kept)).toHaveLength(1);

  await logIn(ANN);
  const anns = page();
  await anns.ready;
  expect(texts(anns)).toEqual(["Ann's"]);
  leftBehind(ANN, creation("a0000000-0000-7000-8000-000000000003", "Given up"));
  await anns.session.logOut({ discardUnsent: true });
  expect(Object.keys(kept)).toEqual([]);
  await anns.close();
});

test("a journal that can't be read or written stops nothing", async () => {
  kept[`${name}:http://server.test:edits:gone`] = "{half";
  Object.defineProperty(globalThis.localStorage, "setItem", {
    value: () => {
      throw new DOMException("full", "QuotaExceededError");
    },
  });
  const client = page();
  await client.ready;
  await client.add({ text: "Stored all the same" }).stored;
  expect(texts(client)).toEqual(["Stored all the same"]);
  await client.close();
});
