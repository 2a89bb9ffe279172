/**
 * Rules of a device that the others make up for, by repairs and conflicts, where one is missing: so
 * each has a test of its own.
 */

import { expect, test } from "vitest";

import { nextRound } from "../../src/device/request.js";
import { decided, edited } from "../../src/device/user.js";
import { takeGone } from "../../src/device/heal.js";
import { changeOf, newEntry, type Change, type Row } from "../../src/model/entry.js";
import { inverse } from "../../src/undo.js";
import { ask, at, BEFORE, device, EDIT, edit, ID, items, round, todo } from "../support/rounds.js";

const LATER: Row = { ...BEFORE, version: 3, stamp: at(6) };
const TOMBSTONE: Row = { ...LATER, fields: { ...BEFORE.fields, deleted: true }, deletedAt: at(6) };
const RESTORED = { reason: "restored", epoch: "f", horizon: "", to: at(5) } as const;

/** A change that gives the todo back to a server which lost it. */
function healing(row: Row, lostAfter: string): Change {
  return { ...changeOf(row, row.fields, { healing: { lostAfter, resent: false } }), base: 0 };
}

test("what is in flight is sent again as it was, and names the epoch and the strategy", () => {
  const draft = device({ row: BEFORE, unsent: EDIT });
  const first = nextRound(draft, "phone");
  expect(first.request).toMatchObject({ epoch: "e", strategy: "merge", last_sync: at(2) });
  edit(draft, { text: "Buy soy milk", completed: true });
  expect(nextRound(draft, "phone")).toEqual(first);
});

test("before the last page nothing is sent, neither of others nor of what was accepted", () => {
  expect(items(device({ row: BEFORE, unsent: EDIT }, { behind: true }))).toEqual([]);
  const awaiting = device({ row: LATER, awaiting: LATER, unsent: changeOf(LATER, { text: "a" }) });
  expect(items(awaiting)).toEqual([]);
});

test("a later edit is rebased field by field on what the last page brings", () => {
  for (const [later, isContested] of [
    [{ description: "2 l" }, false],
    [{ text: "Buy soy milk" }, true],
    [{ deleted: true }, true],
  ] as const) {
    const draft = device({ row: BEFORE, unsent: changeOf(BEFORE, { completed: true }) });
    const sent = { completed: true, completed_at: at(6) };
    round(draft, { cursor: at(3), hasMore: true, applied: [3, at(6)] });
    edit(draft, later);
    const changes = [todo(3, at(6), { ...sent, text: "Buy rice milk" })];
    round(draft, { cursor: at(6), hasMore: false, changes });
    const { conflict, unsent } = draft.get(ID);
    expect(conflict?.mine ?? null).toEqual(isContested ? later : null);
    expect(unsent?.fields ?? null).toEqual(isContested ? null : later);
    if (unsent) expect(unsent.base).toBe(3);
  }
});

test("an unsent edit keeps its base when another device's change arrives", () => {
  const draft = device({ row: BEFORE, unsent: EDIT });
  draft.set({ behind: true });
  round(draft, { cursor: at(4), hasMore: false, changes: [todo(2, at(4), { completed: true })] });
  expect(draft.get(ID)).toMatchObject({ row: { version: 2 }, unsent: { base: 1 } });
});

test("a page that is older than a conflict's todo replaces nothing", () => {
  const draft = device({ row: BEFORE, unsent: EDIT });
  const conflict = { server_data: todo(3, at(6), { text: "Rice" }), fields: ["text"] };
  const changes = [todo(2, at(4), { text: "Milk" })];
  round(draft, { cursor: at(4), hasMore: true, conflicts: [conflict], changes });
  expect(draft.get(ID)).toMatchObject({ row: { version: 3 }, conflict: { mine: EDIT.fields } });
});

test("a conflict and a rejection keep what was sent and what was typed since", () => {
  const later = { text: "Buy soy milk", completed: true };
  const contested = device({ row: BEFORE, unsent: EDIT });
  nextRound(contested, "phone");
  edit(contested, later);
  const conflict = { server_data: todo(3, at(6), { text: "Rice" }), fields: ["text"] };
  round(contested, { cursor: at(6), hasMore: true, conflicts: [conflict] });
  expect(contested.get(ID).conflict?.mine).toEqual(later);

  const refused = device({ row: BEFORE, unsent: changeOf(BEFORE, { description: "2 l" }) });
  nextRound(refused, "phone");
  edit(refused, later);
  const rejected = [{ id: ID, error_code: "VALIDATION_001", message: "No" }];
  round(refused, { cursor: at(6), hasMore: true, rejected });
  expect(refused.get(ID).rejected?.fields).toEqual({ description: "2 l", ...later });
});

