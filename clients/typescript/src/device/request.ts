/** Chooses what is sent, and freezes it until its answer has been taken. */

import type { components } from "../generated/schema.js";
import { newId } from "../ids.js";
import { isEmpty, METADATA } from "../model/fields.js";
import { isHealing, LARGEST_BATCH, refused, type Change, type Entry } from "../model/entry.js";
import type { Json } from "../types.js";
import type { Draft } from "./draft.js";
import { unlessDeleted } from "./heal.js";

export type SyncRequest = components["schemas"]["SyncRequest"];
export type SyncTodo = components["schemas"]["SyncTodo"];

/** What a round sends, and what its answer is checked against. */
export interface Round {
  readonly name: string;
  readonly sent: readonly string[];
  readonly request: SyncRequest;
}

/** Well below the server's limit for a body, 2 MiB. */
const LARGEST_BODY = 1_000_000;

/** The most changes that come back in one answer. */
const PAGE = 1_000;

/** The request to send now. What it contains is in flight until its answer has been taken. */
export function nextRound(draft: Draft, deviceName: string): Round {
  const { cursor, epoch, behind, reading, batch } = draft.meta;
  // Nothing goes out while everything is read again.
  const inFlight = reading ? [] : draft.all().filter((entry) => entry.sent);
  const mayFreeze = !reading && (!behind || cursor === null);
  const entries = inFlight.length > 0 || !mayFreeze ? inFlight : freeze(draft);
  const sent = entries.slice(0, batch);
  // What is sent again keeps its name, so that the first answer to it counts, in whatever tab.
  const name = inFlight.length > 0 && draft.meta.round !== null ? draft.meta.round : newId();
  if (draft.meta.round !== name) draft.set({ round: name });
  const request: SyncRequest = {
    last_sync: cursor,
    epoch,
    strategy: "merge",
    client_id: deviceName,
    limit: PAGE,
    include_deleted: reading,
    todos: sent.map((entry) => itemOf(entry.id, entry.sent as Change)),
  };
  return { name, sent: sent.map((entry) => entry.id), request };
}

/** Whether the next round would send something. */
export function hasSomethingToSend(entries: Iterable<Entry>): boolean {
  for (const entry of entries) if (entry.sent ?? isReady(entry)) return true;
  return false;
}

/**
 * A change of a todo whose conflict is open waits for the decision, as both concern one todo. A row
 * of healing does not wait: the server lacks it.
 */
function isReady(entry: Entry): boolean {
  return (
    entry.unsent !== null && !entry.awaiting && (!entry.conflict || entry.unsent.healing !== null)
  );
}

function freeze(draft: Draft): Entry[] {
  const frozen: Entry[] = [];
  let bytes = 0;
  for (const found of draft.all()) {
    const entry = unlessDeleted(found);
    if (entry !== found) draft.put(entry);
    if (!isReady(entry)) continue;
    const size = JSON.stringify(itemOf(entry.id, entry.unsent as Change)).length * 2;
    if (frozen.length > 0 && (frozen.length >= draft.meta.batch || bytes + size > LARGEST_BODY))
      break;
    bytes += size;
    const inFlight = { ...entry, sent: entry.unsent, unsent: null };
    draft.put(inFlight);
    frozen.push(inFlight);
  }
  return frozen;
}

/** A change as the server reads it. */
export function itemOf(id: string, change: Change): SyncTodo {
  const item: Record<string, Json> = { id, version: change.base };
  const metadata: Record<string, Json> = {};
  for (const [name, value] of Object.entries(change.fields)) {
    if (name.startsWith(METADATA)) metadata[name.slice(METADATA.length)] = value;
    else item[name] = value;
  }
  if (!isEmpty(metadata)) item["metadata"] = metadata;
  if (isHealing(change)) item["healing"] = true;
  if (change.base === 0 && change.createdAt) item["created_at"] = change.createdAt;
  if (change.base === 0 && change.completedAt) item["completed_at"] = change.completedAt;
  return item as unknown as SyncTodo;
}

/** After a 413: half as many at once. Returns whether that can help. */
export function halve(draft: Draft): boolean {
  const sent = draft.all().filter((entry) => entry.sent).length;
  const batch = Math.floor(Math.min(draft.meta.batch, sent) / 2);
  if (batch < 1) return false;
  draft.set({ batch, round: null });
  return true;
}

/** Keeps a change that is too large by itself for its user. */
export function rejectAlone(draft: Draft, id: string, code: string, message: string): void {
  const entry = draft.get(id);
  if (!entry.sent) return;
  draft.put(refused(entry, entry.sent, code, message));
  draft.set({ round: null, batch: LARGEST_BATCH });
}
