import { createCollection, createLiveQueryCollection, eq } from "@tanstack/db";
import type { TodoClient } from "todo-sync-client";
import { todoCollectionOptions } from "todo-sync-client/tanstack-db";

export function openTodos(client: TodoClient) {
  const todos = createCollection(todoCollectionOptions(client));
  const open = createLiveQueryCollection((query) =>
    query.from({ todo: todos }).where(({ todo }) => eq(todo.completed, false)),
  );
  return { todos, open };
}
