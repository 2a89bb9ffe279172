// Browsers move their lists to the server at BASE_URL with client.js, and nothing that can be kept is lost.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";

const api = process.env.BASE_URL;
const source = readFileSync(new URL("client.js", import.meta.url), "utf8");

async function request(method, path, body, token) {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  const response = await fetch(`${api}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`);
  return response.status === 204 ? undefined : response.json();
}

async function register(email) {
  const credentials = { email, password: "Correct-Horse-7", client_id: "browser" };
  return (await request("POST", "/auth/register", credentials)).access_token;
}

/** A browser that holds `todos` as an app writes them, moves them to the account and holds nothing any more. */
async function move(todos, token) {
  const kept = new Map([["simple_todos_v1", JSON.stringify(todos)]]);
  const localStorage = {
    getItem: (key) => kept.get(key) ?? null,
    removeItem: (key) => kept.delete(key),
  };
  const page = { localStorage, fetch, token, api };
  const answer = await runInNewContext(`${source}; migrateLocalTodos(api, token)`, page);
  assert.equal(kept.size, 0);
  return answer;
}

/** All todos of the account, tombstones included, by their texts. */
async function list(token) {
  const todos = [];
  let page = { sync_timestamp: null, has_more: true };
  while (page.has_more) {
    const cursor = { last_sync: page.sync_timestamp, epoch: page.epoch, include_deleted: true };
    page = await request("POST", "/todos/sync", cursor, token);
    todos.push(...page.server_changes);
  }
  return todos;
}

const texts = (todos) => todos.map((todo) => todo.text).sort();

/** What a textarea's text is after a form was submitted: HTML makes each line break CRLF. */
async function submitted(text) {
  const form = new FormData();
  form.set("text", text);
  return (await new Response(form).formData()).get("text");
}

async function everyFormIsKept() {
  const token = await register("ann@example.com");
  const day = new Date("2021-03-02T15:04:05.678Z");
  const seconds = "2021-03-02T15:04:05.000000Z";
  const form = await submitted("first line\nsecond line");
  assert.equal(form, "first line\r\nsecond line");
  const long = "x".repeat(10_000);
  const todos = [
    { id: day.getTime(), text: "Date.now()", completed: false, createdAt: day.getTime() },
    { id: 1, title: "a title", completed: true, createdAt: day },
    { id: 2, text: "toString()", completed: 0, createdAt: String(day) },
    { id: 3, text: "toUTCString()", completed: 1, createdAt: day.toUTCString() },
    { id: 0.7310585786300049, text: "Math.random()", completed: null, createdAt: day.getTime() },
    { id: "todo-6", text: "a textual id", createdAt: day.toISOString() },
    { id: crypto.randomUUID().toUpperCase(), text: "a UUID", createdAt: undefined },
    { text: "no id", completed: false, createdAt: day.getTime() },
    { text: "no id and no time" },
    { id: 7, text: "NaN", createdAt: NaN },
    { id: 8, text: form, description: form, createdAt: day.getTime() },
    { id: 9, text: long, createdAt: day.getTime() },
    { id: 10, text: "", description: "only a description", createdAt: day.getTime() },
    { id: 11, text: " \n", createdAt: day.getTime() },
    { id: 12, text: "bell \u0007", createdAt: day.getTime() },
    { id: 13, text: "unknown members", priority: 3, tags: ["a"], createdAt: day.getTime() },
  ];
  const answer = await move(todos, token);
  assert.deepEqual(answer.rejected.map((item) => [item.id, item.error_code]), [
    ["11", "VALIDATION_004"],
    ["12", "VALIDATION_006"],
  ]);
  const stored = new Map((await list(token)).map((todo) => [todo.text, todo]));
  assert.equal(stored.size, todos.length - 2);
  for (const [text, completed, createdAt] of [
    ["Date.now()", false, "2021-03-02T15:04:05.678000Z"],
    ["a title", true, "2021-03-02T15:04:05.678000Z"],
    ["toString()", false, seconds],
    ["toUTCString()", true, seconds],
    ["Math.random()", false, "2021-03-02T15:04:05.678000Z"],
    ["a textual id", false, "2021-03-02T15:04:05.678000Z"],
    ["no id", false, "2021-03-02T15:04:05.678000Z"],
    ["unknown members", false, "2021-03-02T15:04:05.678000Z"],
  ]) {
    const todo = stored.get(text);
    assert.deepEqual([todo?.completed, todo?.created_at], [completed, createdAt], text);
  }
  for (const text of ["a UUID", "no id and no time", "NaN", "only a description"]) {
    assert.ok(stored.has(text), text);
  }
  assert.equal(stored.get("first line\nsecond line").description, "first line\nsecond line");
  assert.equal(stored.get(`${"x".repeat(499)}…`).description, long);
}

async function aRepeatUndoesNoEdit() {
  const token = await register("bob@example.com");
  const todos = [1, 2, 3].map((id) => ({ id, text: `todo ${id}`, createdAt: id }));
  const { ids } = await move(todos, token);
  await request("PATCH", `/todos/${ids[1]}`, { text: "edited" }, token);
  await request("DELETE", `/todos/${ids[2]}`, undefined, token);
  // Another tab wrote the old list again, with one todo more.
  const again = await move([...todos, { id: 4, text: "todo 4", createdAt: 4 }], token);
  assert.deepEqual(texts(again.created), ["todo 4"]);
  // What was edited in the old list counts as another todo.
  const edited = await move([{ ...todos[0], text: "edited in the browser" }], token);
  assert.deepEqual(texts(edited.created), ["edited in the browser"]);
  const left = (await list(token)).filter((todo) => todo.deleted_at === null);
  assert.deepEqual(texts(left), ["edited", "edited in the browser", "todo 3", "todo 4"]);
}

async function twoBrowsersStayApart() {
  const token = await register("eve@example.com");
  const browser = (name, start) =>
    [1, 2, 3].map((id) => ({ id, text: `${name} ${id}`, completed: id === 3, createdAt: start + id }));
  const [home, work] = [browser("home", 1_600_000_000_000), browser("work", 1_700_000_000_000)];
  for (const todos of [home, work, home, work]) {
    await move(todos, token);
  }
  assert.deepEqual(texts(await list(token)), texts([...home, ...work]));
}

async function threeThousandFit() {
  const token = await register("ida@example.com");
  const todos = Array.from({ length: 3000 }, (_, id) => ({ id, text: `todo ${id}`, createdAt: 1_600_000_000_000 + id }));
  for (let repeat = 0; repeat < 2; repeat++) {
    const { ids } = await move(todos, token);
    assert.equal(Object.keys(ids).length, 3000);
    assert.deepEqual(texts(await list(token)), texts(todos));
  }
}

await everyFormIsKept();
await aRepeatUndoesNoEdit();
await twoBrowsersStayApart();
await threeThousandFit();
