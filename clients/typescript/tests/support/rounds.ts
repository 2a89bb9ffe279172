/** Rounds of one device with one todo, whose answers the test writes. */

import { take } from "../../src/device/answer.js";
import { Draft } from "../../src/device/draft.js";
import { nextRound, type SyncTodo } from "../../src/device/request.js";
import { edited } from "../../src/device/user.js";
import {
  changeOf,
  NEW_META,
  newEntry,
  shown,
  type Entry,
  type Meta,
  type Row,
} from "../../src/model/entry.js";
import type { Fields } from "../../src/model/fields.js";
import { answerOf } from "../../src/net/answer.js";

export const ID = "550e8400-e29b-41d4-a716-446655440000";
/** A stamp of this minute. */
export const at = (minute: number): string => `2026-01-09T10:0${minute}:00.000000Z`;
export const ask = (): "ask" => "ask";

/** The todo as the device acknowledged it before. */
export const BEFORE: Row = {
  version: 1,
  stamp: at(1),
  fields: { text: "Buy milk", description: null, completed: false, deleted: false },
  createdAt: at(1),
  completedAt: null,
  deletedAt: null,
};

/** An unsent change of it. */
export const EDIT = changeOf(BEFORE, { text: "Buy oat milk" });

/** A device whose cursor is minute 2. */
export function device(parts: Partial<Entry>, meta: Partial<Meta> = {}): Draft {
  const known = { ...NEW_META, cursor: at(2), epoch: "e", behind: false, ...meta };
  return new Draft({ meta: known, entries: new Map([[ID, { ...newEntry(ID), ...parts }]]) });
}

/** What the next request sends. */
export function items(draft: Draft): readonly SyncTodo[] {
  return nextRound(draft, "phone").request.todos ?? [];
}

export interface Page {
  readonly cursor: string;
  readonly hasMore: boolean;
  readonly epoch?: string;
  /** The version that was accepted, and its stamp. */
  readonly applied?: readonly [version: number, stamp: string];
  readonly conflicts?: readonly Record<string, unknown>[];
  readonly rejected?: readonly Record<string, unknown>[];
  readonly changes?: readonly Record<string, unknown>[];
  readonly digest?: string;
}

/** One round whose answer this is. */
export function round(draft: Draft, page: Page): void {
  const sent = nextRound(draft, "phone");
  const [version, stamp] = page.applied ?? [];
  const answer = {
    applied: page.applied ? [ID] : [],
    versions: page.applied ? { [ID]: version } : {},
    stamps: page.applied ? { [ID]: stamp } : {},
    conflicts: page.conflicts ?? [],
    rejected: page.rejected ?? [],
    server_changes: page.changes ?? [],
    has_more: page.hasMore,
    sync_timestamp: page.cursor,
    epoch: page.epoch ?? "e",
    digest: page.digest ?? null,
  };
  take(draft, sent, answerOf(answer, sent.sent), at(9), ask);
}

/** The todo as a page brings it. */
export function todo(version: number, stamp: string, fields: Fields): Record<string, unknown> {
  const made = { id: ID, created_at: at(1), completed_at: null, deleted_at: null, metadata: {} };
  return { ...made, ...BEFORE.fields, ...fields, version, updated_at: stamp };
}

/** The user gives fields these values. */
export function edit(draft: Draft, fields: Fields): void {
  const entry = draft.get(ID);
  draft.put(edited(entry, { id: ID, fields, before: shown(entry), at: at(9), createdAt: null }));
}
