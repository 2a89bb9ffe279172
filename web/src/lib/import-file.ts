/** Lists in files: JSON as this app, its server or a former app writes it, or a todo a line. */

import type { Json, NewTodo } from "todo-sync-client";
import { beyond, clean, fitting, isVisible, lines } from "./fitting";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const textOf = (item: Readonly<Record<string, unknown>>) =>
  [item.text, item.title].filter((text) => typeof text === "string").map(clean).find(isVisible);

function todoOf(item: unknown): NewTodo | null {
  if (typeof item === "string") return isVisible(clean(item)) ? { text: clean(item).trim() } : null;
  if (!isObject(item) || item.deletedAt || item.deleted_at) return null;
  const description = typeof item.description === "string" ? clean(item.description) : null;
  const text = textOf(item) ?? description?.split("\n").find(isVisible);
  if (!text) return null;
  const metadata = isObject(item.metadata) ? (item.metadata as Readonly<Record<string, Json>>) : {};
  const isDone = item.completed === true || item.completed === 1 || item.done === true;
  return { text, completed: isDone, metadata, ...(description ? { description } : {}) };
}

/** The list of a file. */
export interface FileList {
  readonly todos: readonly NewTodo[];
  /** How many todos of the file are longer than a todo may be. */
  readonly leftOut: number;
}

const fits = ({ text, description }: NewTodo) => beyond([text, description].filter(Boolean).join("\n\n")) === null;

/** The todos of a file; null if there are none. */
export function readList(content: string): FileList | null {
  let items: unknown;
  try {
    items = JSON.parse(content);
  } catch {
    items = lines(content);
  }
  if (isObject(items)) items = items.todos ?? items.items ?? items.tasks;
  if (!Array.isArray(items)) return null;
  const todos = items.map(todoOf).filter((todo) => todo !== null);
  const fit = todos.filter(fits);
  return todos.length > 0 ? { todos: fit.map(fitting), leftOut: todos.length - fit.length } : null;
}
