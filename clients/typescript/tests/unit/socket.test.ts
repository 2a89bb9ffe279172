/** Messages of a socket: what no such server says is ignored, or asked for once. */

import "fake-indexeddb/auto";

import { expect, test } from "vitest";

import { createTodoClient, indexedDbStore, type ClientOptions } from "../../src/index.js";
import { LOGGED_IN, loggedInStore, until } from "../support/account.js";

const CURSOR = "2026-01-09T10:00:00.000000Z";

/** A socket that says what the test makes it say. */
class Socket {
  static last: Socket;
  onmessage: (event: { data: string }) => void = () => undefined;
  onclose: (event: { code: number }) => void = () => undefined;
  constructor() {
    Socket.last = this;
  }
  say(message: unknown): void {
    this.onmessage({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }
  send(): void {}
  close(): void {}
}

interface Connected {
  readonly syncs: () => number;
  /** The ids that were sent. */
  readonly sent: readonly string[];
  readonly close: () => Promise<void>;
}

async function connected(options: ClientOptions = {}): Promise<Connected> {
  let syncs = 0;
  const sent: string[] = [];
  const answer: typeof fetch = async (_, init) => {
    syncs += 1;
    const { todos } = JSON.parse(String(init?.body)) as { todos: readonly { id: string }[] };
    const ids = todos.map(({ id }) => id);
    sent.push(...ids);
    return Response.json({
      applied: ids,
      versions: Object.fromEntries(ids.map((id) => [id, 1])),
      stamps: Object.fromEntries(ids.map((id) => [id, CURSOR])),
      conflicts: [],
      rejected: [],
      server_changes: [],
      has_more: false,
      sync_timestamp: CURSOR,
      epoch: "e",
      digest: null,
    });
  };
  const client = createTodoClient({
    store: await loggedInStore(),
    WebSocket: Socket as unknown as typeof WebSocket,
    fetch: answer,
    ...options,
  });
  await client.ready;
  await until(() => Socket.last !== undefined && syncs > 0, "it has synced and connected");
  await until(() => client.getSnapshot().sync.status === "idle", "it is idle");
  Socket.last.say({ type: "ready", sync_timestamp: CURSOR });
  expect(client.getSnapshot().sync.live).toBe(true);
  return { syncs: () => syncs, sent, close: () => client.close() };
}

test("messages that are no objects, or name no stamp, are ignored", async () => {
  const { syncs, close } = await connected();
  const before = syncs();
  for (const message of ["", "{", "null", "7", "[]", '"ready"', "{}"]) Socket.last.say(message);
  Socket.last.say({ type: 7, todo: null, sync_timestamp: {} });
  Socket.last.say({ type: "todo.updated", todo: "x", updated_at: ["2027"] });
  await new Promise((go) => setTimeout(go, 50));
  expect(syncs()).toBe(before);
  await close();
});

test("a stamp that never comes is asked for once", async () => {
  const { syncs, close } = await connected();
  const before = syncs();
  Socket.last.say({ type: "todo.updated", updated_at: "9999-12-31T23:59:59.999999Z" });
  await until(() => syncs() > before, "it asks");
  await new Promise((go) => setTimeout(go, 50));
  expect(syncs()).toBe(before + 1);
  Socket.last.say({ type: "todo.updated", updated_at: "zzz" });
  await until(() => syncs() > before + 1, "it asks again");
  await close();
});

test("what a closed tab left unsent is sent by one whose socket is open", async () => {
  const name = "closed-tab";
  const baseUrl = "http://localhost:1";
  const store = await indexedDbStore(`${name}:${baseUrl}`);
  await store.transact([], (_, device) => ({ device: { ...device, session: LOGGED_IN } }));
  await store.close();
  const shared: ClientOptions = { name, baseUrl, store: "indexeddb", pollSeconds: 0.02 };
  const { sent, close } = await connected(shared);
  const closed = createTodoClient({ ...shared, automatic: false });
  const { id, stored } = closed.add({ text: "Buy milk" });
  await stored;
  await closed.close();
  await until(() => sent.includes(id), "the other tab sends it");
  await close();
});
