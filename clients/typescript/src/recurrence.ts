/** The next todo of a recurring one. */

import { v5 } from "uuid";

import type { Json, Todo } from "./types.js";

const DAYS = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];

/** How many steps to look ahead: a rule such as "29 February" skips some. */
const MOST_STEPS = 4_000;

interface Rule {
  readonly freq: string;
  readonly interval: number;
  readonly weekdays: readonly number[];
  readonly monthDays: readonly number[];
  readonly until: string | null;
}

/** Reads the parts of RFC 5545 that a due date needs; null for a rule with others. */
function parse(text: string): Rule | null {
  const parts = new Map(text.replace(/^RRULE:/i, "").toUpperCase().split(";").filter(Boolean).map((part) => part.split("=", 2) as [string, string]));
  const known = ["FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "UNTIL", "WKST"];
  const interval = Number(parts.get("INTERVAL") ?? 1);
  const weekdays = (parts.get("BYDAY")?.split(",") ?? []).map((day) => DAYS.indexOf(day));
  const monthDays = (parts.get("BYMONTHDAY")?.split(",") ?? []).map(Number);
  const freq = parts.get("FREQ") ?? "";
  const isKnown =
    [...parts.keys()].every((name) => known.includes(name)) &&
    ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"].includes(freq) &&
    Number.isInteger(interval) && interval > 0 && interval < 1_000 &&
    !weekdays.includes(-1) && (weekdays.length === 0 || freq === "WEEKLY" || freq === "DAILY") &&
    monthDays.every((day) => Number.isInteger(day) && day !== 0 && Math.abs(day) <= 31) &&
    (monthDays.length === 0 || freq === "MONTHLY");
  const until = parts.get("UNTIL")?.replace(/^(\d{4})(\d\d)(\d\d).*/, "$1-$2-$3") ?? null;
  return isKnown ? { freq, interval, weekdays, monthDays, until } : null;
}

const DAY = 86_400_000;
const dateOf = (day: number): string => new Date(day).toISOString().slice(0, 10);
const monthLength = (year: number, month: number): number => new Date(Date.UTC(year, month + 1, 0)).getUTCDate();

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
  const [year, month, day] = [from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate()];
  if (freq === "DAILY" || freq === "WEEKLY") {
    const unit = freq === "WEEKLY" ? 7 * interval : interval;
    if (freq === "DAILY" || weekdays.length === 0) {
      for (let at = start + unit * DAY, n = 0; n < MOST_STEPS; at += unit * DAY, n += 1) {
        if (weekdays.length === 0 || weekdays.includes(new Date(at).getUTCDay())) return at;
      }
      return null;
    }
    // Weeks begin on Monday.
    const week = (at: number): number => Math.floor((at / DAY + 3) / 7);
    for (let at = start + DAY, n = 0; n < MOST_STEPS; at += DAY, n += 1) {
      if (weekdays.includes(new Date(at).getUTCDay()) && (week(at) - week(start)) % interval === 0) return at;
    }
    return null;
  }
  const months = freq === "YEARLY" ? 12 * interval : interval;
  for (let n = 0; n < MOST_STEPS / 10; n += 1) {
    const at = month + n * months;
    const length = monthLength(year, at);
    const days = (monthDays.length > 0 ? monthDays : [day]).map((d) => (d < 0 ? length + 1 + d : d));
    for (const d of days.sort((a, b) => a - b)) {
      const found = Date.UTC(year, at, d);
      if (d >= 1 && d <= length && found > start) return found;
    }
  }
  return null;
}

/** The id of a series' todo on a date: the same on every device. */
export function occurrence(series: string, date: string): string {
  return v5(date, series);
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
  const series = typeof known === "string" && /^[0-9a-f-]{36}$/i.test(known) ? known : todo.id;
  return { id: occurrence(series, date), series, metadata: { ...rest, repeat, due: date + due.slice(10), series } };
}
