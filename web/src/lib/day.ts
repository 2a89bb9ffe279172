/** Days and instants of todos: `due` and `snooze` are a day, or an instant with its offset. */

import type { Todo } from "todo-sync-client";

const pad = (number: number) => String(number).padStart(2, "0");

/** The local day of an instant, as `2026-12-24`. */
export function dayOf(date: Date): string {
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

/** Local midnight at the start of a day; null for a text that is no day of the calendar. */
export function startOf(day: string): Date | null {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day) ?? [];
  if (!year) return null;
  const start = new Date(Number(year), Number(month) - 1, Number(date));
  return dayOf(start) === day ? start : null;
}

/** The day that lies `count` days after another one, over any change of daylight saving. */
export function addDays(day: string, count: number): string {
  const start = startOf(day) ?? new Date();
  return dayOf(new Date(start.getFullYear(), start.getMonth(), start.getDate() + count));
}

/** An instant with this device's offset, as `2026-12-24T18:00:00+01:00`. */
export function instantWithOffset(date: Date): string {
  const offset = -date.getTimezoneOffset();
  const sign = offset < 0 ? "-" : "+";
  const [hours, minutes] = [Math.trunc(Math.abs(offset) / 60), Math.abs(offset) % 60];
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return `${dayOf(date)}T${time}${sign}${pad(hours)}:${pad(minutes)}`;
}

/** When a todo is due; another app may have kept anything under the key. */
export interface Due {
  /** The local day. */
  readonly day: string;
  /** The instant, if the todo has a time of day. */
  readonly at: Date | null;
}

/** Reads a `due` or a `snooze`; null if it is absent or not readable. */
export function readDue(value: unknown): Due | null {
  if (typeof value !== "string") return null;
  if (value.length === 10) return startOf(value) ? { day: value, at: null } : null;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? null : { day: dayOf(at), at };
}

/** When this todo is due. */
export const dueOf = (todo: Todo): Due | null => readDue(todo.metadata.due);

/** Whether the todo is past due at `now`. */
export function isOverdue(todo: Todo, now: Date): boolean {
  const due = dueOf(todo);
  if (!due || todo.completed) return false;
  return due.at ? due.at < now : due.day < dayOf(now);
}

/** Whether the todo is hidden until later. */
export function isSnoozed(todo: Todo, now: Date): boolean {
  const until = readDue(todo.metadata.snooze);
  if (!until || todo.completed) return false;
  return until.at ? until.at > now : until.day > dayOf(now);
}
