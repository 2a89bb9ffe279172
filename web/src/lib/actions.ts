/** What the user does to todos, each with its notice. Everything goes through the client's undo. */

import {
  InvalidTodoError,
  StorageError,
  type NewTodo,
  type Todo,
  type TodoChanges,
  type TodoClient,
  type Written,
} from "todo-sync-client";
import { texts } from "@/texts";
import { addDays, dayOf } from "./day";
import { dueInWords } from "./format";
import { notify } from "./notices";

/** The beginning of a text, for a notice. */
export const short = (text: string) => ([...text].length > 60 ? `${[...text].slice(0, 59).join("")}…` : text);

/** Does it, and says what was done, or why it can't be. */
function attempt(text: string, act: () => Written | readonly Written[]): boolean {
  try {
    const written = [act()].flat();
    for (const { stored } of written) {
      stored.catch((error: unknown) => notify(error instanceof StorageError ? error.message : texts.account.unknown));
    }
    notify(text, { canUndo: true });
    return true;
  } catch (error) {
    if (!(error instanceof InvalidTodoError || error instanceof RangeError)) throw error;
    notify(error.message);
    return false;
  }
}

export function addTodos(client: TodoClient, todos: readonly NewTodo[], text: string): boolean {
  const [only] = todos;
  if (!only) return false;
  return attempt(text, () => (todos.length === 1 ? client.add(only) : client.addMany(todos)));
}

export function toggle(client: TodoClient, todo: Todo) {
  const text = (todo.completed ? texts.done.reopened : texts.done.completed)(short(todo.text));
  attempt(text, () => client.complete(todo.id, !todo.completed));
}

export function remove(client: TodoClient, todo: Todo) {
  attempt(texts.done.removed(short(todo.text)), () => client.remove(todo.id));
}

export function edit(client: TodoClient, id: string, changes: TodoChanges): boolean {
  return attempt(texts.done.saved, () => client.edit(id, changes));
}

/** Hides a todo for some days; null shows it again. */
export function snooze(client: TodoClient, todo: Todo, days: number | null) {
  const until = days === null ? null : addDays(dayOf(new Date()), days);
  const text = until ? texts.done.snoozed(dueInWords(until, new Date()) ?? until) : texts.done.saved;
  attempt(text, () => client.edit(todo.id, { metadata: { snooze: until } }));
}

/** Moves a todo beside another one of the same view. */
export function move(client: TodoClient, id: string, place: { after: string } | { before: string }) {
  attempt(texts.done.moved, () => client.reorder(id, place));
}

export function undo(client: TodoClient) {
  notify(client.undo() ? texts.done.undone : texts.done.nothingToUndo);
}
