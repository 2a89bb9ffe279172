/** Recurrence: phrases such as "every second Monday" as rules of RFC 5545, and rules as words. */

import { texts } from "@/texts";
import { addDays, startOf } from "./day";

const DAYS = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"] as const;
const NAMES = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;
const UNITS = { day: "DAILY", week: "WEEKLY", month: "MONTHLY", year: "YEARLY" } as const;
type Unit = keyof typeof UNITS;

const NAME = `(?:${NAMES.join("|")})s?`;
const PHRASE = new RegExp(
  `(?:^|(?<=\\s))(?:(daily|weekly|monthly|yearly)|every\\s+(?:(weekdays?)|(${NAME}(?:\\s*(?:,|and)\\s*${NAME})*)|` +
    `(?:(\\d{1,3}|other|second)\\s+)?(day|week|month|year)s?))(?=$|[\\s,.;!?])`,
  "i",
);

export interface Recurrence {
  /** Where the phrase stands in the text. */
  readonly index: number;
  readonly length: number;
  readonly rule: string;
}

/** The first recurrence that a text names. */
export function findRecurrence(text: string): Recurrence | null {
  const match = PHRASE.exec(text);
  if (!match) return null;
  const found = (rule: string) => ({ index: match.index, length: match[0].length, rule });
  const [, adverb, weekday, names, every, unit] = match;
  if (adverb) return found(`FREQ=${adverb.toUpperCase()}`);
  if (weekday) return found("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR");
  if (names) {
    const named = NAMES.map((name, n) => (names.toLowerCase().includes(name) ? DAYS[n] : null)).filter(Boolean);
    return found(`FREQ=WEEKLY;BYDAY=${named.join(",")}`);
  }
  const interval = every === "other" || every === "second" ? 2 : Number(every ?? 1);
  if (interval < 1) return null;
  const frequency = UNITS[(unit ?? "day").toLowerCase() as Unit];
  return found(`FREQ=${frequency}${interval > 1 ? `;INTERVAL=${interval}` : ""}`);
}

const part = (rule: string, name: string) => new RegExp(`(?:^|;)${name}=([^;]*)`, "i").exec(rule)?.[1] ?? null;

/** The first day of a rule from `day` on: a named weekday, else the day itself. */
export function firstDay(rule: string, day: string): string {
  const named = part(rule, "BYDAY")?.split(",") ?? [];
  for (let n = 0; n < 7; n++) {
    const candidate = addDays(day, n);
    if (named.length === 0 || named.includes(DAYS[startOf(candidate)?.getDay() ?? 0] ?? "")) return candidate;
  }
  return day;
}

/** A rule in words; an unusual one as it is. */
export function inWords(rule: unknown): string | null {
  if (typeof rule !== "string" || rule === "") return null;
  const frequency = part(rule, "FREQ");
  const unit = (Object.keys(UNITS) as Unit[]).find((unit) => UNITS[unit] === frequency?.toUpperCase());
  const interval = Number(part(rule, "INTERVAL") ?? 1);
  if (!unit) return rule;
  const days = part(rule, "BYDAY");
  if (days === "MO,TU,WE,TH,FR") return texts.repeat.weekdays;
  const named = days?.split(",").map((day) => texts.repeat.days[DAYS.indexOf(day as (typeof DAYS)[number])] ?? day);
  return named ? texts.repeat.on(named, interval) : texts.repeat.every(interval, unit);
}
