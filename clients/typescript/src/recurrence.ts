/** The next todo of a recurring one. */

import { idOf, UUID } from "./ids.js";
import { isEmpty } from "./model/fields.js";
import type { Json, Todo } from "./types.js";

const DAYS = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];

/** How many days to look ahead, about a thousand years: a rule such as "29 February" skips some. */
const MOST_DAYS = 366_000;

interface Rule {
  readonly freq: string;
  readonly interval: number;
  readonly weekdays: readonly number[];
  readonly monthDays: readonly number[];
  readonly until: string | null;
}

/** Reads the parts of RFC 5545 that a due date needs; null for a rule with others. */
function parse(text: string): Rule | null {
  const parts = text
    .replace(/^RRULE:/i, "")
    .toUpperCase()
    .split(";")
    .filter(Boolean);
  const values: Record<string, string | undefined> = Object.fromEntries(
    parts.map((part) => part.split("=", 2)),
  );
  const { FREQ: freq = "", INTERVAL = "1", BYDAY, BYMONTHDAY, UNTIL, WKST: _, ...others } = values;
  const interval = Number(INTERVAL);
  const weekdays = BYDAY?.split(",").map((day) => DAYS.indexOf(day)) ?? [];
  const monthDays = BYMONTHDAY?.split(",").map(Number) ?? [];
  const isKnown =
    isEmpty(others) &&
    (["MONTHLY", "YEARLY"].includes(freq)
      ? weekdays.length === 0
      : ["DAILY", "WEEKLY"].includes(freq)) &&
    (monthDays.length === 0 || freq === "MONTHLY") &&
    /^[1-9]\d{0,2}$/.test(INTERVAL) &&
    !weekdays.includes(-1) &&
    monthDays.every((day) => Number.isInteger(day) && day !== 0 && Math.abs(day) <= 31);
  const until = UNTIL?.replace(/^(\d{4})(\d\d)(\d\d).*/, "$1-$2-$3") ?? null;
  return isKnown ? { freq, interval, weekdays, monthDays, until } : null;
}

const DAY = 86_400_000;
const dateOf = (day: number): string => new Date(day).toISOString().slice(0, 10);
const monthOf = (date: Date): number => date.getUTCFullYear() * 12 + date.getUTCMonth();
/** Weeks begin on Monday. */
const weekOf = (day: number): number => Math.floor((day / DAY + 3) / 7);

/** The date after `date` on which the rule falls; null if there is none. */
export function nextDate(rule: string, date: string): string | null {
  const read = parse(rule);
  const start = Date.parse(`${date}T00:00:00Z`);
  if (!read || Number.isNaN(start)) return null;
  const next = step(read, start);
  return next === null || (read.until !== null && dateOf(next) > read.until) ? null : dateOf(next);
}

function step({ freq, interval, weekdays, monthDays }: Rule, start: number): number | null {
  const from = new Date(start);
  const isByDay = freq === "DAILY" || freq === "WEEKLY";
  const days = monthDays.length > 0 ? monthDays : [from.getUTCDate()];
  const week = weekdays.length > 0 ? weekdays : freq === "WEEKLY" ? [from.getUTCDay()] : null;
  for (let n = 1; n < MOST_DAYS; n += 1) {
    const at = start + n * DAY;
    const date = new Date(at);
    const passed =
      freq === "DAILY" ? n : isByDay ? weekOf(at) - weekOf(start) : monthOf(date) - monthOf(from);
    if (passed % (freq === "YEARLY" ? 12 * interval : interval) !== 0) continue;
    const day = date.getUTCDate();
    // The same day as the month's end counts it: -1 for the last.
    const fromEnd =
      day - new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate() - 1;
    if (
      isByDay
        ? (week?.includes(date.getUTCDay()) ?? true)
        : days.includes(day) || days.includes(fromEnd)
    )
      return at;
  }
  return null;
}

/**
 * The time of day of a `due` on another date. In this device's zone it stays the same over a change
 * of daylight saving, so its offset changes; an instant of another zone keeps its offset.
 */
function timeOn(date: string, due: string): string {
  const clock = /T.*(?=Z|[+-]..:..$)/.exec(due)?.[0];
  if (!clock || Date.parse(due.slice(0, 10) + clock) !== Date.parse(due)) return due.slice(10);
  const [, hours, minutes] = /GMT(...)(..)/.exec(String(new Date(date + clock))) ?? [];
  return `${clock}${hours}:${minutes}`;
}

/** What completing a recurring todo adds. */
export interface Successor {
  readonly id: string;
  readonly series: string;
  readonly metadata: Record<string, Json>;
}

/** The todo that follows a recurring one; null if it does not recur, or not any more. */
export function successor(todo: Todo): Successor | null {
  const { repeat, due, series: known, snooze: _, ...rest } = todo.metadata;
  if (typeof repeat !== "string" || typeof due !== "string") return null;
  const date = nextDate(repeat, due.slice(0, 10));
  if (date === null) return null;
  const series = typeof known === "string" && UUID.test(known) ? known : todo.id;
  return {
    id: idOf(date, series),
    series,
    metadata: { ...rest, repeat, due: date + timeOn(date, due), series },
  };
}
