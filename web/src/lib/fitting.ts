/** Texts from elsewhere, made to fit into todos. */

import type { NewTodo } from "todo-sync-client";

/** The most characters of a todo's text, and of its note. */
const LONGEST_TEXT = 500;
const LONGEST_NOTE = 10_000;

/** More pasted lines than these belong into a file. */
export const MOST_LINES = 5_000;

/** Characters that the server refuses, and that nobody sees. */
const CONTROLS = /[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f]/g;
const VISIBLE = /[^\s\p{Default_Ignorable_Code_Point}]/u;

/** The text without what no todo may contain. */
export const clean = (text: string) => text.replace(CONTROLS, "").replace(/\p{Surrogate}/gu, "\ufffd");

/** Whether there is anything to see in the text. */
export const isVisible = (text: string) => VISIBLE.test(text);

/** The lines of a pasted text, without the marks of lists. */
export function lines(pasted: string): readonly string[] {
  return clean(pasted)
    .split(/\r\n|[\n\r\u2028\u2029\u000b\u000c\u0085]/)
    .map((line) => line.replace(/^\s*(?:[-*•–+]\s+|\[[ xX]?\]\s*|\d{1,3}[.)]\s+)+/, "").trim())
    .filter(isVisible);
}

/** The number of characters if a todo can't hold them, else null. */
export function beyond(text: string): number | null {
  // A character is at most two units long.
  if (text.length <= LONGEST_NOTE) return null;
  const length = [...text].length;
  return length > LONGEST_NOTE ? length : null;
}

/** A text over 500 characters as 499 and an ellipsis, with the whole of it at the beginning of the note. */
export function fitting(todo: NewTodo): NewTodo {
  const characters = [...todo.text];
  if (characters.length <= LONGEST_TEXT) return todo;
  const note = [todo.text, todo.description].filter(Boolean).join("\n\n");
  return {
    ...todo,
    text: `${characters.slice(0, LONGEST_TEXT - 1).join("")}…`,
    description: [...note].slice(0, LONGEST_NOTE).join(""),
  };
}