test("what was typed blindly is a conflict", () => {
  const entry = { ...newEntry(ID), row: LATER };
  const before = { ...LATER.fields, text: "Milk" };
  const typed = { id: ID, fields: { text: "Rice" }, before, at: at(9), createdAt: null };
  expect(edited(entry, typed)).toMatchObject({
    unsent: null,
    conflict: { mine: { text: "Rice" } },
  });
});

test("a tombstone is kept for 90 days, and its text for 7", () => {
  const seconds = "T10:00:00.000000Z";
  for (const [day, fields] of [
    [`2026-01-03${seconds}`, TOMBSTONE.fields],
    [`2026-01-01${seconds}`, { deleted: true }],
    [`2025-10-12${seconds}`, { deleted: true }],
    [`2025-10-10${seconds}`, undefined],
  ] as const) {
    const draft = device({ row: { ...TOMBSTONE, stamp: day } });
    round(draft, { cursor: at(6), hasMore: false });
    expect(draft.get(ID).row?.fields).toEqual(fields);
  }
});

test("after a restore, todos and tombstones that are later go back whole", () => {
  for (const [row, fields] of [
    [LATER, LATER.fields],
    [TOMBSTONE, { deleted: true }],
  ] as const) {
    const draft = device({ row, unsent: null }, { cursor: at(7) });
    takeGone(draft, RESTORED, ask);
    expect(draft.meta).toMatchObject({ epoch: "f", cursor: at(5) });
    draft.set({ behind: false });
    const { metadata: _, ...sent } = items(draft)[0] ?? {};
    const whole = { id: ID, version: 0, healing: true, created_at: at(1), ...fields };
    expect(sent).toEqual(whole);
  }
});

test("where the cursor goes on in another epoch, what is later than it goes back", () => {
  for (const row of [LATER, TOMBSTONE]) {
    const draft = device({ row });
    round(draft, { cursor: at(3), hasMore: true, epoch: "f" });
    expect(draft.get(ID).unsent).toMatchObject({ base: 0, healing: { resent: false } });
  }
});

test("what comes back meanwhile is not given back, and neither is what was deleted since", () => {
  const back = device({ row: LATER, unsent: healing(LATER, at(5)) }, { behind: true });
  round(back, { cursor: at(6), hasMore: false, changes: [todo(3, at(6), {})] });
  expect(items(back)).toEqual([]);

  const gone = { ...TOMBSTONE, version: 4, stamp: at(8) };
  const deleted = device({ row: gone, unsent: healing(LATER, at(5)) });
  expect(items(deleted)).toEqual([]);
  expect(deleted.get(ID).conflict?.mine).toMatchObject({ deleted: false });
});

test("a row that the held one can't have become, and another digest, begin a repair", () => {
  const strange = device({ row: LATER }, { cursor: at(6) });
  round(strange, { cursor: at(7), hasMore: false, changes: [todo(2, at(7), {})] });
  expect(strange.meta).toMatchObject({ reading: true, lost: "", asked: "", cursor: null });
  expect(strange.get(ID).row).toEqual(LATER);
  const differs = device({ row: LATER }, { cursor: at(6) });
  round(differs, { cursor: at(7), hasMore: false, digest: "ffffffffffffffff" });
  expect(differs.meta).toMatchObject({ reading: true, lost: "", asked: "", repairs: 1 });
});

test("after `forgotten`, everything is read before the outbox goes out", () => {
  const draft = device({ row: BEFORE, unsent: EDIT });
  takeGone(draft, { reason: "forgotten", epoch: "e" }, ask);
  const { request } = nextRound(draft, "phone");
  expect(request).toMatchObject({ last_sync: null, include_deleted: true, todos: [] });
  round(draft, { cursor: at(7), hasMore: false, changes: [todo(1, at(1), {})] });
  round(draft, { cursor: at(7), hasMore: false });
  expect(items(draft)).toEqual([{ id: ID, version: 1, text: "Buy oat milk" }]);
});

test("a restoring change names every field that the device holds", () => {
  const whole = { ...BEFORE.fields, deleted: false };
  const step = { id: ID, before: BEFORE.fields, after: { deleted: true } };
  expect(inverse(step, TOMBSTONE.fields)).toEqual(whole);
  const mine = { text: "Buy oat milk" };
  const conflict = { mine, whole: { ...BEFORE.fields, ...mine }, createdAt: null };
  const restoring = decided({ ...newEntry(ID), row: TOMBSTONE, conflict }, mine);
  expect(restoring.unsent?.fields).toEqual({ ...whole, ...mine });
});
