/** Takes an answer: verdicts on what was in flight, then the server's changes, then the cursor. */

import { isDeleted, isEmpty, pick, whole } from "../model/fields.js";
import {
  changeOf,
  contested,
  isHealing,
  refused,
  type Change,
  type Entry,
  type Row,
} from "../model/entry.js";
import type { Answer, Applied, ConflictOf, RejectionOf } from "../net/answer.js";
import type { Draft } from "./draft.js";
import { startRepair, unfreeze } from "./heal.js";
import { byPolicy, type DecideBy } from "./policy.js";
import { finish, settle, settled } from "./rebase.js";
import type { Round } from "./request.js";

/** Takes the answer to a round. The caller has checked that the round is still the current one. */
export function take(
  draft: Draft,
  round: Round,
  answer: Answer,
  now: string,
  decideBy: DecideBy,
): void {
  draft.set({ round: null });
  let isStrange = hasStrangeRow(draft, round, answer.changes);
  for (const id of round.sent) {
    const entry = draft.get(id);
    const verdict = answer.verdicts.get(id);
    // The answer was checked against the round, and the round is the current one.
    if (!entry.sent || !verdict) continue;
    if (verdict.kind === "applied" && isBelowBase(entry.sent, verdict)) isStrange = true;
    else draft.put(judge(entry, entry.sent, verdict, decideBy));
  }
  // A repair compares what the device holds, so nothing may replace it before.
  if (!isStrange) for (const [id, row] of answer.changes) learn(draft, id, row);
  draft.set({ cursor: answer.cursor, epoch: answer.epoch, behind: answer.hasMore });
  if (isStrange) {
    settle(draft, decideBy);
    unfreeze(draft);
    startRepair(draft);
  } else if (!answer.hasMore) {
    finish(draft, answer.digest, now, decideBy);
  }
}

/**
 * Whether a row came whose version is not above the held one although its stamp is another: the
 * server's history is another than the device's. While a row of healing is in flight or unsent,
 * this is known already.
 */
function hasStrangeRow(draft: Draft, round: Round, changes: ReadonlyMap<string, Row>): boolean {
  if (draft.meta.repairing || round.request.last_sync == null) return false;
  if (draft.all().some((entry) => entry.sent?.healing ?? entry.unsent?.healing)) return false;
  const sent = new Set(round.sent);
  return [...changes].some(([id, row]) => {
    const held = draft.get(id).row;
    return held && !sent.has(id) && row.version <= held.version && row.stamp !== held.stamp;
  });
}

/**
 * Whether the server found a change in place in a version older than the one that it was made
 * against. The values are the same by chance, in another history.
 */
function isBelowBase(change: Change, { version, stamp }: Applied): boolean {
  return (
    version > 0 && version < change.base && change.seenStamp !== null && stamp < change.seenStamp
  );
}

function judge(
  entry: Entry,
  change: Change,
  verdict: Applied | ConflictOf | RejectionOf,
  decideBy: DecideBy,
): Entry {
  const rest: Entry = { ...entry, sent: null };
  if (verdict.kind === "applied") return applied(rest, change, verdict);
  const later = entry.unsent;
  const createdAt = change.createdAt;
  if (verdict.kind === "rejected") return refused(entry, change, verdict.code, verdict.message);
  const server = verdict.server;
  if (change.healing && !change.healing.resent && server.stamp <= change.healing.lostAfter) {
    // The server's todo is older than what it lost: the same goes on top, as an ordinary change.
    const healing = { ...change.healing, resent: true };
    const again = changeOf(server, { ...change.fields, ...later?.fields }, { healing, createdAt });
    return { ...rest, row: server, unsent: again };
  }
  const held = entry.row;
  const row = !held || held.stamp < server.stamp || change.healing ? server : held;
  const asks = pick(
    change.fields,
    (name) => verdict.fields.includes(name) && decideBy(name) !== "theirs",
  );
  // What gives way concerns nobody: later edits go on from the todo that their user saw.
  if (isEmpty(asks))
    return settled({ ...rest, row }, { ...held?.fields, ...change.fields }, decideBy);
  const mine = { ...asks, ...later?.fields };
  const all = { ...held?.fields, ...change.fields, ...later?.fields };
  const conflicting: Entry = { ...rest, row, unsent: null };
  return byPolicy(
    contested(conflicting, mine, whole(all), change.healing !== null, createdAt),
    decideBy,
  );
}

function applied(entry: Entry, change: Change, { version, stamp }: Applied): Entry {
  if (version === 0) {
    // A deletion of what the server never had.
    const unsent = entry.unsent && { ...entry.unsent, base: 0 };
    return { ...entry, row: null, unsent };
  }
  const fields = { ...entry.row?.fields, ...change.fields };
  const gone = isDeleted(fields);
  const row: Row = {
    version,
    stamp,
    // The server stores a tombstone that heals without its texts.
    fields: gone && isHealing(change) ? { deleted: true } : fields,
    createdAt: entry.row?.createdAt ?? change.createdAt ?? stamp,
    completedAt:
      fields["completed"] === true ? (entry.row?.completedAt ?? change.completedAt ?? stamp) : null,
    deletedAt: gone ? (entry.row?.deletedAt ?? stamp) : null,
  };
  return { ...entry, row, awaiting: row };
}

/** Takes over a todo that changed on the server. */
function learn(draft: Draft, id: string, row: Row): void {
  const entry = draft.get(id);
  if (draft.meta.repairing) {
    draft.put({ ...entry, table: row });
    return;
  }
  const waits = entry.conflict ?? entry.unsent ?? entry.rejected;
  if (isDeleted(row.fields) && !entry.row && !waits && !draft.meta.includeDeleted) return;
  if (!entry.row || entry.row.stamp <= row.stamp || entry.awaiting) draft.put({ ...entry, row });
}
