// Orval: register, create, and resolve a conflict. The status narrows the body, and the error code its details.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { bulkCreateTodos, register, syncTodos, updateTodo } from "../generated/orval.js";
import { account, baseUrl } from "./steps.js";

// The generated functions use paths, as pages of the server's own origin do.
const send = globalThis.fetch;
globalThis.fetch = (path, init) => send(new URL(String(path), baseUrl), init);

const registered = await register(account());
assert(registered.status === 201);
const options = { headers: { authorization: `Bearer ${registered.data.access_token}` } };

const id = randomUUID();
const imported = await bulkCreateTodos({ todos: [{ id, text: "Buy milk" }] }, options);
assert(imported.status === 201);
assert.deepEqual(imported.data.created.map((todo) => todo.version), [1]);

const edited = await updateTodo(id, { text: "Buy oat milk", version: 1 }, options);
assert(edited.status === 200);
assert.equal(edited.data.version, 2);

const synced = await syncTodos({ todos: [{ id, text: "Buy goat milk", version: 1 }] }, options);
assert(synced.status === 200);
const conflict = synced.data.conflicts[0];
assert(conflict, "a stale edit is a conflict");
const [mine, theirs]: [string | null | undefined, string] = [conflict.client_data.text, conflict.server_data.text];
assert.deepEqual([mine, theirs, conflict.resolved], ["Buy goat milk", "Buy oat milk", null]);

const stale = await updateTodo(id, { text: "Buy goat milk", version: 1 }, options);
assert(stale.status === 409 && stale.data.error_code === "CONFLICT_001");
const current: number = stale.data.details.server_data.version;
assert.equal(current, 2);
const resolved = await updateTodo(id, { text: "Buy oat and goat milk", version: current }, options);
assert(resolved.status === 200);
console.log("walk-through with Orval: the conflict is resolved");
