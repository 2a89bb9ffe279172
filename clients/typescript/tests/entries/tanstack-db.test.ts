import { expect, test } from "vitest";

import { openTodos } from "../../examples/tanstack-db.js";
import { createTodoClient, memoryStore } from "../../src/index.js";
import { until } from "../support/account.js";

test("a live query follows the client, and mutations of the collection reach it", async () => {
  const client = createTodoClient({
    baseUrl: "http://localhost:1",
    store: memoryStore(),
    automatic: false,
  });
  await client.ready;
  const { id } = client.add({
    text: "Buy milk",
    metadata: { due: "2026-12-24", list: "Groceries" },
  });
  const { todos, open } = openTodos(client);
  await open.preload();
  const texts = (): string[] => open.toArray.map((todo) => todo.text).sort();
  expect(texts()).toEqual(["Buy milk"]);
  client.add({ text: "Answer mail" });
  await until(() => texts().length === 2, "the query has both");

  await todos.update(id, (draft) => {
    draft.text = "Buy oat milk";
    draft.metadata = { due: "2026-12-31" };
  }).isPersisted.promise;
  expect(client.get(id)).toMatchObject({ text: "Buy oat milk", metadata: { due: "2026-12-31" } });
  expect(client.get(id)?.metadata["list"]).toBeUndefined();
  await until(() => texts().includes("Buy oat milk"), "the query shows the change");

  client.complete(id);
  await until(() => texts().length === 1, "the completed one leaves the query");
  await todos.delete(id).isPersisted.promise;
  expect(client.get(id)?.deletedAt).not.toBeNull();
  await client.close();
});
