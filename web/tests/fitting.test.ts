/** Texts from elsewhere: pasted, shared, imported. */

import { describe, expect, test } from "vitest";
import { beyond, clean, fitting, lines } from "@/lib/fitting";
import { missing, readList } from "@/lib/import-file";

describe("pasted lines", () => {
  test("marks of lists go, blank lines go, every kind of line break counts", () => {
    const pasted = "- Bread\r\n* Butter\r3. Jam\n[ ] Tea\n[x] Milk\u2028• Eggs\n\n \u200b \n--\n12) Salt";
    expect(lines(pasted)).toEqual(["Bread", "Butter", "Jam", "Tea", "Milk", "Eggs", "--", "Salt"]);
  });

  test("emoji sequences and right-to-left text stay whole; what nobody sees goes", () => {
    expect(lines("👩‍👩‍👧‍👦 family\nשלום עולם\n\u0007bell\u0000")).toEqual(["👩‍👩‍👧‍👦 family", "שלום עולם", "bell"]);
    expect(clean("half \ud83d of a pair")).toBe("half \ufffd of a pair");
  });
});

describe("lengths", () => {
  test("500 characters of two units each fit; one more goes into the note", () => {
    expect(fitting({ text: "😀".repeat(500) })).toEqual({ text: "😀".repeat(500) });
    const { text, description } = fitting({ text: "😀".repeat(501), description: "a note" });
    expect(text).toBe(`${"😀".repeat(499)}…`);
    expect(description).toBe(`${"😀".repeat(501)}\n\na note`);
  });

  test("a text that no todo holds is measured in characters", () => {
    expect(beyond("😀".repeat(10_000))).toBeNull();
    expect(beyond("😀".repeat(10_001))).toBe(10_001);
    expect(beyond("x".repeat(2_000_000))).toBe(2_000_000);
  });
});

describe("files", () => {
  test("lists of several programs, and lines", () => {
    expect(readList('{"todos": [{"title": "a", "done": true}, "b", {"text": " "}, 7, {"deleted_at": "x", "text": "c"}]}'))
      .toEqual({ todos: [{ text: "a", completed: true, metadata: {} }, { text: "b" }], leftOut: 0 });
    expect(readList("- a\n- b")).toEqual({ todos: [{ text: "a" }, { text: "b" }], leftOut: 0 });
    expect(readList("{}")).toBeNull();
    expect(readList(" \n ")).toBeNull();
  });

  test("ticked boxes are done, and other marks say nothing", () => {
    const todos = [{ text: "Honey", completed: true, metadata: {} }, { text: "Tea" }, { text: "Rice" }];
    expect(readList("- [x] Honey\n- [ ] Tea\n[x] Rice")).toEqual({ todos, leftOut: 0 });
  });

  test.each(['[{"text": "cut off"', '{"todos": [', '["a', "\ufffdPNG\r\n\u001a"])("no list: %s", (content) =>
    expect(readList(content)).toBeNull(),
  );

  test("a list that was exported here adds what is not there", () => {
    const id = (n: number) => `01a22534-17ec-7000-83d2-40a1de660fe${n}`;
    const exported = [1, 2, 3, 3].map((n) => ({ id: id(n), text: `${n}`, createdAt: "2026-01-15T11:00:00.000Z" }));
    const list = readList(JSON.stringify({ todos: [...exported, { id: 7, text: "7" }] }));
    const held = (known: string) =>
      known === id(1) ? { deletedAt: null } : known === id(2) ? { deletedAt: "2026-01-16T11:00:00.000Z" } : undefined;
    const added = missing(list?.todos ?? [], held as Parameters<typeof missing>[1]);
    expect(added.map(({ id, text }) => [id, text])).toEqual([
      [undefined, "2"],
      [id(3), "3"],
      [undefined, "7"],
    ]);
    expect(added[1]?.createdAt).toBe("2026-01-15T11:00:00.000Z");
  });

  test("what is too long for a todo is counted, and not cut", () => {
    expect(readList(JSON.stringify(["a", "x".repeat(10_001)]))).toEqual({ todos: [{ text: "a" }], leftOut: 1 });
  });
});
