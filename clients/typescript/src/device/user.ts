/** What the user does: gives fields values, decides conflicts, corrects what was rejected. */

import {
  agree,
  differing,
  hasText,
  isDeleted,
  isEmpty,
  isShrunk,
  lacking,
  type Fields,
} from "../model/fields.js";
import { changeOf, contested, shown, type Entry } from "../model/entry.js";

/** An edit as it was typed. */
export interface Edit {
  readonly id: string;
  readonly fields: Fields;
  /** The todo that the user saw; null for one that is made here. */
  readonly before: Fields | null;
  /** When, by this device's clock. */
  readonly at: string;
  /** For a creation, when the todo was made. */
  readonly createdAt: string | null;
}

/**
 * The entry with an edit. Where another tab or an answer changed the same field between typing and
 * storing, the edit is a conflict: the user typed without having seen it.
 */
export function edited(entry: Entry, edit: Edit): Entry {
  const now = shown(entry);
  const before = edit.before;
  if (before && !isEmpty(now)) {
    const moved = differing(now, before).filter(
      (name) => !(name in edit.fields) || !agree(now, edit.fields, name),
    );
    const restores = "deleted" in edit.fields && isDeleted(before);
    const isBlind = isDeleted(edit.fields) || (isDeleted(now) && !restores && !isDeleted(before));
    const relevant = isBlind ? moved : moved.filter((name) => name in edit.fields);
    if (relevant.length > 0)
      return contested(entry, edit.fields, { ...before, ...edit.fields }, false, edit.createdAt);
  }
  return put(entry, edit.fields, edit.at, edit.createdAt);
}

/** Adds values to what is unsent. */
function put(entry: Entry, fields: Fields, at: string, createdAt: string | null): Entry {
  const change = entry.unsent ?? changeOf(entry.row, {}, { createdAt });
  const completedAt =
    fields["completed"] === true ? at : fields["completed"] === false ? null : change.completedAt;
  return { ...entry, unsent: { ...change, fields: { ...change.fields, ...fields }, completedAt } };
}

/** Whether a conflict can be decided now: not while a change of the same todo heals the server. */
export function isDecidable(entry: Entry): boolean {
  return entry.conflict !== null && !entry.unsent?.healing && !entry.sent?.healing;
}

/** The entry with its conflict decided for `values`; empty for the server's values. */
export function decided(entry: Entry, values: Fields): Entry {
  const { conflict, row } = entry;
  if (!conflict) return entry;
  const rest: Entry = { ...entry, conflict: null };
  const server = row?.fields ?? {};
  let fields: Fields = row ? lacking(server, values) : values;
  if (isEmpty(fields)) return rest;
  const at = conflict.createdAt ?? row?.stamp ?? "";
  if (isDeleted(fields)) return row ? put(rest, { deleted: true }, at, null) : rest;
  if (isDeleted(server) || !row) {
    const known = row && !isShrunk(server) ? server : conflict.whole;
    fields = { ...known, ...fields, deleted: false };
    if (!hasText(fields)) return entry;
  }
  return put(rest, fields, at, conflict.createdAt);
}

/** The entry with its rejected values sent again, corrected. */
export function retried(entry: Entry, corrections: Fields, at: string): Entry {
  const { rejected, row } = entry;
  if (!rejected) return entry;
  const fields = row ? rejected.fields : rejected.whole;
  return put({ ...entry, rejected: null }, { ...fields, ...corrections }, at, rejected.createdAt);
}
