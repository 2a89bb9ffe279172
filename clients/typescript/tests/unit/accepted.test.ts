/**
 * Accepted changes before the last page: another history may begin meanwhile, without them. They
 * are sent again as they were, not as a whole todo that others may have changed since.
 */

import { expect, test } from "vitest";

import { take } from "../../src/device/answer.js";
import { Draft } from "../../src/device/draft.js";
import { takeGone } from "../../src/device/heal.js";
import { nextRound } from "../../src/device/request.js";
import { edited } from "../../src/device/user.js";
import {
  changeOf,
  NEW_META,
  newEntry,
  shown,
  type Change,
  type Row,
} from "../../src/model/entry.js";
import type { Fields } from "../../src/model/fields.js";
import { answerOf } from "../../src/net/answer.js";
import { sound } from "../../src/store/sound.js";

const ID = "550e8400-e29b-41d4-a716-446655440000";
const at = (minute: number): string => `2026-01-09T10:0${minute}:00.000000Z`;
const ask = (): "ask" => "ask";

/** The todo as the device acknowledged it before. */
const BEFORE: Row = {
  version: 1,
  stamp: at(1),
  fields: { text: "Buy milk", description: null, completed: false, deleted: false },
  createdAt: at(1),
  completedAt: null,
  deletedAt: null,
};

const EDIT = changeOf(BEFORE, { text: "Buy oat milk" });

/** A device whose cursor is minute 2. */
function device(row: Row | null, unsent: Change): Draft {
  const meta = { ...NEW_META, cursor: at(2), epoch: "e", behind: false };
  return new Draft({ meta, entries: new Map([[ID, { ...newEntry(ID), row, unsent }]]) });
}

interface Page {
  readonly cursor: string;
  readonly hasMore: boolean;
  readonly epoch?: string;
  /** The version that was accepted, and its stamp. */
  readonly applied?: readonly [version: number, stamp: string];
  readonly changes?: readonly Record<string, unknown>[];
}

/** One round whose answer this is. */
function round(draft: Draft, page: Page): void {
  const sent = nextRound(draft, "phone");
  const [version, stamp] = page.applied ?? [];
  const answer = {
    applied: page.applied ? [ID] : [],
    versions: page.applied ? { [ID]: version } : {},
    stamps: page.applied ? { [ID]: stamp } : {},
    conflicts: [],
    rejected: [],
    server_changes: page.changes ?? [],
    has_more: page.hasMore,
    sync_timestamp: page.cursor,
    epoch: page.epoch ?? "e",
    digest: null,
  };
  take(draft, sent, answerOf(answer, sent.sent), at(9), ask);
}

/** The first page: the change is accepted on top of what another device had changed. */
function accepted(row: Row | null, change: Change): Draft {
  const draft = device(row, change);
  const applied = [row ? row.version + 2 : 1, at(6)] as const;
  round(draft, { cursor: at(3), hasMore: true, applied });
  expect(draft.get(ID)).toMatchObject({ sent: null, unsent: null });
  return draft;
}

/** The todo as a page brings it. */
function todo(version: number, stamp: string, fields: Fields): Record<string, unknown> {
  const made = { id: ID, created_at: at(1), completed_at: null, deleted_at: null, metadata: {} };
  return { ...made, ...BEFORE.fields, ...fields, version, updated_at: stamp };
}

function edit(draft: Draft, fields: Fields): void {
  const entry = draft.get(ID);
  draft.put(edited(entry, { id: ID, fields, before: shown(entry), at: at(9), createdAt: null }));
}

const restored = { reason: "restored", epoch: "f", horizon: "" } as const;

test("after a restore between two pages it is sent again as it was", () => {
  const draft = accepted(BEFORE, EDIT);
  takeGone(draft, { ...restored, to: at(5) }, ask);
  expect(draft.get(ID)).toMatchObject({ row: BEFORE, awaiting: null, conflict: null });
  const { request } = nextRound(draft, "phone");
  expect(request.todos).toEqual([]);
  round(draft, { cursor: at(5), hasMore: false, epoch: "f" });
  expect(nextRound(draft, "phone").request.todos).toEqual([
    { id: ID, version: 1, text: "Buy oat milk" },
  ]);
});

test("what was typed since goes with it", () => {
  const draft = accepted(BEFORE, EDIT);
  edit(draft, { text: "Buy soy milk", completed: true });
  takeGone(draft, { ...restored, to: at(5) }, ask);
  expect(draft.get(ID)).toMatchObject({ row: BEFORE, conflict: null });
  expect(draft.get(ID).unsent).toMatchObject({ base: 1, healing: null, seen: BEFORE.fields });
  expect(draft.get(ID).unsent?.fields).toEqual({ text: "Buy soy milk", completed: true });
});

test("a restore to a later moment leaves it accepted", () => {
  const draft = accepted(BEFORE, EDIT);
  edit(draft, { completed: true });
  takeGone(draft, { ...restored, to: at(7) }, ask);
  expect(draft.get(ID)).toMatchObject({ row: { version: 3 }, unsent: { base: 3 } });
});

