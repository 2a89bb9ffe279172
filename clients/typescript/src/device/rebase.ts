/** Rebases unsent edits on the todo that came back. */

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
import { byPolicy, type DecideBy } from "./policy.js";

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
