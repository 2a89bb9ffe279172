/** Decides conflicts without asking, where a policy says so. */

import { isEmpty, lacking, pick, type Fields } from "../model/fields.js";
import type { Entry } from "../model/entry.js";
import type { FieldName, Policies, Policy } from "../types.js";
import { decided } from "./user.js";

/** The policy of a field. */
export type DecideBy = (name: FieldName) => Policy;

const DEFAULTS: Policies = { "metadata.position": "theirs", "metadata.snooze": "theirs" };

export function decideBy(policies: Policies = {}): DecideBy {
  const all = { ...DEFAULTS, ...policies };
  return (name) => all[name] ?? "ask";
}

/**
 * The entry with its conflict decided as far as policies decide it. While any field of it waits for
 * the user, the fields for `mine` wait too: both concern one todo.
 */
export function byPolicy(entry: Entry, decideBy: DecideBy): Entry {
  if (!entry.conflict) return entry;
  const differs: Fields = entry.row
    ? lacking(entry.row.fields, entry.conflict.mine)
    : entry.conflict.mine;
  const mine = pick(differs, (name) => decideBy(name) !== "theirs");
  if (isEmpty(mine)) return { ...entry, conflict: null };
  const conflict = { ...entry.conflict, mine };
  const asks = Object.keys(mine).some((name) => decideBy(name) === "ask");
  return asks || entry.sent || entry.unsent
    ? { ...entry, conflict }
    : decided({ ...entry, conflict }, mine);
}
