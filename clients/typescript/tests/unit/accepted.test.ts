/**
 * Accepted changes before the last page: another history may begin meanwhile, without them. They
 * are sent again as they were, not as a whole todo that others may have changed since.
 */

import { expect, test } from "vitest";

import type { Draft } from "../../src/device/draft.js";
import { takeGone } from "../../src/device/heal.js";
import { nextRound } from "../../src/device/request.js";
import { changeOf, shown, type Change, type Row } from "../../src/model/entry.js";
import { sound } from "../../src/store/sound.js";
import { ask, at, BEFORE, device, EDIT, edit, ID, round, todo } from "../support/rounds.js";

/** The first page: the change is accepted on top of what another device had changed. */
function accepted(row: Row | null, change: Change): Draft {
  const draft = device({ row, unsent: change });
  const applied = [row ? row.version + 2 : 1, at(6)] as const;
  round(draft, { cursor: at(3), hasMore: true, applied });
  expect(draft.get(ID)).toMatchObject({ sent: null, unsent: null });
  return draft;
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
