/** Reads records that an older version, or a crash of the browser, may have left half-written. */

import {
  changeOf as newChange,
  NEW_META,
  newEntry,
  type Change,
  type Entry,
  type Meta,
  type Row,
} from "../model/entry.js";
import { isObject } from "../model/fields.js";

/** An object of which these members are objects. */
function partOf(value: unknown, ...names: readonly string[]): unknown {
  return isObject(value) && names.every((name) => isObject(value[name])) ? value : null;
}

function rowOf(value: unknown): Row | null {
  const row = partOf(value, "fields") as Row | null;
  return Number.isSafeInteger(row?.version) && typeof row?.stamp === "string" ? row : null;
}

function changeOf(value: unknown): Change | null {
  const change = partOf(value, "fields") as Change | null;
  return change && { ...newChange(null, {}), ...change };
}

/**
 * The entry with what can be read of it. What is missing of the server's rows comes again from the
 * server; changes that wait are kept as long as their values can be read.
 */
export function sound(id: string, value: unknown): Entry {
  if (!isObject(value)) return newEntry(id);
  return {
    ...newEntry(id),
    row: rowOf(value["row"]),
    awaiting: rowOf(value["awaiting"]),
    accepted: partOf(value["accepted"], "change") as Entry["accepted"],
    sent: changeOf(value["sent"]),
    unsent: changeOf(value["unsent"]),
    conflict: partOf(value["conflict"], "mine", "whole") as Entry["conflict"],
    rejected: partOf(value["rejected"], "fields", "whole") as Entry["rejected"],
    table: rowOf(value["table"]),
  };
}

/** The list's state; without a readable one, everything is read from the server again. */
export function soundMeta(value: unknown): Meta | null {
  if (!isObject(value)) return null;
  const revision = Number.isSafeInteger(value["revision"])
    ? (value["revision"] as number)
    : Date.now();
  const isWhole = Object.entries(NEW_META).every(([name, initial]) => {
    const member = value[name];
    return initial === null
      ? member === null || typeof member === "string"
      : typeof member === typeof initial;
  });
  return isWhole ? (value as unknown as Meta) : { ...NEW_META, revision };
}
