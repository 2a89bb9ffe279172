/** A server that had forgotten a todo creates it again from the change alone. */

import { expect, test } from "vitest";

import { take } from "../../src/device/answer.js";
import { Draft } from "../../src/device/draft.js";
import { nextRound } from "../../src/device/request.js";
import { changeOf, NEW_META, newEntry, shown, type Row } from "../../src/model/entry.js";
import { answerOf } from "../../src/net/answer.js";

const ID = "550e8400-e29b-41d4-a716-446655440000";
const at = (minute: number): string => `2026-01-09T10:0${minute}:00.000000Z`;

/**
 * What the server says of a change of a tombstone of version 3, which it applied to this version.
 */
function draftAfter(version: number, stamp: string): Draft {
  const fields = { text: "Buy milk", description: "2 l", "metadata.due": "2026-12-24" };
  const row: Row = {
    version: 3,
    stamp: at(3),
    fields: { ...fields, completed: false, deleted: true },
    createdAt: at(0),
    completedAt: null,
    deletedAt: at(3),
  };
  const unsent = changeOf(row, { deleted: false, text: "Buy oat milk" });
  const meta = { ...NEW_META, cursor: at(4), epoch: "e", behind: false };
  const draft = new Draft({ meta, entries: new Map([[ID, { ...newEntry(ID), row, unsent }]]) });
  const round = nextRound(draft, "phone");
  const answer = {
    applied: [ID],
    versions: { [ID]: version },
    stamps: { [ID]: stamp },
    conflicts: [],
    rejected: [],
    server_changes: [],
    has_more: false,
    sync_timestamp: at(6),
    epoch: "e",
    digest: null,
  };
  take(draft, round, answerOf(answer, round.sent), at(6), () => "ask");
  return draft;
}

test("what a change left out follows where the server created the todo anew", () => {
  const entry = draftAfter(1, at(5)).get(ID);
  expect(entry.row?.fields).toEqual({ deleted: false, text: "Buy oat milk" });
  expect(entry.unsent).toMatchObject({ base: 1, healing: null });
  expect(entry.unsent?.fields).toEqual({ description: "2 l", "metadata.due": "2026-12-24" });
  expect(shown(entry)).toMatchObject({ text: "Buy oat milk", description: "2 l" });
});

test("a change that was applied to an older todo shows that the server lost something", () => {
  const draft = draftAfter(2, at(2));
  expect(draft.meta).toMatchObject({ reading: true, cursor: null, lost: "" });
  expect(draft.get(ID)).toMatchObject({ row: { version: 3 }, sent: { base: 3 } });
});

test("a change of what the server still has is all that was sent", () => {
  const draft = draftAfter(4, at(5));
  expect(draft.meta.reading).toBe(false);
  expect(draft.get(ID)).toMatchObject({ row: { version: 4 }, unsent: null });
});
