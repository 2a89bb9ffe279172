/** Dates and numbers as this user reads them. */

import { texts } from "@/texts";
import { addDays, dayOf, readDue, startOf } from "./day";

const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(undefined, options);

/** A day near today in words, another one as a date. */
export function dayInWords(day: string, now: Date): string {
  const today = dayOf(now);
  if (day === today) return texts.day.today;
  if (day === addDays(today, 1)) return texts.day.tomorrow;
  if (day === addDays(today, -1)) return texts.day.yesterday;
  const date = startOf(day);
  if (!date) return day;
  const isNear = day > today && day < addDays(today, 7);
  if (isNear) return format({ weekday: "long" }).format(date);
  const isThisYear = date.getFullYear() === now.getFullYear();
  return format({
    weekday: "short",
    day: "numeric",
    month: "short",
    ...(isThisYear ? {} : { year: "numeric" }),
  }).format(date);
}

/** A `due` or `snooze` in words; null if it is not readable. */
export function dueInWords(value: unknown, now: Date): string | null {
  const due = readDue(value);
  if (!due) return null;
  const day = dayInWords(due.day, now);
  return due.at ? `${day}, ${format({ hour: "numeric", minute: "2-digit" }).format(due.at)}` : day;
}

/** An instant as date and time. */
export const instant = (text: string) => format({ dateStyle: "medium", timeStyle: "short" }).format(new Date(text));

/** How long ago something was, roughly. */
export function ago(text: string, now: Date): string {
  const minutes = Math.round((now.getTime() - new Date(text).getTime()) / 60_000);
  if (minutes < 1) return texts.sync.justNow;
  const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  if (minutes < 60) return relative.format(-minutes, "minute");
  return minutes < 60 * 24
    ? relative.format(-Math.round(minutes / 60), "hour")
    : relative.format(-Math.round(minutes / 1440), "day");
}
