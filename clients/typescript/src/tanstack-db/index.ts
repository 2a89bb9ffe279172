/**
 * A collection of TanStack DB over a client. The client stores and syncs; the collection gives its
 * todos to live queries, and takes their mutations.
 *
 * @packageDocumentation
 */

import type { CollectionConfig, SyncConfig } from "@tanstack/db";

import type { NewTodo, Todo, TodoChanges, TodoClient } from "../index.js";

/**
 * What was written by the collection's own mutations is in the store when their handlers resolve.
 */
type Stored = Promise<void>;

function newTodoOf(todo: Todo): NewTodo {
  const { id, text, description, completed, metadata, createdAt } = todo;
  return { id, text, description, completed, metadata, ...(createdAt && { createdAt }) };
}

/** The changes among fields that a user may change; a metadata key that is gone is removed. */
function changesOf(before: Todo, changes: Partial<Todo>): TodoChanges {
  const { text, description, completed, metadata } = changes;
  const removed = metadata ? Object.keys(before.metadata).filter((key) => !(key in metadata)) : [];
  return {
    ...(text !== undefined && { text }),
    ...(description !== undefined && { description }),
    ...(completed !== undefined && { completed }),
    ...(metadata && {
      metadata: { ...metadata, ...Object.fromEntries(removed.map((key) => [key, null])) },
    }),
  };
}

/** Options for `createCollection`. Mutations are optimistic until this device has stored them. */
export function todoCollectionOptions(client: TodoClient): CollectionConfig<Todo, string> {
  const sync: SyncConfig<Todo, string>["sync"] = ({ begin, write, commit, markReady }) => {
    let shown = new Map<string, Todo>();
    const move = (): void => {
      const { ready, todos } = client.getSnapshot();
      const now = new Map(todos.map((todo) => [todo.id, todo]));
      begin();
      for (const [id, todo] of now) {
        const before = shown.get(id);
        if (before !== todo) write({ type: before ? "update" : "insert", value: todo });
      }
      for (const [id, todo] of shown) if (!now.has(id)) write({ type: "delete", value: todo });
      commit();
      shown = now;
      if (ready) markReady();
    };
    move();
    return client.subscribe(move);
  };
  const all = async (stored: readonly Stored[]): Promise<void> => void (await Promise.all(stored));
  return {
    id: "todos",
    getKey: (todo) => todo.id,
    sync: { sync, rowUpdateMode: "full" },
    onInsert: ({ transaction }) =>
      all(transaction.mutations.map(({ modified }) => client.add(newTodoOf(modified)).stored)),
    onUpdate: ({ transaction }) =>
      all(
        transaction.mutations.map(
          ({ key, original, changes }) =>
            client.edit(String(key), changesOf(original as Todo, changes)).stored,
        ),
      ),
    onDelete: ({ transaction }) =>
      all(transaction.mutations.map(({ key }) => client.remove(String(key)).stored)),
  };
}
