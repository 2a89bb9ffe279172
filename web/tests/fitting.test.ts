/** Texts from elsewhere: pasted, shared, imported. */

import { describe, expect, test } from "vitest";
import { beyond, clean, fitting, lines } from "@/lib/fitting";
import { readList } from "@/lib/import-file";

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

  test("what is too long for a todo is counted, and not cut", () => {
    expect(readList(JSON.stringify(["a", "x".repeat(10_001)]))).toEqual({ todos: [{ text: "a" }], leftOut: 1 });
  });
});
