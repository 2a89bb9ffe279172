/** Lists in files: JSON as this app, its server or a former app writes it, or a todo a line. */

import type { Json, NewTodo, Todo } from "todo-sync-client";
import { beyond, clean, fitting, isVisible, lines } from "./fitting";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const textOf = (item: Readonly<Record<string, unknown>>) =>
  [item.text, item.title].filter((text) => typeof text === "string").map(clean).find(isVisible);

const ID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** The id and the time of creation, by which a list that was exported here is known again. */
function identityOf({ id, createdAt }: Readonly<Record<string, unknown>>): Partial<NewTodo> {
  if (typeof id !== "string" || !ID.test(id)) return {};
  const isTime = typeof createdAt === "string" && !Number.isNaN(Date.parse(createdAt));
  return { id: id.toLowerCase(), ...(isTime ? { createdAt } : {}) };
}

function todoOf(item: unknown): NewTodo | null {
  if (typeof item === "string") return isVisible(clean(item)) ? { text: clean(item).trim() } : null;
  if (!isObject(item) || item.deletedAt || item.deleted_at) return null;
  const description = typeof item.description === "string" ? clean(item.description) : null;
  const text = textOf(item) ?? description?.split("\n").find(isVisible);
  if (!text) return null;
  const metadata = isObject(item.metadata) ? (item.metadata as Readonly<Record<string, Json>>) : {};
  const isDone = item.completed === true || item.completed === 1 || item.done === true;
  return { ...identityOf(item), text, completed: isDone, metadata, ...(description ? { description } : {}) };
}

/** The list of a file. */
export interface FileList {
  readonly todos: readonly NewTodo[];
  /** How many todos of the file are longer than a todo may be. */
  readonly leftOut: number;
}

const fits = ({ text, description }: NewTodo) => beyond([text, description].filter(Boolean).join("\n\n")) === null;

/** JSON that was cut off, or no text at all. */
const BROKEN = /^\s*(?:\{|\[\s*[{"])|[\0\ufffd]/;

/** The ticked boxes of Markdown, the only mark of a list that says something of the todo. */
const TICKED = /^\s*[-*+]\s+\[[xX]\]\s/;

/** The todos of a text, one a line. */
const todosOf = (content: string) =>
  content.split("\n").flatMap((line) => lines(line).map((text) => (TICKED.test(line) ? { text, completed: true } : text)));

/** The todos of a file; null if there are none. */
export function readList(content: string): FileList | null {
  let items: unknown;
  try {
    items = JSON.parse(content);
  } catch {
    if (BROKEN.test(content)) return null;
    items = todosOf(content);
  }
  if (isObject(items)) items = items.todos ?? items.items ?? items.tasks;
  if (!Array.isArray(items)) return null;
  const todos = items.map(todoOf).filter((todo) => todo !== null);
  const fit = todos.filter(fits);
  return todos.length > 0 ? { todos: fit.map(fitting), leftOut: todos.length - fit.length } : null;
}

/** What an import adds to a list of which `held` tells what is there. */
export function missing(todos: readonly NewTodo[], held: (id: string) => Todo | undefined): NewTodo[] {
  const seen = new Set<string>();
  return todos.flatMap(({ id, ...todo }) => {
    if (id === undefined) return todo;
    const known = held(id);
    if (seen.has(id) || known?.deletedAt === null) return [];
    seen.add(id);
    // The id of a todo that was deleted stays its own.
    return known ? todo : { ...todo, id };
  });
}
