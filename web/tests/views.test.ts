/** Which todos a view shows, and in which order. */

import { describe, expect, test } from "vitest";
import type { Todo } from "todo-sync-client";
import { groups, homeOf, select, viewOf, type View } from "@/lib/views";

const NOW = new Date(2026, 2, 28, 12, 0);

let made = 0;
const todo = (text: string, metadata: Record<string, unknown> = {}, more: Partial<Todo> = {}) =>
  ({
    id: text,
    text,
    description: null,
    completed: false,
    completedAt: null,
    createdAt: `2026-01-01T00:00:${String(made++ % 60).padStart(2, "0")}Z`,
    metadata,
    ...more,
  }) as Todo;

const at = (day: number, hour: number) => new Date(2026, 2, day, hour).toISOString();

const TODOS = [
  todo("no date"),
  todo("yesterday", { due: "2026-03-27" }),
  todo("today", { due: "2026-03-28", "tag:home": true }),
  todo("this morning", { due: at(28, 9), list: "Errands" }),
  todo("this evening", { due: at(28, 18), priority: 2 }),
  todo("tomorrow", { due: "2026-03-29", list: "Errands", "tag:home": false }),
  todo("snoozed", { due: "2026-03-27", snooze: "2026-03-30" }),
  todo("awake again", { snooze: "2026-03-28" }),
  todo("of another app", { due: { year: 2026 }, priority: "high", list: 7, "tag:": true }),
  todo("not in the calendar", { due: "2026-02-31" }),
  todo("done first", { due: "2026-03-27" }, { completed: true, completedAt: "2026-03-28T08:00:00Z" }),
  todo("done last", {}, { completed: true, completedAt: "2026-03-28T09:00:00Z" }),
];

const texts = (view: View, search = "") => select(TODOS, view, search, NOW).map(({ text }) => text);

describe("views", () => {
  test("all open todos stay in the order of the user; what is snoozed waits elsewhere", () => {
    expect(texts({ kind: "all" })).toEqual([
      "no date",
      "yesterday",
      "today",
      "this morning",
      "this evening",
      "tomorrow",
      "awake again",
      "of another app",
      "not in the calendar",
    ]);
    expect(texts({ kind: "snoozed" })).toEqual(["snoozed"]);
  });

  test("today has what is due and what was, upcoming what is to come, overdue what is late", () => {
    expect(texts({ kind: "today" })).toEqual(["yesterday", "today", "this morning", "this evening"]);
    expect(texts({ kind: "upcoming" })).toEqual(["tomorrow"]);
    expect(texts({ kind: "overdue" })).toEqual(["yesterday", "this morning"]);
  });

  test("what was done last comes first", () => {
    expect(texts({ kind: "done" })).toEqual(["done last", "done first"]);
  });

  test("lists and tags count open todos, and a tag that is taken away is none", () => {
    expect(texts({ kind: "list", name: "Errands" })).toEqual(["this morning", "tomorrow"]);
    expect(texts({ kind: "tag", name: "home" })).toEqual(["today"]);
    expect(groups(TODOS)).toEqual({ lists: [["Errands", 2]], tags: [["home", 1]] });
  });

  test("a search needs every word, in the text or in the note, in either Unicode form", () => {
    const found = (search: string) =>
      select([todo("Café crème", {}, { description: "at the corner" })], { kind: "all" }, search, NOW).length;
    expect(["CAFE\u0301", "corner café", "crème  at"].map(found)).toEqual([1, 1, 1]);
    expect(["cafe", "café tea"].map(found)).toEqual([0, 0]);
  });

  test("an address that names no view shows all, and every todo has a view that shows it", () => {
    expect(viewOf(new URLSearchParams("view=nowhere"))).toEqual({ kind: "all" });
    expect(viewOf(new URLSearchParams("tag=home&view=done"))).toEqual({ kind: "tag", name: "home" });
    for (const one of TODOS) expect(texts(homeOf(one, NOW))).toContain(one.text);
  });
});
