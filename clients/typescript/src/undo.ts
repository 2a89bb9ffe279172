/** What was done last in this tab, and how to undo it. */

import { agree, isDeleted, valueOf, type Fields } from "./model/fields.js";

/** The values of one todo before and after an action; null before it was made. */
export interface Step {
  readonly id: string;
  readonly before: Fields | null;
  readonly after: Fields;
}

const MOST_ACTIONS = 100;

export class UndoStack {
  #actions: (readonly Step[])[] = [];

  get isEmpty(): boolean {
    return this.#actions.length === 0;
  }

  push(steps: readonly Step[]): void {
    this.#actions.push(steps);
    if (this.#actions.length > MOST_ACTIONS) this.#actions.shift();
  }

  /** The last action, if there is one. */
  pop(): readonly Step[] | undefined {
    return this.#actions.pop();
  }

  clear(): void {
    this.#actions = [];
  }
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
