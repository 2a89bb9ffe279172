/** What was done last in this tab, and how to undo it. */

import { agree, isDeleted, valueOf, type Fields } from "./model/fields.js";

/** The values of one todo before and after an action; null before it was made. */
export interface Step {
  readonly id: string;
  readonly before: Fields | null;
  readonly after: Fields;
}

/** The steps of one thing that the user did. */
export type Action = readonly Step[];

const MOST_ACTIONS = 100;

/** Notes what was done, and forgets what was done long ago. */
export function note(undos: Action[], action: Action): void {
  if (undos.push(action) > MOST_ACTIONS) undos.shift();
}

/** The values that undo a step. What was changed by others since stays. */
export function inverse({ before, after }: Step, now: Fields): Fields {
  if (before === null) return isDeleted(now) ? {} : { deleted: true };
  const names = Object.keys(after).filter(
    (name) => agree(now, after, name) && !agree(before, after, name),
  );
  const values = Object.fromEntries(names.map((name) => [name, valueOf(before, name)]));
  // A restored todo names every field: the server may hold others in its tombstone.
  return isDeleted(after) && names.includes("deleted") ? { ...before, deleted: false } : values;
}
