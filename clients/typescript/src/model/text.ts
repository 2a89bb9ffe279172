/** Makes of what a user typed what the server would store, or refuses what it would refuse. */

import { InvalidTodoError } from "../errors.js";
import type { FieldName, Json, NewTodo, TodoChanges } from "../types.js";
import { canonical, METADATA, type Fields } from "./fields.js";

const LINE_BREAKS = /\r\n|[\r\v\f\u0085\u2028\u2029]/g;
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
const LONE_SURROGATES = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const VISIBLE = /[^\s\p{Default_Ignorable_Code_Point}]/u;

const LONGEST_TEXT = 500;
const LONGEST_DESCRIPTION = 10_000;
const MOST_KEYS = 50;
const LONGEST_KEY = 64;
const LONGEST_VALUE = 2_000;

function refuse(field: string, message: string): never {
  throw new InvalidTodoError(field, message);
}

function plain(field: string, value: unknown, longest: number, trims: boolean): string {
  if (typeof value !== "string") return refuse(field, `${field} is no text`);
  const lines = value.replace(LINE_BREAKS, "\n");
  const text = trims ? lines.trim() : lines;
  if (CONTROLS.test(text) || LONE_SURROGATES.test(text))
    refuse(field, `${field} contains a control character`);
  if (count(text) > longest) refuse(field, `${field} is longer than ${longest} characters`);
  return text;
}

/** The number of Unicode scalar values. */
function count(text: string): number {
  return [...text].length;
}

/** The value as the server would store it. */
function checkedValue(name: FieldName, value: unknown): Json {
  if (name === "completed" || name === "deleted") return value === true;
  if (name === "text") {
    const text = plain(name, value, LONGEST_TEXT, true);
    return VISIBLE.test(text) ? text : refuse(name, "text is blank");
  }
  if (name === "description")
    return value === null ? null : plain(name, value, LONGEST_DESCRIPTION, false);
  if (!name.startsWith(METADATA)) refuse(name, `${name} is no field of a todo`);
  const key = plain(name, name.slice(METADATA.length), LONGEST_KEY, false);
  if (!key || /[\t-\r\u0085]/.test(key)) refuse(name, `${name} is no key`);
  const text = canonical(value as Json);
  if (count(text) > LONGEST_VALUE)
    refuse(name, `${name} is longer than ${LONGEST_VALUE} characters`);
  if (/\\u0000|\\ud[89a-f]/i.test(text)) refuse(name, `${name} contains a control character`);
  return JSON.parse(text) as Json;
}

/** Checks values by wire name; leaves out what is undefined. */
export function checked(values: Readonly<Record<FieldName, Json | undefined>>): Fields {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  if (given.filter(([name]) => name.startsWith(METADATA)).length > MOST_KEYS)
    refuse("metadata", `metadata is longer than ${MOST_KEYS} keys`);
  return Object.fromEntries(given.map(([name, value]) => [name, checkedValue(name, value)]));
}

/** The fields of a change. */
export function fieldsOf({ text, description, completed, metadata }: TodoChanges): Fields {
  const values: Record<FieldName, Json | undefined> = { text, description, completed };
  for (const [key, value] of Object.entries(metadata ?? {})) values[METADATA + key] = value ?? null;
  return checked(values);
}

/** The fields of a new todo. */
export function fieldsOfNew(todo: NewTodo): Fields {
  return fieldsOf({ ...todo, text: todo.text ?? "" });
}
