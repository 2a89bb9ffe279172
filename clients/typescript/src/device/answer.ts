/** Takes an answer: verdicts on what was in flight, then the server's changes, then the cursor. */

import { isDeleted, isEmpty, lacking, METADATA, pick, whole } from "../model/fields.js";
import {
  changeOf,
  contested,
  isHealing,
  isSame,
  refused,
  type Change,
  type Entry,
  type Row,
} from "../model/entry.js";
import type { Answer, Applied, ConflictOf, RejectionOf } from "../net/answer.js";
import type { Draft } from "./draft.js";
import { finish } from "./finish.js";
import { healBeyondCursor, notLost, repair } from "./heal.js";
import { byPolicy, type DecideBy } from "./policy.js";
import { rebased } from "./rebase.js";
import type { Round } from "./request.js";

type Version = Pick<Row, "version" | "stamp">;

/** Takes the answer to a round. The caller has checked that the round is still the current one. */
export function take(
  draft: Draft,
  round: Round,
  answer: Answer,
  now: string,
  decideBy: DecideBy,
): void {
  draft.set({ round: null });
  const { epoch } = draft.meta;
  if (epoch !== null && epoch !== answer.epoch) healBeyondCursor(draft, decideBy);
  let isStrange = hasStrangeRow(draft, round, answer.changes);
  for (const id of round.sent) {
    const entry = draft.get(id);
    const verdict = answer.verdicts.get(id);
    // The answer was checked against the round, and the round is the current one.
    if (!entry.sent || !verdict) continue;
    const isApplied = verdict.kind === "applied";
    // Applied to a todo that is older than what the device knows: the server lost something.
    if (isApplied && othersOf(entry, entry.sent, verdict).some((stamp) => verdict.stamp <= stamp))
      isStrange = true;
    else draft.put(judge(entry, entry.sent, verdict, decideBy));
  }
  // A repair compares what the device holds, so nothing may replace it before.
  if (!isStrange) for (const [id, row] of answer.changes) learn(draft, id, row);
  draft.set({ cursor: answer.cursor, epoch: answer.epoch, behind: answer.hasMore });
  if (isStrange) {
    repair(draft);
  } else if (!answer.hasMore) {
    finish(draft, answer.digest, now, decideBy);
  }
}

/**
 * Whether a row came that the held one can't have become. While a row of healing is in flight or
 * unsent, it is known already that the histories differ.
 */
function hasStrangeRow(draft: Draft, round: Round, changes: ReadonlyMap<string, Row>): boolean {
  if (draft.meta.reading || round.request.last_sync == null) return false;
  if (draft.all().some((entry) => entry.sent?.healing ?? entry.unsent?.healing)) return false;
  const sent = new Set(round.sent);
  return [...changes].some(([id, row]) => {
    const held = draft.get(id).row;
    const lacks = held && (!isDeleted(held.fields) || !isDeleted(row.fields));
    return lacks && !sent.has(id) && isOther(held.version, held.stamp, row);
  });
}

/** Whether a todo is not what a known version became through changes: it is of another history. */
function isOther(known: number, stamp: string | null, now: Version): boolean {
  return now.version <= known && now.stamp !== stamp;
}

/**
 * The stamps of what the device knows of the todo, if the server applied a change to another one.
 */
function othersOf({ row }: Entry, change: Change, now: Version): string[] {
  if (isHealing(change) || now.version === 0) return [];
  const { base, seenStamp } = change;
  return [
    ...(row && isOther(row.version, row.stamp, now) ? [row.stamp] : []),
    ...(seenStamp !== null && isOther(base, seenStamp, now) ? [seenStamp] : []),
  ];
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
  // Metadata that the server has besides is no part of the todo that is given back.
  const gives = isHealing(change) && !isDeleted(change.fields);
  const isBesides = (name: string): boolean =>
    name.startsWith(METADATA) && !(name in change.fields);
  const besides = gives ? Object.keys(server.fields).filter(isBesides) : [];
  const removed = Object.fromEntries(besides.map((name) => [name, null]));
  const given = { ...removed, ...change.fields };
  if (change.healing && !change.healing.resent && server.stamp <= change.healing.lostAfter) {
    // The server's todo is older than what it lost: the same goes on top, as an ordinary change.
    const healing = { ...change.healing, resent: true };
    const again = changeOf(server, { ...given, ...later?.fields }, { healing, createdAt });
    return { ...rest, row: server, unsent: again };
  }
  const held = entry.row;
  const row = !held || held.stamp < server.stamp || change.healing ? server : held;
  const asked = [...besides, ...verdict.fields];
  const asks = pick(given, (name) => asked.includes(name) && decideBy(name) !== "theirs");
  // Values that give way need no decision: later edits go on from the todo that their user saw.
  if (isEmpty(asks)) {
    const shown = { ...held?.fields, ...change.fields };
    return rebased({ ...rest, row }, row, shown, {}, decideBy);
  }
  const mine = { ...asks, ...later?.fields };
  const all = { ...held?.fields, ...change.fields, ...later?.fields };
  const conflicting: Entry = { ...rest, row, unsent: null };
  return byPolicy(
    contested(conflicting, mine, whole(all), change.healing !== null, createdAt),
    decideBy,
  );
}

function applied(entry: Entry, change: Change, verdict: Applied): Entry {
  const { version, stamp } = verdict;
  const later = entry.unsent;
  // A deletion of what the server never had.
  if (version === 0) return { ...entry, row: null, unsent: later && { ...later, base: 0 } };
  // Where the server had forgotten the todo, it created it anew, from the change alone.
  const isAnew = othersOf(entry, change, verdict).length > 0;
  const held = isAnew ? null : entry.row;
  const fields = { ...held?.fields, ...change.fields };
  const gone = isDeleted(fields);
  const row: Row = {
    version,
    stamp,
    // The server stores a tombstone that heals without its texts.
    fields: gone && isHealing(change) ? { deleted: true } : fields,
    createdAt: held?.createdAt ?? change.createdAt ?? stamp,
    completedAt:
      fields["completed"] === true ? (held?.completedAt ?? change.completedAt ?? stamp) : null,
    deletedAt: gone ? (held?.deletedAt ?? stamp) : null,
  };
  const left = pick(
    isAnew && !gone ? lacking({}, change.seen ?? {}) : {},
    (name) => name !== "deleted" && !(name in change.fields),
  );
  const unsent = isEmpty(left) ? later : changeOf(row, { ...left, ...later?.fields });
  const accepted = { change, before: entry.row, isDoubtful: false };
  return { ...entry, row, awaiting: row, accepted, unsent };
}

/** Takes over a todo that changed on the server. */
function learn(draft: Draft, id: string, row: Row): void {
  let entry = notLost(draft.get(id), row);
  if (entry.awaiting && isSame(entry.awaiting, row)) entry = { ...entry, accepted: null };
  if (draft.meta.reading) {
    draft.put({ ...entry, table: row });
    return;
  }
  const waits = entry.conflict ?? entry.unsent ?? entry.rejected;
  if (isDeleted(row.fields) && !entry.row && !waits) return;
  if (!entry.row || entry.row.stamp <= row.stamp || entry.awaiting) draft.put({ ...entry, row });
}
