/**
 * What a device does when its cursor can't be continued, or when the server's list is not its own.
 */

import {
  changeOf,
  contested,
  isHealing,
  isSame,
  takenBack,
  type Entry,
  type Row,
} from "../model/entry.js";
import { isDeleted, isEmpty, isShrunk, lacking, whole, type Fields } from "../model/fields.js";
import type { Gone } from "../net/answer.js";
import { doubt, settle, unlessDoubtful } from "./accepted.js";
import type { Draft } from "./draft.js";
import { byPolicy, type DecideBy } from "./policy.js";
import { rebased } from "./rebase.js";

/** Later than every stamp. */
const LATEST = "~";

/** Takes a 410. */
export function takeGone(draft: Draft, gone: Gone, decideBy: DecideBy): void {
  const { cursor, epoch: known } = draft.meta;
  draft.set({ round: null, verified: false });
  if (gone.reason === "forgotten") {
    if (known !== gone.epoch) doubt(draft, cursor);
    read(draft, LATEST, "");
    return;
  }
  const { epoch, to, horizon } = gone;
  doubt(draft, to);
  draft.set({ epoch });
  if (to === null) read(draft, "", horizon);
  else if (to < horizon) read(draft, to, LATEST);
  else if (draft.meta.reading) read(draft, to, "");
  else {
    // The device has seen everything up to where the histories part.
    settle(draft, decideBy);
    giveBackAfter(draft, to, decideBy, true);
    draft.set({ cursor: to, behind: true });
  }
}

/**
 * The server continues the cursor in another epoch. Between two pages the cursor does not include
 * the device's own accepted changes, and so the server may have lost them. While everything is read
 * again, the same holds for tombstones.
 */
export function healBeyondCursor(draft: Draft, decideBy: DecideBy): void {
  const { cursor, reading, lostDeletions } = draft.meta;
  const seen = doubt(draft, cursor);
  if (!reading) giveBackAfter(draft, seen, decideBy, false);
  else if (seen < lostDeletions) draft.set({ lostDeletions: seen });
}

function giveBackAfter(draft: Draft, stamp: string, decideBy: DecideBy, unfreezes: boolean): void {
  for (const entry of draft.all()) {
    const { row, sent, accepted } = entry;
    if (!row || row.stamp <= stamp || accepted || (sent && !unfreezes)) continue;
    draft.put(givenBack({ ...entry, awaiting: null }, row, stamp, {}, decideBy));
  }
}

/**
 * Makes the todo, with what is unsent of it, a row of healing. An edit that was made before a
 * change by another device arrived is not sent unasked where both concern the same field, or where
 * the other change is a deletion.
 */
function givenBack(
  entry: Entry,
  held: Row,
  lostAfter: string,
  sent: Fields,
  decideBy: DecideBy,
): Entry {
  const rest = rebased(takenBack(entry), held, null, sent, decideBy, false);
  const fields = whole({ ...held.fields, ...rest.unsent?.fields });
  const { createdAt, completedAt } = held;
  const healing = { lostAfter, resent: false };
  const change = changeOf(held, fields, { createdAt, completedAt, healing });
  return { ...rest, unsent: { ...change, base: 0 } };
}

/** Something happened outside the protocol: reads everything, to compare it with what is held. */
export function repair(draft: Draft): void {
  read(draft, "", "");
}

/**
 * Reads everything from the beginning, beside what the device holds. Rows later than `lost` that
 * are missing then are given back; up to `asked` they may have been deleted, so the user decides.
 */
function read(draft: Draft, lost: string, asked: string): void {
  const { meta } = draft;
  for (const entry of draft.all()) if (entry.table) draft.put({ ...entry, table: null });
  const isOther = meta.reading && (lost === LATEST) !== (meta.lost === LATEST);
  if (meta.reading && meta.lost < lost) lost = meta.lost;
  // What one reading would give back, the other takes for deleted.
  if (isOther) asked = LATEST;
  else if (meta.reading && meta.asked > asked) asked = meta.asked;
  draft.set({ reading: true, lost, lostDeletions: lost, asked, cursor: null, behind: true });
}

/** Compares what was read with what the device holds, and takes its place. */
export function compare(draft: Draft, decideBy: DecideBy): void {
  const { lost, lostDeletions, asked } = draft.meta;
  for (const found of draft.all()) {
    const sent = { ...found.awaiting?.fields, ...found.sent?.fields };
    const { table: now } = found;
    const entry = unlessDoubtful(found, !now || isShrunk(now.fields));
    const { row: held } = entry;
    const isDeletion = held !== null && isDeleted(held.fields);
    const isEqual = held !== null && now !== null && isSame(held, now);
    const row = isEqual || (!now && isDeletion) ? held : now;
    const rest: Entry = { ...entry, row, table: null, awaiting: null, accepted: null };
    const isLost = held && !isEqual && held.stamp > (isDeletion ? lostDeletions : lost);
    if (isLost && held.stamp > asked) {
      draft.put(givenBack(rest, held, held.stamp, sent, decideBy));
    } else if (!isLost && asked !== LATEST) {
      draft.put(rebased(takenBack(rest), now, null, sent, decideBy));
    } else if (isLost || rest.sent || rest.unsent) {
      draft.put(byPolicy(asking(takenBack(rest), now, held), decideBy));
    } else draft.put(rest);
  }
  // One more round sends the rows of healing and compares the digests again.
  draft.set({ reading: false, behind: true });
}

/** Shows each difference between the server's todo and what it may have lost. */
function asking(entry: Entry, now: Row | null, held: Row | null): Entry {
  const change = entry.unsent;
  const rest: Entry = { ...entry, unsent: null };
  const all = whole({ ...change?.seen, ...held?.fields, ...change?.fields });
  if (!now && isDeleted(all)) return rest;
  const createdAt = held?.createdAt ?? change?.createdAt ?? null;
  return contested(rest, now ? lacking(now.fields, all) : all, all, true, createdAt);
}

/** The entry when its own version comes back: the server has what a row of healing gives back. */
export function notLost(entry: Entry, now: Row): Entry {
  const change = entry.unsent;
  if (!change || !isHealing(change) || change.seenStamp !== now.stamp) return entry;
  const edits = lacking(change.seen ?? {}, change.fields);
  return { ...entry, unsent: isEmpty(edits) ? null : changeOf(now, edits) };
}

/**
 * The entry before it is sent. A todo of which the device has learned that it was deleted since is
 * not given back unasked: by the time that the server is asked, the tombstone may be gone.
 */
export function unlessDeleted(entry: Entry): Entry {
  const { row, unsent: change } = entry;
  if (!row || !isDeleted(row.fields) || !change?.healing || change.healing.resent) return entry;
  const isNews = row.stamp !== change.seenStamp && row.stamp > change.healing.lostAfter;
  if (!isNews || isDeleted(change.fields)) return entry;
  const mine = lacking(row.fields, change.fields);
  return contested({ ...entry, unsent: null }, mine, change.fields, true, change.createdAt);
}
