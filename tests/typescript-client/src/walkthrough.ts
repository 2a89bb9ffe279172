// Two devices of one user, driven through the generated client: register, log in, sync, conflict, resolution.
// BASE_URL is the address of the running server. Exits with 0 if every step succeeds, otherwise with 1 and the failed step.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { paths } from "../generated/schema.js";

const baseUrl = process.env["BASE_URL"] ?? "";
assert.notEqual(baseUrl, "", "BASE_URL is not set: it names the running server, for example http://127.0.0.1:8000");

type Client = ReturnType<typeof createClient<paths>>;
type SyncRequest = NonNullable<paths["/api/v1/todos/sync"]["post"]["requestBody"]>["content"]["application/json"];
type Change = NonNullable<SyncRequest["todos"]>[number];

/** The body of a successful answer; anything else ends the walk with the server's own words. */
function success<T>(step: string, answer: { data?: T; error?: unknown; response: Response }): T {
  const { data, error, response } = answer;
  if (data === undefined) {
    throw new Error(`${step}: ${response.status} ${JSON.stringify(error)}`);
  }
  return data;
}

function device(accessToken: string): Client {
  return createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${accessToken}` } });
}

async function sync(step: string, client: Client, clientId: string, lastSync: string | null, todos: Change[] = []) {
  const body = { last_sync: lastSync, strategy: "manual" as const, client_id: clientId, todos };
  return success(step, await client.POST("/api/v1/todos/sync", { body }));
}

const anonymous = createClient<paths>({ baseUrl });
const email = `${randomUUID()}@example.com`;
const password = `Correct-horse-${randomUUID().slice(0, 8)}`;

const registered = success(
  "register",
  await anonymous.POST("/api/v1/auth/register", { body: { email, password, display_name: "Ann", client_id: "phone" } }),
);
assert.equal(registered.user.email, email);

const loggedIn = success(
  "log in",
  await anonymous.POST("/api/v1/auth/login", { body: { email, password, client_id: "laptop" } }),
);
assert.equal(loggedIn.user.id, registered.user.id);

const refused = await anonymous.POST("/api/v1/auth/login", { body: { email, password: "Wrong-horse-1" } });
assert.equal(refused.response.status, 401);
assert.equal(refused.error?.error_code, "AUTH_001");

const phone = device(registered.access_token);
const laptop = device(loggedIn.access_token);
const id = randomUUID();

const created = await sync("the phone creates", phone, "phone", null, [{ id, text: "Buy milk", version: 1 }]);
assert.deepEqual(created.applied, [id]);
assert.equal(created.versions[id], 1);

const seen = await sync("the laptop pulls", laptop, "laptop", null);
assert.deepEqual(seen.server_changes.map((todo) => [todo.id, todo.text, todo.version]), [[id, "Buy milk", 1]]);

const edited = await sync("the laptop edits", laptop, "laptop", seen.sync_timestamp, [
  { id, text: "Buy oat milk", version: 1 },
]);
assert.equal(edited.versions[id], 2);

const stale = await sync("the phone, offline meanwhile, edits too", phone, "phone", created.sync_timestamp, [
  { id, text: "Buy goat milk", version: 1 },
]);
assert.deepEqual(stale.applied, []);
const conflict = stale.conflicts[0];
assert(conflict, "a stale edit is a conflict");
assert.equal(conflict.id, id);
assert.equal(conflict.server_version, 2);
assert.equal(conflict.server_data?.text, "Buy oat milk");

const resolved = await sync("the phone resolves", phone, "phone", stale.sync_timestamp, [
  { id, text: "Buy oat and goat milk", version: conflict.server_version },
]);
assert.deepEqual(resolved.applied, [id]);
assert.equal(resolved.versions[id], 3);

const settled = await sync("the laptop pulls the resolution", laptop, "laptop", edited.sync_timestamp);
assert.deepEqual(settled.server_changes.map((todo) => [todo.text, todo.version]), [["Buy oat and goat milk", 3]]);

const listed = success("list", await laptop.GET("/api/v1/todos", { params: { query: { search: "goat" } } }));
assert.deepEqual(listed.map((todo) => todo.id), [id]);

// The types allow optional members to be absent.
const bare = success("create with a text alone", await phone.POST("/api/v1/todos", { body: { text: "Buy bread" } }));
assert.equal(bare.completed, false);
const out = await phone.POST("/api/v1/auth/logout", { body: {} });
assert.equal(out.response.status, 204);

console.log("walk-through: two devices agree");
