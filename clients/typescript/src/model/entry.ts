/** What the store keeps of one todo: the acknowledged state, and everything that waits. */

import { isEmpty, type Fields } from "./fields.js";

/** A todo as the server acknowledged it. */
export interface Row {
  /** At least 1. */
  readonly version: number;
  /** Its `updated_at`, as sent by the server. */
  readonly stamp: string;
  readonly fields: Fields;
  readonly createdAt: string;
  readonly completedAt: string | null;
  readonly deletedAt: string | null;
}

/** A todo that is given back to a server which lost it. */
export interface Healing {
  /** The server's todo gives way if its stamp is not later than this. */
  readonly lostAfter: string;
  /** Whether it is sent again on the server's version, as an ordinary change. */
  readonly resent: boolean;
}

/** A change that is unsent or in flight. */
export interface Change {
  /** The version that it was made against; 0 if the device knows none. */
  readonly base: number;
  /** Values of the acknowledged todo that the user saw when the change was begun; null if none. */
  readonly seen: Fields | null;
  /** The stamp of that todo. */
  readonly seenStamp: string | null;
  readonly fields: Fields;
  /** For a creation: when the user made the todo, and completed it. */
  readonly createdAt: string | null;
  readonly completedAt: string | null;
  readonly healing: Healing | null;
}

/** An accepted change that no page has brought yet. */
export interface Accepted {
  readonly change: Change;
  /** The todo before it. */
  readonly before: Row | null;
  /** Whether the server may have lost it, because another history began. */
  readonly isDoubtful: boolean;
}

/** Values that wait for the user's decision. */
export interface Contested {
  readonly mine: Fields;
  /** All that the device knows of the todo, to create it again if need be. */
  readonly whole: Fields;
  readonly createdAt: string | null;
}

/** Values that the server refused. */
export interface Refused {
  readonly fields: Fields;
  readonly whole: Fields;
  readonly createdAt: string | null;
  readonly code: string;
  readonly message: string;
}

/** Everything about one todo. Entries are never changed in place. */
export interface Entry {
  readonly id: string;
  readonly row: Row | null;
  /** What was accepted and is not final before the last page, as the device shows it. */
  readonly awaiting: Row | null;
  readonly accepted: Accepted | null;
  readonly sent: Change | null;
  readonly unsent: Change | null;
  readonly conflict: Contested | null;
  readonly rejected: Refused | null;
  /** While everything is read again, what has been read. */
  readonly table: Row | null;
}

/** The state of one user's list as a whole. */
export interface Meta {
  /** Names the list on this device; one that was erased and begun again has another. */
  readonly generation: string;
  /** Grows with each transaction; an entry carries the one that wrote it last. */
  readonly revision: number;
  readonly cursor: string | null;
  readonly epoch: string | null;
  /** Whether there are more pages. */
  readonly behind: boolean;
  /** Whether everything is read again, to be compared. Nothing is sent before the last page. */
  readonly reading: boolean;
  /** Then rows later than this are missing because the server lost them. */
  readonly lost: string;
  /** The same for tombstones. */
  readonly lostDeletions: string;
  /** Up to this, what is missing may have been deleted too: the user decides. */
  readonly asked: string;
  /** The number of repairs since the digests last agreed. */
  readonly repairs: number;
  readonly verified: boolean;
  readonly lastSyncedAt: string | null;
  /** Names what is in flight; an answer to another round is dropped. Null if nothing is. */
  readonly round: string | null;
  /** The most changes in one request; less after a 413. */
  readonly batch: number;
}

export const LARGEST_BATCH = 500;

export const NEW_META: Meta = {
  generation: "",
  revision: 0,
  cursor: null,
  epoch: null,
  behind: true,
  reading: false,
  lost: "",
  lostDeletions: "",
  asked: "",
  repairs: 0,
  verified: false,
  lastSyncedAt: null,
  round: null,
  batch: LARGEST_BATCH,
};

/** An entry of which nothing is known. */
export function newEntry(id: string): Entry {
  return {
    id,
    row: null,
    awaiting: null,
    accepted: null,
    sent: null,
    unsent: null,
    conflict: null,
    rejected: null,
    table: null,
  };
}

/** Whether nothing is left of the entry. */
export function isBare(entry: Entry): boolean {
  const { id: _, ...rest } = entry;
  return Object.values(rest).every((part) => part === null);
}

/** Whether a change waits to be sent or answered. */
export function isUnsynced(entry: Entry): boolean {
  return Boolean(entry.sent ?? entry.unsent);
}

/** The acknowledged todo as the device shows it; no fields if there is none. */
export function acknowledged(entry: Entry): Fields {
  return (entry.awaiting ?? entry.row)?.fields ?? {};
}

/** The todo as its user sees it. */
export function shown(entry: Entry): Fields {
  return { ...acknowledged(entry), ...entry.sent?.fields, ...entry.unsent?.fields };
}

/** A change of the acknowledged todo. */
export function changeOf(row: Row | null, fields: Fields, more: Partial<Change> = {}): Change {
  return {
    base: row?.version ?? 0,
    seen: row?.fields ?? null,
    seenStamp: row?.stamp ?? null,
    fields,
    createdAt: null,
    completedAt: null,
    healing: null,
    ...more,
  };
}

/** The entry with what is in flight back among the unsent changes. */
export function takenBack(entry: Entry): Entry {
  const { sent, unsent } = entry;
  if (!sent) return entry;
  const fields = { ...sent.fields, ...unsent?.fields };
  const completedAt = unsent?.completedAt ?? sent.completedAt;
  return { ...entry, sent: null, unsent: { ...sent, fields, completedAt } };
}

/** Whether both are the same version of a todo, in the same history. */
export function isSame(a: Row, b: Row): boolean {
  return a.version === b.version && a.stamp === b.stamp;
}

/** Whether the change goes out as a healing item. */
export function isHealing(change: Change | null): boolean {
  return change?.healing != null && !change.healing.resent;
}

/**
 * The entry with values for its user to decide. If a conflict is open already, acknowledged values
 * do not replace those that the user has not sent.
 */
export function contested(
  entry: Entry,
  mine: Fields,
  all: Fields,
  isAcknowledged: boolean,
  createdAt: string | null,
): Entry {
  if (isEmpty(mine)) return entry;
  const open = entry.conflict ?? { mine: {}, whole: {}, createdAt: null };
  return {
    ...entry,
    conflict: {
      mine: isAcknowledged ? { ...mine, ...open.mine } : { ...open.mine, ...mine },
      whole: { ...open.whole, ...all },
      createdAt: createdAt ?? open.createdAt,
    },
  };
}

/** The entry with a change, and what was typed on top of it, that the server refuses. */
export function refused(entry: Entry, change: Change, code: string, message: string): Entry {
  const fields = { ...entry.rejected?.fields, ...change.fields, ...entry.unsent?.fields };
  const all = { ...entry.rejected?.whole, ...entry.row?.fields, ...fields };
  return {
    ...entry,
    sent: null,
    unsent: null,
    rejected: { fields, whole: all, createdAt: change.createdAt, code, message },
  };
}
