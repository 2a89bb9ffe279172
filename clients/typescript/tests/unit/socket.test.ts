/** Messages of a socket: what no such server says is ignored, or asked for once. */

import { expect, test } from "vitest";

import { createTodoClient } from "../../src/index.js";
import { loggedInStore, until } from "../support/account.js";

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

async function connected(): Promise<{ syncs: () => number; close: () => Promise<void> }> {
  let syncs = 0;
  const answer = {
    applied: [],
    versions: {},
    stamps: {},
    conflicts: [],
    rejected: [],
    server_changes: [],
    has_more: false,
    sync_timestamp: CURSOR,
    epoch: "e",
    digest: "0000000000000000",
  };
  const client = createTodoClient({
    store: await loggedInStore(),
    WebSocket: Socket as unknown as typeof WebSocket,
    fetch: (async () => {
      syncs += 1;
      return Response.json(answer);
    }) as typeof fetch,
  });
  await client.ready;
  await until(() => Socket.last !== undefined && syncs > 0, "it has synced and connected");
  await until(() => client.getSnapshot().sync.status === "idle", "it is idle");
  Socket.last.say({ type: "ready", sync_timestamp: CURSOR });
  expect(client.getSnapshot().sync.live).toBe(true);
  return { syncs: () => syncs, close: () => client.close() };
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
