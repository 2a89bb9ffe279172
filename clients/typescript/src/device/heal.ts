/**
 * What a device does when its cursor can't be continued, or when the server's list is not its own.
 */

import {
  agree,
  differing,
  hasText,
  isDeleted,
  isEmpty,
  lacking,
  pick,
  whole,
  type Fields,
} from "../model/fields.js";
import {
  changeOf,
  contested,
  joined,
  shown,
  type Change,
  type Entry,
  type Row,
} from "../model/entry.js";
import type { Gone } from "../net/answer.js";
import type { Draft } from "./draft.js";
import { byPolicy, type DecideBy } from "./policy.js";
import { settle } from "./rebase.js";

/** Takes a 410. */
export function takeGone(draft: Draft, gone: Gone, decideBy: DecideBy): void {
  if (gone.reason === "forgotten") startAgain(draft);
  else heal(draft, gone, decideBy);
  draft.set({ round: null, verified: false });
}

/**
 * The server no longer keeps the tombstones that the device has not seen. The device keeps its own
 * tombstones and all that is unsent, and reads everything again.
 */
function startAgain(draft: Draft): void {
  if (draft.meta.repairing) {
    // What is missing in the table may have been deleted meanwhile.
    draft.set({ asks: true });
    startRepair(draft);
    return;
  }
  for (const entry of draft.all()) {
    const change = joined(entry.sent, entry.unsent);
    const rest: Entry = { ...entry, awaiting: null, sent: null, unsent: null };
    if (!change) {
      if (entry.awaiting) draft.put(rest);
      continue;
    }
    const known = entry.awaiting?.fields ?? change.seen ?? {};
    const inFlight = { ...known, ...entry.sent?.fields };
    const held = entry.row && hasText(entry.row.fields) ? entry.row.fields : (change.seen ?? {});
    const all = whole({ ...held, ...change.fields });
    // A change that waits already, from an earlier reading, goes under the newer one.
    const earlier = entry.aside?.change;
    const both = earlier
      ? { ...change, seen: earlier.seen, fields: { ...earlier.fields, ...change.fields } }
      : change;
    draft.put({ ...rest, aside: { change: both, inFlight, whole: all } });
  }
  readAgain(draft);
}

/**
 * The database lost what was written after `to`. The device gives back what it acknowledged since.
 */
function heal(
  draft: Draft,
  { epoch, to, horizon }: Extract<Gone, { reason: "restored" }>,
  decideBy: DecideBy,
): void {
  // The device has seen everything up to where the histories part.
  settle(draft, decideBy);
  draft.set({ epoch });
  if (to === null) {
    unfreeze(draft);
    startRepair(draft);
    return;
  }
  for (const entry of draft.all()) {
    if (entry.row && entry.row.stamp > to)
      draft.put(byPolicy(givenBack(entry, entry.row, to), decideBy));
  }
  if (to >= horizon) {
    draft.set({ cursor: to, behind: true });
    dropTable(draft);
    return;
  }
  // The server's tombstones do not reach back that far: nothing is sent unasked.
  for (const entry of draft.all()) {
    const change = joined(entry.sent, entry.unsent);
    if (!change) continue;
    const ask = { ...whole(shown(entry)), ...change.fields };
    draft.put({ ...entry, sent: null, unsent: null, ask });
  }
  readAgain(draft);
}

/**
 * Makes the todo, with what is unsent of it, a row of healing. An edit that was made before a
 * change by another device arrived is not sent unasked where both concern the same field, or where
 * the other change is a deletion.
 */
function givenBack(entry: Entry, held: Row, to: string): Entry {
  const change = joined(entry.sent, entry.unsent);
  const [rest, fields] = withUnsent({ ...entry, sent: null, unsent: null }, held, change);
  return { ...rest, unsent: healing(held, fields, to) };
}

function healing(held: Row, fields: Fields, lostAfter: string): Change {
  const { createdAt, completedAt } = held;
  return {
    ...changeOf(held, fields, { createdAt, completedAt, healing: { lostAfter, resent: false } }),
    base: 0,
  };
}

/** The todo whole, with the change as far as it may be sent unasked; the rest is a conflict. */
function withUnsent(entry: Entry, held: Row, change: Change | null): [Entry, Fields] {
  const { merged, asked } = merge(held.fields, change);
  if (!change || isEmpty(asked)) return [entry, whole(merged)];
  const all = whole({ ...change.seen, ...change.fields });
  return [contested(entry, asked, all, false, change.createdAt), whole(merged)];
}

function merge(held: Fields, change: Change | null): { merged: Fields; asked: Fields } {
  if (!change) return { merged: held, asked: {} };
  const seen = change.seen ?? {};
  const { fields } = change;
  const restores = "deleted" in fields && isDeleted(seen);
  const isBlind = isDeleted(fields)
    ? differing(seen, held).length > 0
    : isDeleted(held) && !restores;
  const unaware = (name: string): boolean => !agree(seen, held, name) && !agree(held, fields, name);
  const asked = isBlind ? fields : pick(fields, unaware);
  return { merged: { ...held, ...pick(fields, (name) => !(name in asked)) }, asked };
}

/** Something happened outside the protocol: reads everything beside what the device holds. */
export function startRepair(draft: Draft): void {
  dropTable(draft);
  draft.set({ repairing: true });
  beginReading(draft);
}

function dropTable(draft: Draft): void {
  for (const entry of draft.all()) if (entry.table) draft.put({ ...entry, table: null });
  draft.set({ repairing: false });
}

/**
 * Compares what was read with what the device holds. What is not the same version is given back.
 */
export function compare(draft: Draft, decideBy: DecideBy): void {
  const { asks } = draft.meta;
  for (const entry of draft.all()) {
    const { row: held, table: now } = entry;
    const rest: Entry = { ...entry, row: now, table: null };
    if (!held || (now && now.version === held.version && now.stamp === held.stamp)) {
      draft.put(held ? { ...rest, row: held } : rest);
    } else {
      draft.put(byPolicy(givenBackTo(rest, now, held, asks), decideBy));
    }
  }
  // One more round sends the rows of healing and compares the digests again.
  draft.set({ repairing: false, asks: false, behind: true });
}

function givenBackTo(entry: Entry, now: Row | null, held: Row, asks: boolean): Entry {
  const row = now ?? (isDeleted(held.fields) ? held : null);
  const [rest, fields] = withUnsent({ ...entry, row, unsent: null }, held, entry.unsent);
  const mine = now ? lacking(now.fields, fields) : fields;
  if (isEmpty(mine)) return rest;
  if (asks) return contested(rest, mine, fields, true, held.createdAt);
  return { ...rest, unsent: healing(held, fields, held.stamp) };
}

/** Takes what is in flight back among the unsent changes. */
export function unfreeze(draft: Draft): void {
  for (const entry of draft.all()) {
    if (entry.sent) draft.put({ ...entry, sent: null, unsent: joined(entry.sent, entry.unsent) });
  }
}

/**
 * Reads everything from the beginning. Of the todos, only tombstones are kept; the rest is shown.
 */
function readAgain(draft: Draft): void {
  for (const entry of draft.all()) {
    if (entry.row && !isDeleted(entry.row.fields))
      draft.put({ ...entry, row: null, stale: entry.row });
  }
  beginReading(draft);
}

function beginReading(draft: Draft): void {
  draft.set({ cursor: null, epoch: null, behind: true, holdsBack: true, includeDeleted: true });
}
