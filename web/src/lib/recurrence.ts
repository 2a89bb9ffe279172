/** Recurrence: phrases such as "every second Monday" as rules of RFC 5545, and rules as words. */

import { texts } from "@/texts";
import { addDays, startOf } from "./day";

const DAYS = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"] as const;
const UNITS = { day: "DAILY", week: "WEEKLY", month: "MONTHLY", year: "YEARLY" } as const;
type Unit = keyof typeof UNITS;

const NAME =
  "(?:sun(?:days?)?|mon(?:days?)?|tue(?:s(?:days?)?)?|wed(?:nesdays?)?|thu(?:rs?(?:days?)?)?|fri(?:days?)?|sat(?:urdays?)?)";
const NAMES = `${NAME}(?:\\s*(?:,|,?\\s+and|&)\\s*${NAME})*`;
const NTH = "(\\d{1,2})(?:st|nd|rd|th)";
const PHRASE = new RegExp(
  "(?:^|(?<=\\s))(?:(daily|weekly|monthly|yearly)|" +
    `(?:on\\s+)?the\\s+${NTH}\\s+(?:of\\s+)?every\\s+month|every\\s+month\\s+on\\s+the\\s+${NTH}|` +
    `every\\s+(?:(weekdays?)|(?:(\\d{1,3}|other|second)\\s+)?(?:(${NAMES})|(day|week|month|year)s?)))(?=$|[\\s,.;!?])`,
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
  const [, adverb, nth, nthAfter, weekday, every, names, unit] = match;
  if (adverb) return found(`FREQ=${adverb.toUpperCase()}`);
  if (weekday) return found("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR");
  const date = Number(nth ?? nthAfter ?? 1);
  if (date < 1 || date > 31) return null;
  if (nth || nthAfter) return found(`FREQ=MONTHLY;BYMONTHDAY=${date}`);
  const interval = every ? Number(/^\d/.test(every) ? every : 2) : 1;
  if (interval < 1) return null;
  const frequency = names ? "WEEKLY" : UNITS[(unit ?? "day").toLowerCase() as Unit];
  const named = new Set(names?.match(/[a-z]{3,}/gi)?.map((name) => name.slice(0, 2).toUpperCase()));
  const days = names ? `;BYDAY=${DAYS.filter((day) => named.has(day)).join(",")}` : "";
  return found(`FREQ=${frequency}${interval > 1 ? `;INTERVAL=${interval}` : ""}${days}`);
}

const part = (rule: string, name: string) => new RegExp(`(?:^|;)${name}=([^;]*)`, "i").exec(rule)?.[1] ?? null;

/** Within so many days every date from the 1st to the 31st occurs. */
const ALL_DATES = 62;

/** The first day of a rule from `day` on: a day that it names, else the day itself. */
export function firstDay(rule: string, day: string): string {
  const named = part(rule, "BYDAY")?.split(",");
  const date = part(rule, "BYMONTHDAY");
  for (let n = 0; n < ALL_DATES; n++) {
    const candidate = addDays(day, n);
    const start = startOf(candidate);
    const isNamed = named ? named.includes(DAYS[start?.getDay() ?? 0] ?? "") : true;
    if (isNamed && (!date || start?.getDate() === Number(date))) return candidate;
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
  const date = part(rule, "BYMONTHDAY");
  if (date) return texts.repeat.onDate(date, interval);
  if (days === "MO,TU,WE,TH,FR") return texts.repeat.weekdays;
  const named = days?.split(",").map((day) => texts.repeat.days[DAYS.indexOf(day as (typeof DAYS)[number])] ?? day);
  return named ? texts.repeat.on(named, interval) : texts.repeat.every(interval, unit);
}
