/** After the last page: accepted changes become final, and later edits are rebased on them. */

import {
  agree,
  differing,
  hasText,
  isDeleted,
  isEmpty,
  isShrunk,
  lacking,
  pick,
  whole,
  type Fields,
} from "../model/fields.js";
import { changeOf, contested, isHealing, type Entry, type SetAside } from "../model/entry.js";
import { digest } from "../model/digest.js";
import type { FieldName } from "../types.js";
import type { Draft } from "./draft.js";
import { compare, startRepair, unfreeze } from "./heal.js";
import { byPolicy, type DecideBy } from "./policy.js";

/** More repairs in a row than this wait for the next change of the list. */
const MOST_REPAIRS = 6;

/** For how long a device keeps tombstones: without them it can't heal a deletion. */
const TOMBSTONE_DAYS = 90;
/** For how long it keeps their texts, from which the user can restore them. */
const TEXT_DAYS = 7;

/** Takes the last page as read. */
export function finish(draft: Draft, server: string | null, now: string, decideBy: DecideBy): void {
  settle(draft, decideBy);
  draft.set({ holdsBack: false, includeDeleted: false });
  if (draft.meta.repairing) {
    compare(draft, decideBy);
    return;
  }
  for (const entry of draft.all()) if (entry.stale) draft.put({ ...entry, stale: null });
  for (const entry of draft.all()) {
    if (entry.aside) draft.put(byPolicy(rebased({ ...entry, aside: null }, entry.aside), decideBy));
  }
  for (const entry of draft.all())
    if (entry.ask && !entry.conflict) draft.put(byPolicy(asked(entry, entry.ask), decideBy));
  forget(draft);
  const entries = draft.all();
  const rows = entries.flatMap(({ id, row }) => (row ? [[id, row] as const] : []));
  const agrees = server === null || server === digest(rows);
  draft.set({ lastSyncedAt: now, verified: server !== null && agrees });
  if (agrees) draft.set({ repairs: 0 });
  else if (
    !entries.some((entry) => isHealing(entry.sent) || isHealing(entry.unsent)) &&
    draft.meta.repairs < MOST_REPAIRS
  ) {
    draft.set({ repairs: draft.meta.repairs + 1 });
    unfreeze(draft);
    startRepair(draft);
  }
}

/**
 * Rebases the edits that were made while a change was in flight. A field that came back with the
 * value that this device showed takes the new version; with another value it is in conflict,
 * because the user typed without having seen it. A deletion is rebased only if every field came
 * back as shown.
 */
export function settle(draft: Draft, decideBy: DecideBy): void {
  for (const entry of draft.all()) {
    if (entry.awaiting)
      draft.put(settled({ ...entry, awaiting: null }, entry.awaiting.fields, decideBy));
  }
}

/**
 * The entry with its unsent change rebased from the todo that its user saw on the one that came
 * back.
 */
export function settled(entry: Entry, shown: Fields, decideBy: DecideBy): Entry {
  const { unsent: change, row } = entry;
  if (!change || !row) return entry;
  const now = row.fields;
  const isOwnTombstone = isShrunk(now) && isDeleted(shown);
  const came = isOwnTombstone ? [] : differing(now, shown);
  const yields = (name: FieldName): boolean => came.includes(name) && decideBy(name) === "theirs";
  const fields = pick(change.fields, (name) => !yields(name));
  const createdAt = change.createdAt;
  if (
    contests(
      fields,
      came.filter((name) => !yields(name)),
      now,
    )
  ) {
    const all = { ...whole(shown), ...fields };
    return byPolicy(contested({ ...entry, unsent: null }, fields, all, false, createdAt), decideBy);
  }
  const healing = change.healing?.resent ? change.healing : null;
  return {
    ...entry,
    unsent: isEmpty(fields) ? null : changeOf(row, fields, { healing, createdAt }),
  };
}

/** Whether an unsent change is contested by the fields that came back with other values. */
function contests(mine: Fields, moved: readonly FieldName[], now: Fields): boolean {
  return (
    moved.length > 0 && (isDeleted(mine) || isDeleted(now) || moved.some((name) => name in mine))
  );
}

/**
 * Rebases a change that waited until everything was read again: a field is in conflict if the
 * server's value is neither the acknowledged one nor the one in flight.
 */
function rebased(entry: Entry, { change, inFlight, whole: all }: SetAside): Entry {
  if (isHealing(change)) return { ...entry, unsent: change };
  const { row } = entry;
  const acknowledged = change.seen ?? {};
  const createdAt = change.createdAt;
  const knewDeleted = isDeleted(acknowledged) || isDeleted(inFlight);
  if (!row || (isShrunk(row.fields) && !knewDeleted)) {
    // The server forgot it: it is sent whole, unless it is gone anyway.
    if (isDeleted(change.fields) || !hasText(all)) return entry;
    return { ...entry, unsent: changeOf(null, whole(all), { createdAt }) };
  }
  const now = row.fields;
  const mine = lacking(now, change.fields);
  if (isEmpty(mine)) return entry;
  // A tombstone that shrank lost its texts only.
  const moved = isShrunk(now)
    ? []
    : differing(now, acknowledged).filter((name) => !agree(now, inFlight, name));
  if (contests(mine, moved, now)) return contested(entry, mine, all, false, createdAt);
  return { ...entry, unsent: changeOf(row, mine) };
}

/** Shows each difference between the server's todo and what it lost too long ago. */
function asked(entry: Entry, fields: Fields): Entry {
  const now = entry.row?.fields;
  const rest: Entry = { ...entry, ask: null };
  if (!now && isDeleted(fields)) return rest;
  return contested(rest, now ? lacking(now, fields) : fields, fields, true, null);
}

/** Forgets old tombstones, by the server's time: this device's clock may be wrong. */
function forget(draft: Draft): void {
  const now = Date.parse((draft.meta.cursor ?? "").slice(0, 23) + "Z");
  if (Number.isNaN(now)) return;
  const before = (days: number): string => new Date(now - days * 86_400_000).toISOString();
  const [removed, emptied] = [before(TOMBSTONE_DAYS), before(TEXT_DAYS)];
  for (const entry of draft.all()) {
    const { row } = entry;
    if (!row || !isDeleted(row.fields) || entry.unsent || entry.sent || entry.conflict) continue;
    if (row.stamp < removed) draft.put({ ...entry, row: null });
    else if (row.stamp < emptied && hasText(row.fields))
      draft.put({ ...entry, row: { ...row, fields: { deleted: true } } });
  }
}
