/** After the last page: what the device holds is checked, and old tombstones are forgotten. */

import { digest } from "../model/digest.js";
import { isHealing } from "../model/entry.js";
import { hasText, isDeleted } from "../model/fields.js";
import { settle } from "./accepted.js";
import type { Draft } from "./draft.js";
import { compare, repair } from "./heal.js";
import type { DecideBy } from "./policy.js";

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
