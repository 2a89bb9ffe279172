/** The views: which todos each shows, and in which order. */

import type { Todo } from "todo-sync-client";
import { texts } from "@/texts";
import { dayOf, dueOf, isOverdue, isSnoozed } from "./day";

export type View =
  | { readonly kind: "all" | "today" | "upcoming" | "overdue" | "done" | "snoozed" }
  | { readonly kind: "list" | "tag"; readonly name: string };

export const FIXED = ["today", "upcoming", "all", "overdue", "done"] as const;

/** The view that a query such as `?view=today` or `?tag=home` names. */
export function viewOf(query: URLSearchParams): View {
  const [list, tag, view] = [query.get("list"), query.get("tag"), query.get("view")];
  if (list) return { kind: "list", name: list };
  if (tag) return { kind: "tag", name: tag };
  const kinds = ["today", "upcoming", "overdue", "done", "snoozed"] as const;
  return { kind: kinds.find((kind) => kind === view) ?? "all" };
}

/** The address of a view. */
export function addressOf(view: View): string {
  if (view.kind === "list" || view.kind === "tag") return `/?${view.kind}=${encodeURIComponent(view.name)}`;
  return view.kind === "all" ? "/" : `/?view=${view.kind}`;
}

export const isSame = (a: View, b: View) => addressOf(a) === addressOf(b);

/** The heading of a view. */
export function titleOf(view: View): string {
  if (view.kind === "list") return view.name;
  return view.kind === "tag" ? `#${view.name}` : texts.views[view.kind];
}

/** Whether the user orders the view by hand. */
export const isOrdered = (view: View) => ["all", "list", "tag"].includes(view.kind);

export const priorityOf = (todo: Todo): number => {
  const priority = todo.metadata.priority;
  return typeof priority === "number" && priority >= 1 && priority <= 4 ? Math.trunc(priority) : 0;
};

export const listOf = (todo: Todo) => (typeof todo.metadata.list === "string" ? todo.metadata.list : null);

export const tagsOf = (todo: Todo) =>
  Object.keys(todo.metadata)
    .filter((key) => key.startsWith("tag:") && key.length > 4 && todo.metadata[key] === true)
    .map((key) => key.slice(4))
    .sort();

/** Whether the view shows the todo at `now`. */
export function shows(view: View, todo: Todo, now: Date): boolean {
  if (view.kind === "done") return todo.completed;
  if (todo.completed) return false;
  if (view.kind === "snoozed") return isSnoozed(todo, now);
  if (isSnoozed(todo, now)) return false;
  const day = dueOf(todo)?.day;
  switch (view.kind) {
    case "all":
      return true;
    case "today":
      return day !== undefined && day <= dayOf(now);
    case "upcoming":
      return day !== undefined && day > dayOf(now);
    case "overdue":
      return isOverdue(todo, now);
    case "list":
      return listOf(todo) === view.name;
    case "tag":
      return todo.metadata[`tag:${view.name}`] === true;
  }
}

/** A view that shows this todo, whatever its state. */
export function homeOf(todo: Todo, now: Date): View {
  if (todo.completed) return { kind: "done" };
  return { kind: isSnoozed(todo, now) ? "snoozed" : "all" };
}

const text = (a: string | null | undefined, b: string | null | undefined) => {
  const [left, right] = [a ?? "", b ?? ""];
  return left < right ? -1 : left > right ? 1 : 0;
};

/** The instant by which todos with a date are ordered: those of a day without a time come first. */
const dueKey = (todo: Todo) => {
  const due = dueOf(todo);
  return due ? `${due.day}${due.at ? due.at.toISOString() : ""}` : "9";
};

function byDue(a: Todo, b: Todo): number {
  return text(dueKey(a), dueKey(b)) || (priorityOf(a) || 9) - (priorityOf(b) || 9) || text(a.createdAt, b.createdAt);
}

/** The todos of a view in its order. `todos` are in the order of the user. */
export function select(todos: readonly Todo[], view: View, search: string, now: Date): readonly Todo[] {
  const words = search.toLowerCase().normalize("NFC").split(/\s+/).filter(Boolean);
  const matches = (todo: Todo) => {
    const content = `${todo.text}\n${todo.description ?? ""}`.toLowerCase().normalize("NFC");
    return words.every((word) => content.includes(word));
  };
  const selected = todos.filter((todo) => shows(view, todo, now) && (words.length === 0 || matches(todo)));
  if (view.kind === "done") return selected.sort((a, b) => text(b.completedAt, a.completedAt));
  return isOrdered(view) ? selected : selected.sort(byDue);
}

/** The lists and tags of all open todos, with counts. */
export function groups(todos: readonly Todo[]): { lists: [string, number][]; tags: [string, number][] } {
  const [lists, tags] = [new Map<string, number>(), new Map<string, number>()];
  const count = (map: Map<string, number>, name: string) => map.set(name, (map.get(name) ?? 0) + 1);
  for (const todo of todos) {
    if (todo.completed) continue;
    const list = listOf(todo);
    if (list) count(lists, list);
    for (const tag of tagsOf(todo)) count(tags, tag);
  }
  const sorted = (map: Map<string, number>) => [...map].sort(([a], [b]) => a.localeCompare(b));
  return { lists: sorted(lists), tags: sorted(tags) };
}
