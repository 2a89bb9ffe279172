/** A todo as a form, and back. */

import type { Todo } from "todo-sync-client";
import { expect, test } from "vitest";
import { changesOf, fieldsOf, readFields } from "@/lib/editing";

const todo = (more: Partial<Todo> = {}) =>
  ({
    id: "1",
    text: "Call Ann",
    description: null,
    metadata: { due: "2026-10-24T09:00:00+02:00", "tag:home": true, list: "family", priority: 2 },
    ...more,
  }) as Todo;

test("a form that is saved unchanged changes nothing", () => {
  expect(changesOf(todo(), fieldsOf(todo()))).toEqual({});
  const odd = todo({ description: "two\nlines", metadata: { due: "some day", repeat: "FREQ=SECONDLY", priority: 9 } });
  expect(changesOf(odd, { ...fieldsOf(odd), note: "two\r\nlines" })).toEqual({});
});

test("only what was changed is written", () => {
  const fields = { ...fieldsOf(todo()), tags: "home, #late", list: " ", note: "a note" };
  expect(changesOf(todo(), fields)).toEqual({ description: "a note", metadata: { "tag:late": true, list: null } });
});

test("a day over the change of the clocks keeps its time of day", () => {
  const fields = { ...fieldsOf(todo()), day: "2026-10-25" };
  expect(changesOf(todo(), fields)).toEqual({ metadata: { due: "2026-10-25T09:00:00+01:00" } });
});

test("a date that does not exist changes nothing", () => {
  expect(changesOf(todo(), { ...fieldsOf(todo()), day: "2026-02-30" })).toBeNull();
});

test("a draft that another version wrote is read as far as it goes", () => {
  expect(readFields('{"text": "a", "colour": "red", "note": 7}')).toEqual({ text: "a" });
  expect(readFields("not JSON")).toEqual({});
  expect(readFields("null")).toEqual({});
});
