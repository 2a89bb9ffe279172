/** Answers that no such server gives: none of them reaches the store. */

import { expect, test } from "vitest";

import { createTodoClient, memoryStore } from "../../src/index.js";
import { loggedInStore, NOTHING_NEW, texts } from "../support/account.js";

const json = (body: unknown, status = 200): Response =>
  new Response(JSON.stringify(body), { status });

/** With the digest of an empty list. */
const WELL = { ...NOTHING_NEW, digest: "0000000000000000" };
const TODO = {
  id: "550e8400-e29b-41d4-a716-446655440000",
  text: "x",
  description: null,
  completed: false,
  completed_at: null,
  metadata: {},
  version: 1,
  client_id: null,
  created_at: "2026-01-09T10:00:00.000000Z",
  updated_at: "2026-01-09T10:00:00.000000Z",
  deleted_at: null,
};

/** An answer that is well but for what a test puts into it. */
const rejecting = (id: string): typeof WELL => ({
  ...WELL,
  rejected: [{ id, index: 0, error_code: "X", message: "x" }] as never[],
});

const ANSWERS: Record<string, (sent: string) => Response> = {
  "a page of a captive portal": () => new Response("<html>Log in to the Wi-Fi</html>"),
  "nothing with status 200": () => new Response(""),
  null: () => json(null),
  "an array": () => json([]),
  "an empty object": () => json({}),
  "no verdict on what was sent": () => json(WELL),
  "a verdict on something else": () =>
    json({
      ...WELL,
      applied: [TODO.id],
      versions: { [TODO.id]: 1 },
      stamps: { [TODO.id]: TODO.updated_at },
    }),
  "two verdicts on one todo": (id) =>
    json({ ...WELL, applied: [id, id], versions: { [id]: 1 }, stamps: { [id]: TODO.updated_at } }),
  "a version that is no number": (id) =>
    json({ ...WELL, applied: [id], versions: { [id]: "1" }, stamps: { [id]: TODO.updated_at } }),
  "a stamp in milliseconds": (id) =>
    json({
      ...WELL,
      applied: [id],
      versions: { [id]: 1 },
      stamps: { [id]: "2026-01-09T10:00:00.000Z" },
    }),
  "a stamp in nanoseconds": (id) =>
    json({
      ...WELL,
      applied: [id],
      versions: { [id]: 1 },
      stamps: { [id]: "2026-01-09T10:00:00.000000000Z" },
    }),
  "a todo without a text": (id) =>
    json({
      ...rejecting(id),
      server_changes: [{ ...TODO, text: 1 }],
    }),
  "a cursor that is no time": (id) =>
    json({
      ...rejecting(id),
      sync_timestamp: "now",
    }),
  "no word on whether there is more": (id) => json({ ...rejecting(id), has_more: undefined }),
  "a digest that is none": (id) => json({ ...rejecting(id), digest: "0" }),
  "an epoch that is no text": (id) => json({ ...rejecting(id), epoch: 1 }),
  "changes that are no list": (id) => json({ ...rejecting(id), server_changes: {} }),
  "metadata that is no object": (id) =>
    json({ ...rejecting(id), server_changes: [{ ...TODO, metadata: [] }] }),
  "a version below one": (id) =>
    json({ ...rejecting(id), server_changes: [{ ...TODO, version: 0 }] }),
  "an id that is none": (id) =>
    json({ ...rejecting(id), server_changes: [{ ...TODO, id: "../x" }] }),
  "a conflict without the server's todo": (id) =>
    json({ ...WELL, conflicts: [{ id, fields: ["text"], resolution_strategy: "merge" }] }),
  "a conflict of fields that are no texts": (id) =>
    json({ ...WELL, conflicts: [{ id, fields: [1], server_data: { ...TODO, id } }] }),
  "a rejection without a code": (id) => json({ ...WELL, rejected: [{ id, message: "x" }] }),
  "a 410 whose moment is none": () => {
    const details = { reason: "restored", epoch: "f", restored_to: "yesterday", horizon: null };
    return json({ error_code: "SYNC_001", message: "x", details }, 410);
  },
  "a 410 without a reason": () => json({ error_code: "SYNC_001", message: "x", details: {} }, 410),
  "a 404 page of a proxy": () => new Response("<h1>Not found</h1>", { status: 404 }),
  "a 500": () => new Response("oops", { status: 500 }),
};

