/** Dates in plain words, by chrono-node. Loaded when somebody types into the quick-add field. */

import { casual, type ParsedResult } from "chrono-node";
import type { FindDate } from "./quick-add";

/** Words that are dates in one sentence and something else in the next: "may", "sun cream". */
const AMBIGUOUS =
  /^(?:jan|feb|mar|march|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun|now|second|\d+)$/i;

/** A span of time, which is a date only after "in": "two weeks", "a second", "for 30 min". */
const SPAN =
  /(?:^|[\s\d])(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?|mo|mths?|months?|qtrs?|quarters?|y|yrs?|years?)$/i;

const isWholeWord = (text: string, { index, text: found }: ParsedResult) =>
  !/[\p{L}\p{N}][-'’]?$/u.test(text.slice(0, index)) && !/^[-'’]?[\p{L}\p{N}]/u.test(text.slice(index + found.length));

function isMeant({ start, text }: ParsedResult): boolean {
  if (AMBIGUOUS.test(text.trim())) return false;
  if (SPAN.test(text.trim()) && !/^(?:in|within|next)\s/i.test(text)) return false;
  return (
    start.isCertain("day") || start.isCertain("weekday") || start.isCertain("hour") || /^(?:next|in|this)\s/i.test(text)
  );
}

/** The first date of the text that is one beyond doubt, in the future where the text leaves it open. */
export const findDate: FindDate = (text, now) => {
  const results = casual.parse(text, now, { forwardDate: true });
  const result = results.find((result) => isWholeWord(text, result) && isMeant(result));
  if (!result) return null;
  const { index, text: found, start } = result;
  const hasDay = start.isCertain("day") || start.isCertain("weekday");
  return { index, length: found.length, date: start.date(), hasDay, hasTime: start.isCertain("hour") };
};
