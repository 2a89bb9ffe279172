/** What a line of the quick-add field means: text, date, recurrence, priority, tags and list. */

import type { Json, NewTodo } from "todo-sync-client";
import { addDays, dayOf, instantWithOffset, startOf } from "./day";
import { findRecurrence, firstDay } from "./recurrence";

/** A part of the line that was understood. */
export interface Part {
  readonly kind: "due" | "repeat" | "priority" | "tag" | "list";
  readonly value: string;
}

/** A line, understood. */
export interface Understood {
  readonly todo: NewTodo;
  readonly parts: readonly Part[];
}

/** A date in a text, and whether the text names its day and a time of day. */
export interface FoundDate {
  readonly index: number;
  readonly length: number;
  readonly date: Date;
  readonly hasDay: boolean;
  readonly hasTime: boolean;
}

export type FindDate = (text: string, now: Date) => FoundDate | null;

/** Words that end where a date begins: "by Friday" leaves no "by" behind. */
const BEFORE_DATE = /(?:^|\s)(?:by|on|at|due|until)\s*$/i;

/** A longer line is a text, not a todo with a date. */
const LONGEST_LINE = 1_000;

/** What the line means. Without `findDate`, only dates in words that need no library. */
export function understand(line: string, now: Date, findDate: FindDate | null): Understood {
  if (line.length > LONGEST_LINE) return { todo: { text: line.trim() }, parts: [] };
  const parts: Part[] = [];
  const metadata: Record<string, Json> = {};
  let rest = line;
  const cut = (index: number, length: number) => {
    rest = `${rest.slice(0, index).replace(BEFORE_DATE, "")} ${rest.slice(index + length)}`;
  };
  const take = (pattern: RegExp, use: (value: string) => void) => {
    rest = rest.replace(pattern, (_, value: string) => {
      use(value);
      return " ";
    });
  };

  take(/(?:^|\s)!([1-4])(?=\s|$)/, (value) => {
    metadata.priority = Number(value);
    parts.push({ kind: "priority", value });
  });
  take(/(?:^|\s)#([\p{L}\p{N}_-]{1,40})(?=\s|$)/gu, (value) => {
    metadata[`tag:${value}`] = true;
    parts.push({ kind: "tag", value });
  });
  take(/(?:^|\s)@([\p{L}\p{N}_-]{1,40})(?=\s|$)/u, (value) => {
    metadata.list = value;
    parts.push({ kind: "list", value });
  });
  const recurrence = findRecurrence(rest);
  if (recurrence) {
    cut(recurrence.index, recurrence.length);
    metadata.repeat = recurrence.rule;
    parts.push({ kind: "repeat", value: recurrence.rule });
  }
  const found = (findDate ?? findWord)(rest, now);
  if (found) {
    cut(found.index, found.length);
    const date = recurrence && !found.hasDay ? firstTime(recurrence.rule, found.date, now) : found.date;
    metadata.due = found.hasTime ? instantWithOffset(date) : dayOf(date);
  } else if (recurrence) {
    metadata.due = firstDay(recurrence.rule, dayOf(now));
  }
  if (typeof metadata.due === "string") parts.push({ kind: "due", value: metadata.due });
  const text = rest.replace(/\s+/g, " ").trim();
  // A line of nothing but a date is a text about that date.
  return text === "" ? { todo: { text: line.trim() }, parts: [] } : { todo: { text, metadata }, parts };
}

/** The first time after `now` at which a rule falls, at the time of day of `time`. */
function firstTime(rule: string, time: Date, now: Date): Date {
  const on = (day: string) => {
    const date = startOf(firstDay(rule, day)) ?? time;
    return new Date(date.getFullYear(), date.getMonth(), date.getDate(), time.getHours(), time.getMinutes());
  };
  const today = on(dayOf(now));
  return today < now ? on(addDays(dayOf(now), 1)) : today;
}

/** "today" and "tomorrow", which need no library. */
function findWord(text: string, now: Date): FoundDate | null {
  const match = /(?:^|(?<=\s))(today|tomorrow)(?=$|[\s,.;!?])/i.exec(text);
  if (!match) return null;
  const day = addDays(dayOf(now), match[1]?.toLowerCase() === "tomorrow" ? 1 : 0);
  return { index: match.index, length: match[0].length, date: new Date(`${day}T00:00:00`), hasDay: true, hasTime: false };
}
