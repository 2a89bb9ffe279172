/** Makes of what a user typed what the server would store, or refuses what it would refuse. */

import { InvalidTodoError } from "../errors.js";
import type { Json, Metadata, NewTodo, TodoChanges } from "../types.js";
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
  let number = 0;
  for (const _ of text) number += 1;
  return number;
}

function textOf(value: unknown): string {
  const text = plain("text", value, LONGEST_TEXT, true);
  if (!VISIBLE.test(text)) refuse("text", "text is blank");
  return text;
}

function metadataOf(metadata: Metadata): Fields {
  if (Object.keys(metadata).length > MOST_KEYS)
    refuse("metadata", `metadata is longer than ${MOST_KEYS} keys`);
  const fields: Record<string, Json> = {};
  for (const [key, value] of Object.entries(metadata)) {
    const field = METADATA + key;
    if (!plain(field, key, LONGEST_KEY, false) || /[\t-\r\u0085]/.test(key))
      refuse(field, `${field} is no key`);
    const text = canonical(value);
    if (count(text) > LONGEST_VALUE)
      refuse(field, `${field} is longer than ${LONGEST_VALUE} characters`);
    if (/\\u0000|\\ud[89a-f]/i.test(text)) refuse(field, `${field} contains a control character`);
    fields[field] = JSON.parse(text) as Json;
  }
  return fields;
}

/** The fields of a change. */
export function fieldsOf(changes: TodoChanges): Fields {
  const { text, description, completed, metadata } = changes;
  return {
    ...(text !== undefined && { text: textOf(text) }),
    ...(description !== undefined && {
      description:
        description === null ? null : plain("description", description, LONGEST_DESCRIPTION, false),
    }),
    ...(completed !== undefined && { completed }),
    ...(metadata && metadataOf(metadata)),
  };
}

/** The fields of a new todo. */
export function fieldsOfNew(todo: NewTodo): Fields {
  const { id: _, createdAt: __, ...changes } = todo;
  return fieldsOf({ ...changes, text: todo.text });
}

/** The changes that a change of fields by wire name makes; checks them like any other. */
export function checked(fields: Fields): Fields {
  const changes: {
    text?: string;
    description?: string | null;
    completed?: boolean;
    metadata: Record<string, Json>;
  } = { metadata: {} };
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith(METADATA)) changes.metadata[name.slice(METADATA.length)] = value;
    else if (name === "text") changes.text = value as string;
    else if (name === "description") changes.description = value as string | null;
    else if (name === "completed") changes.completed = value === true;
    else if (name !== "deleted") refuse(name, `${name} is no field of a todo`);
  }
  const deleted: Fields = "deleted" in fields ? { deleted: fields["deleted"] === true } : {};
  return { ...fieldsOf(changes), ...deleted };
}
