import { expect, test } from "vitest";

import {
  createTodoClient,
  InvalidTodoError,
  memoryStore,
  type TodoClient,
} from "../../src/index.js";

function newClient(store = memoryStore()): TodoClient {
  return createTodoClient({ store, automatic: false });
}

const texts = (client: TodoClient): string[] => client.getSnapshot().todos.map((todo) => todo.text);

test("a todo is shown at once, and stored soon after", async () => {
  const store = memoryStore();
  const client = newClient(store);
  const written = client.add({ text: "  Buy milk\r\n", metadata: { due: "2026-12-24" } });
  expect(texts(client)).toEqual(["Buy milk"]);
  await written.stored;
  const again = newClient(store);
  await again.ready;
  expect(again.getSnapshot().todos[0]).toMatchObject({
    id: written.id,
    text: "Buy milk",
    metadata: { due: "2026-12-24" },
    unsynced: true,
  });
});

test("everything can be undone", async () => {
  const client = newClient();
  const { id } = client.add({ text: "Buy milk", description: "oat" });
  client.edit(id, { text: "Buy soy milk", metadata: { priority: 1 } });
  client.complete(id);
  client.remove(id);
  expect(texts(client)).toEqual([]);
  client.undo();
  expect(client.get(id)).toMatchObject({ text: "Buy soy milk", completed: true, deletedAt: null });
  client.undo();
  client.undo();
  expect(client.get(id)).toMatchObject({
    text: "Buy milk",
    description: "oat",
    completed: false,
    metadata: {},
  });
  client.undo();
  expect(texts(client)).toEqual([]);
  expect(client.undo()).toBeNull();
});

test("todos are ordered by hand, whether or not they had a position", () => {
  const client = newClient();
  const ids = ["a", "b", "c", "d"].map((text) => client.add({ text }).id) as [
    string,
    string,
    string,
    string,
  ];
  expect(texts(client)).toEqual(["a", "b", "c", "d"]);
  client.reorder(ids[3], { after: ids[1] });
  expect(texts(client)).toEqual(["a", "b", "d", "c"]);
  client.reorder(ids[2], { before: ids[0] });
  expect(texts(client)).toEqual(["c", "a", "b", "d"]);
  client.undo();
  expect(texts(client)).toEqual(["a", "b", "d", "c"]);
});

test("completing a recurring todo adds the next one, once", () => {
  const client = newClient();
  const { id } = client.add({
    text: "Water the plants",
    metadata: { due: "2026-12-24", repeat: "FREQ=WEEKLY" },
  });
  client.complete(id);
  client.complete(id, false);
  client.complete(id);
  const open = client.getSnapshot().todos.filter((todo) => !todo.completed);
  expect(open.map((todo) => todo.metadata["due"])).toEqual(["2026-12-31"]);
});

test.each([
  ["the clocks go forward", "2026-03-28T09:00:00+01:00", "2026-03-29T09:00:00+02:00"],
  ["they go back", "2026-10-24T09:00:00+02:00", "2026-10-25T09:00:00+01:00"],
  ["they stay", "2026-01-15T09:00:00+01:00", "2026-01-16T09:00:00+01:00"],
  ["the todo is of another zone", "2026-03-28T09:00:00-05:00", "2026-03-29T09:00:00-05:00"],
  ["the time has no zone", "2026-03-28T09:00", "2026-03-29T09:00"],
])("a todo of every day keeps its time of day when %s", (_, due, next) => {
  const zone = process.env["TZ"];
  process.env["TZ"] = "Europe/Berlin";
  try {
    const client = newClient();
    client.complete(client.add({ text: "Water", metadata: { due, repeat: "FREQ=DAILY" } }).id);
    const [open] = client.getSnapshot().todos.filter((todo) => !todo.completed);
    expect(open?.metadata["due"]).toBe(next);
  } finally {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  }
});

test("values that the server would refuse are refused with the field's name", () => {
  const client = newClient();
  for (const text of ["", "  \n", "\u200b", "x".repeat(501), "a\u0000b"]) {
    expect(() => client.add({ text })).toThrow(InvalidTodoError);
  }
  expect(() => client.add({ text: "x", metadata: { "": 1 } })).toThrow(InvalidTodoError);
  expect(texts(client)).toEqual([]);
});

test("the snapshot keeps its identity until something changes", () => {
  const client = newClient();
  const before = client.getSnapshot();
  expect(client.getSnapshot()).toBe(before);
  let calls = 0;
  const stop = client.subscribe(() => (calls += 1));
  client.add({ text: "x" });
  expect(calls).toBeGreaterThan(0);
  expect(client.getSnapshot()).not.toBe(before);
  stop();
});

test("a list without an account says that it is only here, and can be exported", async () => {
  const client = createTodoClient({ store: memoryStore(), automatic: false });
  await client.ready;
  await client.add({ text: "Only here" }).stored;
  const { sync, storage } = client.getSnapshot();
  expect(sync).toMatchObject({ status: "local", settled: false });
  expect(storage.persisted).toBeNull();
  expect(client.exportLocal()).toMatchObject({ todos: [{ text: "Only here" }], undecided: [] });
});