for (const [name, answer] of Object.entries(ANSWERS)) {
  test(`${name} changes nothing`, async () => {
    const store = await loggedInStore();
    let answered = 0;
    const fetcher = async (_: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
      answered += 1;
      const body = JSON.parse(String(init?.body)) as { todos: { id: string }[] };
      return answer(body.todos[0]?.id ?? "");
    };
    const client = createTodoClient({ store, automatic: false, fetch: fetcher as typeof fetch });
    await client.ready;
    const { stored } = client.add({ text: "Mine" });
    await stored;
    await expect(client.sync()).rejects.toThrow();
    expect(answered).toBe(1);
    expect(texts(client)).toEqual(["Mine"]);
    expect(client.getSnapshot().sync).toMatchObject({
      pending: 1,
      settled: false,
      lastSyncedAt: null,
    });
    expect(client.getSnapshot()).toMatchObject({ conflicts: [], rejected: [] });
  });
}

test("an answer that does not end is given up", async () => {
  const endless = async (_: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        await new Promise((go) => setTimeout(go, 1));
        if (init?.signal?.aborted) controller.error(new Error("aborted"));
        else controller.enqueue(new Uint8Array(1_000));
      },
    });
    return new Response(body);
  };
  const client = createTodoClient({
    store: await loggedInStore(),
    automatic: false,
    fetch: endless as typeof fetch,
    requestTimeout: 200,
  });
  client.add({ text: "Mine" });
  await expect(client.sync()).rejects.toMatchObject({ name: "NetworkError" });
  expect(texts(client)).toEqual(["Mine"]);
});

test("an answer larger than any that such a server gives is given up", async () => {
  const chunk = new Uint8Array(32 * 1024 * 1024);
  let chunks = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      chunks += 1;
      controller.enqueue(chunk);
    },
  });
  const client = createTodoClient({
    store: await loggedInStore(),
    automatic: false,
    fetch: (async () => new Response(body)) as typeof fetch,
  });
  client.add({ text: "Mine" });
  await expect(client.sync()).rejects.toMatchObject({ name: "ProtocolError" });
  expect(chunks).toBeLessThan(10);
  expect(texts(client)).toEqual(["Mine"]);
});

const TOKENS = { access_token: "a", refresh_token: "r" };
const USER = { id: "550e8400-e29b-41d4-a716-446655440000", email: "ann@example.com" };

const LOGINS: Record<string, unknown> = {
  "an empty object": {},
  "no user": TOKENS,
  "a user without an id": { ...TOKENS, user: { email: "ann@example.com" } },
  "an id that is no text": { ...TOKENS, user: { ...USER, id: 7 } },
  "the id of nobody": { ...TOKENS, user: { ...USER, id: "anonymous" } },
  "tokens that are no texts": { access_token: 1, refresh_token: {}, user: USER },
};

for (const [name, body] of Object.entries(LOGINS)) {
  test(`a login that answers ${name} logs nobody in`, async () => {
    const store = memoryStore();
    const fetcher: typeof fetch = async () => json(body);
    const client = createTodoClient({ store, automatic: false, fetch: fetcher });
    await client.add({ text: "Mine" }).stored;
    const login = client.session.logIn("ann@example.com", "Correct-horse-7!");
    await expect(login).rejects.toMatchObject({ name: "ProtocolError" });
    const again = createTodoClient({ store, automatic: false, fetch: fetcher });
    await again.ready;
    for (const one of [client, again]) {
      expect(one.getSnapshot().session.status).toBe("anonymous");
      expect(texts(one)).toEqual(["Mine"]);
    }
  });
}
