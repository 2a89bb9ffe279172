/**
 * A server whose digest never agrees: the device repairs a few times, and then leaves it in peace.
 */

import { expect, test } from "vitest";

import { createTodoClient } from "../../src/index.js";
import { loggedInStore, NOTHING_NEW, texts } from "../support/account.js";

const EMPTY = "0000000000000000";
const WRONG = "ffffffffffffffff";

test("repairs that never help end, and the next sync asks for the digest again", async () => {
  let requests = 0;
  let digest = WRONG;
  const answer: typeof fetch = async (_, init) => {
    requests += 1;
    const { todos } = JSON.parse(String(init?.body)) as { todos: unknown[] };
    expect(todos).toEqual([]);
    const stamp = `2026-01-09T10:00:00.${String(requests).padStart(6, "0")}Z`;
    return Response.json({ ...NOTHING_NEW, sync_timestamp: stamp, digest });
  };
  const client = createTodoClient({
    store: await loggedInStore(),
    automatic: false,
    fetch: answer,
  });
  await client.sync();
  // The first reading, then six repairs, each of which reads everything and compares once more.
  expect(requests).toBe(13);
  expect(client.getSnapshot().sync).toMatchObject({
    verified: false,
    pending: 0,
    problem: null,
    status: "idle",
  });
  expect(texts(client)).toEqual([]);

  await client.sync();
  expect(requests).toBe(14);
  expect(client.getSnapshot().sync.verified).toBe(false);

  digest = EMPTY;
  await client.sync();
  expect(requests).toBe(15);
  expect(client.getSnapshot().sync.verified).toBe(true);

  // What agreed once may be repaired again.
  digest = WRONG;
  await client.sync();
  expect(requests).toBe(28);
});
