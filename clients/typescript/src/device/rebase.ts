/** After the last page: accepted changes become final, and later edits are rebased on them. */

import { digest } from "../model/digest.js";
import { changeOf, contested, isHealing, type Entry, type Row } from "../model/entry.js";
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
import type { FieldName } from "../types.js";
import type { Draft } from "./draft.js";
import { compare, repair, unlessDoubtful } from "./heal.js";
import { byPolicy, type DecideBy } from "./policy.js";

/** More repairs in a row than this wait for the next change of the list. */
const MOST_REPAIRS = 6;

/** For how long a device keeps tombstones: without them it can't heal a deletion. */
const TOMBSTONE_DAYS = 90;
/** For how long it keeps their texts, from which the user can restore them. */
const TEXT_DAYS = 7;

/** Takes the last page as read. */
export function finish(draft: Draft, server: string | null, now: string, decideBy: DecideBy): void {
  if (draft.meta.reading) {
    compare(draft, decideBy);
    return;
  }
  settle(draft, decideBy);
  forget(draft);
  const entries = draft.all();
  const rows = entries.flatMap(({ id, row }) => (row ? [[id, row] as const] : []));
  const agrees = server === null || server === digest(rows);
  draft.set({ lastSyncedAt: now, verified: server !== null && agrees });
  const heals = entries.some((entry) => isHealing(entry.sent) || isHealing(entry.unsent));
  if (agrees) draft.set({ repairs: 0 });
  else if (!heals && draft.meta.repairs < MOST_REPAIRS) {
    draft.set({ repairs: draft.meta.repairs + 1 });
    repair(draft);
  }
}

/** Rebases the edits that were made while a change was in flight, on the todos that came back. */
export function settle(draft: Draft, decideBy: DecideBy): void {
  for (const found of draft.all()) {
    const { awaiting, ...rest } = unlessDoubtful(found);
    const entry: Entry = { ...rest, awaiting: null, accepted: null };
    if (awaiting) draft.put(rebased(entry, entry.row, awaiting.fields, {}, decideBy));
    else if (found.awaiting) draft.put(entry);
  }
}

/**
 * The entry with its unsent change rebased on the todo that came back. A field that came back
 * neither as the user saw it nor as it was sent is in conflict, because the user typed without
 * having seen it. A deletion is rebased only if every field came back as shown. `shown` is what the
 * user saw; by default, the todo on which the change was begun. What the server forgot is sent
 * whole, if `creates` is set.
 */
export function rebased(
  entry: Entry,
  now: Row | null,
  shown: Fields | null,
  sent: Fields,
  decideBy: DecideBy,
  creates = true,
): Entry {
  const { unsent: change, ...others } = entry;
  if (!change || (creates && isHealing(change))) return entry;
  const rest: Entry = { ...others, unsent: null };
  const { createdAt, completedAt, healing } = change;
  const seen = shown ?? change.seen ?? {};
  const known = { ...seen, ...sent };
  const all = whole({ ...seen, ...change.fields });
  if (!now || (creates && isShrunk(now.fields) && !isDeleted(known))) {
    if (isDeleted(all) || !hasText(all)) return rest;
    return { ...rest, unsent: changeOf(null, all, { createdAt, completedAt }) };
  }
  // A tombstone that shrank lost its texts only.
  const isOwn = isShrunk(now.fields) && isDeleted(known);
  const came = isOwn
    ? []
    : differing(now.fields, seen).filter((name) => !agree(now.fields, known, name));
  const yields = (name: FieldName): boolean => came.includes(name) && decideBy(name) === "theirs";
  const mine = pick(lacking(now.fields, change.fields), (name) => !yields(name));
  const moved = came.filter((name) => !yields(name));
  const isBlind = isDeleted(mine) || isDeleted(now.fields) || moved.some((name) => name in mine);
  if (moved.length > 0 && isBlind) {
    return byPolicy(contested(rest, mine, all, healing !== null, createdAt), decideBy);
  }
  const more = { createdAt, healing: healing?.resent ? healing : null };
  return isEmpty(mine) ? rest : { ...rest, unsent: changeOf(now, mine, more) };
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
