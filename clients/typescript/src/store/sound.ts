/** Reads records that an older version, or a crash of the browser, may have left half-written. */

import { NEW_META, newEntry, type Change, type Entry, type Meta, type Row } from "../model/entry.js";
import type { Fields } from "../model/fields.js";

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const fieldsOf = (value: unknown): Fields | null => (isObject(value) ? (value as Fields) : null);

function rowOf(value: unknown): Row | null {
  if (!isObject(value) || !Number.isSafeInteger(value["version"]) || typeof value["stamp"] !== "string") return null;
  return fieldsOf(value["fields"]) ? (value as unknown as Row) : null;
}

function changeOf(value: unknown): Change | null {
  if (!isObject(value)) return null;
  const fields = fieldsOf(value["fields"]);
  if (!fields) return null;
  const empty = { base: 0, seen: null, seenStamp: null, createdAt: null, completedAt: null, healing: null };
  return { ...empty, ...(value as Partial<Change>), fields };
}

/**
 * The entry with what can be read of it. What is missing of the server's rows comes again from the
 * server; changes that wait are kept as long as their values can be read.
 */
export function sound(id: string, value: unknown): Entry {
  if (!isObject(value)) return newEntry(id);
  const conflict = value["conflict"];
  const rejected = value["rejected"];
  const aside = value["aside"];
  return {
    ...newEntry(id),
    row: rowOf(value["row"]),
    awaiting: rowOf(value["awaiting"]),
    sent: changeOf(value["sent"]),
    unsent: changeOf(value["unsent"]),
    conflict: isObject(conflict) && fieldsOf(conflict["mine"]) && fieldsOf(conflict["whole"]) ? (value as unknown as Entry).conflict : null,
    rejected: isObject(rejected) && fieldsOf(rejected["fields"]) && fieldsOf(rejected["whole"]) ? (value as unknown as Entry).rejected : null,
    aside: isObject(aside) && changeOf(aside["change"]) && fieldsOf(aside["whole"]) ? (value as unknown as Entry).aside : null,
    ask: fieldsOf(value["ask"]),
    table: rowOf(value["table"]),
    stale: rowOf(value["stale"]),
  };
}

/** The list's state; without a readable one, everything is read from the server again. */
export function soundMeta(value: unknown): Meta | null {
  if (!isObject(value)) return null;
  const revision = Number.isSafeInteger(value["revision"]) ? (value["revision"] as number) : Date.now();
  const isWhole = Object.entries(NEW_META).every(([name, initial]) => {
    const member = value[name];
    return initial === null ? member === null || typeof member === "string" : typeof member === typeof initial;
  });
  return isWhole ? (value as unknown as Meta) : { ...NEW_META, revision };
}