test("if the cursor goes on in another epoch, it is sent again after the last page", () => {
  const draft = accepted(BEFORE, EDIT);
  round(draft, { cursor: at(4), hasMore: true, epoch: "f" });
  expect(shown(draft.get(ID))["text"]).toBe("Buy oat milk");
  expect(draft.get(ID).unsent).toBeNull();
  round(draft, { cursor: at(5), hasMore: false, epoch: "f" });
  expect(nextRound(draft, "phone").request.todos).toEqual([
    { id: ID, version: 1, text: "Buy oat milk" },
  ]);
});

test("a page that brings the accepted version shows that it is not lost", () => {
  const draft = accepted(BEFORE, EDIT);
  edit(draft, { completed: true });
  const merged = { text: "Buy oat milk", description: "2 l" };
  round(draft, { cursor: at(6), hasMore: true, epoch: "f", changes: [todo(3, at(6), merged)] });
  round(draft, { cursor: at(7), hasMore: false, epoch: "f" });
  expect(draft.get(ID)).toMatchObject({ row: { version: 3, fields: merged }, conflict: null });
  expect(draft.get(ID).unsent).toMatchObject({ base: 3, fields: { completed: true } });
});

test("what a page brought before a restore is given back whole", () => {
  const draft = accepted(BEFORE, EDIT);
  const merged = { text: "Buy oat milk", description: "2 l" };
  round(draft, { cursor: at(6), hasMore: true, changes: [todo(3, at(6), merged)] });
  takeGone(draft, { ...restored, to: at(5) }, ask);
  expect(draft.get(ID).unsent).toMatchObject({ base: 0, healing: { lostAfter: at(5) } });
  expect(draft.get(ID).unsent?.fields).toMatchObject(merged);
});

test("the deletion of a todo whose creation may be lost too is given back", () => {
  const draft = accepted(null, changeOf(null, { text: "Buy milk" }, { createdAt: at(1) }));
  edit(draft, { deleted: true });
  takeGone(draft, { ...restored, to: at(5) }, ask);
  expect(draft.get(ID)).toMatchObject({ row: null, unsent: { base: 0 } });
  draft.set({ behind: false });
  expect(nextRound(draft, "phone").request.todos).toMatchObject([
    { id: ID, version: 0, deleted: true, healing: true },
  ]);
});

test("so is that of a todo which the change had restored", () => {
  const tombstone: Row = { ...BEFORE, fields: { ...BEFORE.fields, deleted: true } };
  const draft = accepted(tombstone, changeOf(tombstone, { ...BEFORE.fields }));
  edit(draft, { deleted: true });
  takeGone(draft, { ...restored, to: at(5) }, ask);
  draft.set({ behind: false });
  expect(nextRound(draft, "phone").request.todos).toMatchObject([
    { id: ID, version: 0, deleted: true, healing: true },
  ]);
});

test("what did not come after `forgotten` in another epoch is deleted for good", () => {
  const shrunk = { text: "", deleted_at: at(4), deleted: true };
  for (const [epoch, changes, items] of [
    ["f", [], [{ id: ID, version: 0, deleted: true, healing: true }]],
    ["f", [todo(4, at(4), shrunk)], [{ id: ID, version: 0, deleted: true, healing: true }]],
    ["e", [], []],
  ] as const) {
    const draft = accepted(BEFORE, EDIT);
    edit(draft, { deleted: true });
    takeGone(draft, { reason: "forgotten", epoch }, ask);
    round(draft, { cursor: at(7), hasMore: false, epoch, changes });
    round(draft, { cursor: at(7), hasMore: false, epoch });
    expect(nextRound(draft, "phone").request.todos).toEqual(items);
  }
});

test("an unknown epoch, or a new one while all is read again, does not lose it", () => {
  const unknown = accepted(BEFORE, EDIT);
  takeGone(unknown, { ...restored, to: null }, ask);
  const forgotten = accepted(BEFORE, EDIT);
  takeGone(forgotten, { reason: "forgotten", epoch: "f" }, ask);
  const later = accepted(BEFORE, EDIT);
  takeGone(later, { reason: "forgotten", epoch: "e" }, ask);
  for (const draft of [unknown, forgotten, later]) {
    const other = { description: "2 l" };
    round(draft, { cursor: at(5), hasMore: false, epoch: "f", changes: [todo(2, at(2), other)] });
    expect(draft.meta.reading).toBe(false);
    round(draft, { cursor: at(5), hasMore: false, epoch: "f" });
    const [item] = nextRound(draft, "phone").request.todos ?? [];
    expect(item).toMatchObject({ id: ID, text: "Buy oat milk" });
  }
});

test("a store keeps it, and one of an older version reads without it", () => {
  const entry = accepted(BEFORE, EDIT).get(ID);
  expect(sound(ID, structuredClone(entry))).toEqual(entry);
  const { accepted: _, ...old } = entry;
  expect(sound(ID, old)).toEqual({ ...entry, accepted: null });
  expect(sound(ID, { ...entry, accepted: { change: 1, before: {} } }).accepted).toBeNull();
});
