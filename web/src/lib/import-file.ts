/** Lists in files: JSON as this app, its server or a former app writes it, or a todo a line. */

import type { Json, NewTodo } from "todo-sync-client";
import { fitting, lines } from "./quick-add";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const textOf = (item: Readonly<Record<string, unknown>>) =>
  [item.text, item.title].find((text): text is string => typeof text === "string" && text.trim() !== "");

function todoOf(item: unknown): NewTodo | null {
  if (typeof item === "string") return item.trim() === "" ? null : fitting({ text: item.trim() });
  if (!isObject(item) || item.deletedAt || item.deleted_at) return null;
  const description = typeof item.description === "string" ? item.description : null;
  const text = textOf(item) ?? description?.split("\n")[0];
  if (!text) return null;
  const metadata = isObject(item.metadata) ? (item.metadata as Readonly<Record<string, Json>>) : {};
  const isDone = item.completed === true || item.completed === 1 || item.done === true;
  return fitting({ text, completed: isDone, metadata, ...(description ? { description } : {}) });
}

/** The todos of a file; null if there are none. */
export function readList(content: string): readonly NewTodo[] | null {
  let items: unknown;
  try {
    items = JSON.parse(content);
  } catch {
    items = lines(content);
  }
  if (isObject(items)) items = items.todos ?? items.items ?? items.tasks;
  if (!Array.isArray(items)) return null;
  const todos = items.map(todoOf).filter((todo) => todo !== null);
  return todos.length > 0 ? todos : null;
}
