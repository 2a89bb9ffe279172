/** Accepted changes until the last page: they become final, or the server has lost them. */

import { isSame, takenBack, type Change, type Entry } from "../model/entry.js";
import { isDeleted } from "../model/fields.js";
import type { Draft } from "./draft.js";
import type { DecideBy } from "./policy.js";
import { rebased } from "./rebase.js";

/** Rebases the edits that were made while a change was in flight, on the todos that came back. */
export function settle(draft: Draft, decideBy: DecideBy): void {
  for (const found of draft.all()) {
    const { awaiting, ...rest } = unlessDoubtful(found);
    const entry: Entry = { ...rest, awaiting: null, accepted: null };
    if (awaiting) draft.put(rebased(entry, entry.row, awaiting.fields, {}, decideBy));
    else if (found.awaiting) draft.put(entry);
  }
}

/** The server may have lost what it accepted after the cursor. Returns the stamp of the cursor. */
export function doubt(draft: Draft, cursor: string | null): string {
  const seen = (cursor ?? "").slice(0, 26);
  for (const entry of draft.all()) {
    const { awaiting, accepted } = entry;
    if (awaiting && accepted && awaiting.stamp > seen)
      draft.put({ ...entry, accepted: { ...accepted, isDoubtful: true } });
  }
  return seen;
}

/**
 * The entry before its change was accepted, if that may be lost: it is sent again as it was. Of the
 * todo as accepted, the device has not seen yet what others had changed. `isMissing` says that the
 * server no longer has the todo.
 */
export function unlessDoubtful(entry: Entry, isMissing = false): Entry {
  const { row, awaiting, accepted } = entry;
  if (!awaiting || !accepted?.isDoubtful) return entry;
  const { change: sent, before } = accepted;
  const known = row && isSame(row, awaiting) ? before : row;
  const back = takenBack({ ...entry, row: known, sent, awaiting: null, accepted: null });
  const unsent = back.unsent as Change;
  const broughtIt = sent.base === 0 || awaiting.version === 1 || isDeleted(sent.seen ?? {});
  if (!isDeleted(unsent.fields) || !(isMissing || broughtIt)) return back;
  // Others may have seen the todo before the server lost it: the deletion has to be kept.
  const healing = { lostAfter: "", resent: false };
  return { ...back, unsent: { ...unsent, fields: { deleted: true }, base: 0, healing } };
}
