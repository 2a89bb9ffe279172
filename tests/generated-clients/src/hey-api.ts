// Hey API: register, create, and resolve a conflict, once in a sync and once in an update. The types narrow at each step.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { client } from "../generated/hey-api/client.gen.js";
import { bulkCreateTodos, register, syncTodos, updateTodo } from "../generated/hey-api/sdk.gen.js";
import type { SocketEvent } from "../generated/hey-api/types.gen.js";
import { account, baseUrl } from "./steps.js";

client.setConfig({ baseUrl });
const { data: tokens, error: refused } = await register({ body: account() });
assert(tokens, JSON.stringify(refused));
client.setConfig({ auth: tokens.access_token });

const id = randomUUID();
const imported = await bulkCreateTodos({ body: { todos: [{ id, text: "Buy milk" }] } });
assert.deepEqual(imported.data?.created.map((todo) => todo.version), [1]);

const edited = await updateTodo({ path: { id }, body: { text: "Buy oat milk", version: 1 } });
assert.equal(edited.data?.version, 2);

const stale = await syncTodos({ body: { strategy: "manual", todos: [{ id, text: "Buy goat milk", version: 1 }] } });
const conflict = stale.data?.conflicts[0];
assert(conflict, "a stale edit is a conflict");
const [mine, theirs]: [string | null | undefined, string] = [conflict.client_data.text, conflict.server_data.text];
assert.deepEqual([mine, theirs, conflict.resolved], ["Buy goat milk", "Buy oat milk", null]);

const { error, response } = await updateTodo({ path: { id }, body: { text: "Buy goat milk", version: 1 } });
assert.equal(response?.status, 409);
assert(error && error.error_code === "CONFLICT_001" && "server_data" in error.details);

/** A client that handles every event compiles without a cast. */
export function told(event: SocketEvent): string {
  switch (event.type) {
    case "ready":
    case "pong":
      return event.sync_timestamp;
    case "todo_created":
    case "todo_updated":
    case "todo_restored":
      return event.todo.text;
    case "todo_deleted":
      return event.todo_id;
    case "resync_required":
      return event.type;
    case "error":
      return event.error_code;
  }
}
assert.equal(told({ type: "todo_deleted", todo_id: id, version: 3, updated_at: "2026-01-09T10:15:00Z" }), id);
console.log("walk-through with Hey API: the conflict is known from both sides");
