/** Reads answers to a sync. Nothing of an answer that no such server gives reaches the store. */

import { ProtocolError } from "../errors.js";
import { METADATA } from "../model/fields.js";
import type { Row } from "../model/entry.js";
import type { FieldName, Json } from "../types.js";

export interface Applied {
  readonly kind: "applied";
  readonly version: number;
  readonly stamp: string;
}

export interface ConflictOf {
  readonly kind: "conflict";
  readonly server: Row;
  readonly fields: readonly FieldName[];
}

export interface RejectionOf {
  readonly kind: "rejected";
  readonly code: string;
  readonly message: string;
}

export interface Answer {
  readonly verdicts: ReadonlyMap<string, Applied | ConflictOf | RejectionOf>;
  readonly changes: ReadonlyMap<string, Row>;
  readonly cursor: string;
  readonly epoch: string;
  readonly digest: string | null;
  readonly hasMore: boolean;
}

export type Gone =
  | { readonly reason: "forgotten" }
  | { readonly reason: "restored"; readonly epoch: string; readonly to: string | null; readonly horizon: string };

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const CURSOR = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(\d{3})?Z$/;

type Members = Readonly<Record<string, unknown>>;

function fail(what: string): never {
  throw new ProtocolError(`The server's answer has ${what}`);
}

function members(value: unknown, what: string): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return fail(`no object as ${what}`);
  return value as Members;
}

function list(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : fail(`no array as ${what}`);
}

function text(value: unknown, what: string, pattern?: RegExp): string {
  if (typeof value !== "string" || (pattern && !pattern.test(value))) return fail(`no valid ${what}`);
  return value;
}

function optional(value: unknown, what: string, pattern?: RegExp): string | null {
  return value === null || value === undefined ? null : text(value, what, pattern);
}

function version(value: unknown, least: number): number {
  return Number.isSafeInteger(value) && (value as number) >= least ? (value as number) : fail("no valid version");
}

/** Reads a todo. */
export function rowOf(value: unknown): [id: string, row: Row] {
  const todo = members(value, "todo");
  const deletedAt = optional(todo["deleted_at"], "deleted_at", STAMP);
  const completed = todo["completed"];
  if (typeof completed !== "boolean") fail("no valid completed");
  const fields: Record<FieldName, Json> = {
    text: text(todo["text"], "text"),
    description: optional(todo["description"], "description"),
    completed: completed as boolean,
    deleted: deletedAt !== null,
  };
  for (const [key, member] of Object.entries(members(todo["metadata"], "metadata"))) fields[METADATA + key] = member as Json;
  const row: Row = {
    version: version(todo["version"], 1),
    stamp: text(todo["updated_at"], "updated_at", STAMP),
    // A tombstone whose texts are gone.
    fields: deletedAt !== null && fields["text"] === "" ? { deleted: true } : fields,
    createdAt: text(todo["created_at"], "created_at", STAMP),
    completedAt: optional(todo["completed_at"], "completed_at", STAMP),
    deletedAt,
  };
  return [text(todo["id"], "id", ID), row];
}

/** Reads an answer to a request that sent these ids. */
export function answerOf(value: unknown, sent: readonly string[]): Answer {
  const body = members(value, "answer");
  const verdicts = new Map<string, Applied | ConflictOf | RejectionOf>();
  const judge = (id: string, verdict: Applied | ConflictOf | RejectionOf): void => {
    if (verdicts.has(id) || !sent.includes(id)) fail("a verdict that does not match what was sent");
    verdicts.set(id, verdict);
  };
  const versions = members(body["versions"], "versions");
  const stamps = members(body["stamps"], "stamps");
  for (const id of list(body["applied"], "applied")) {
    const known = version(versions[String(id)], 0);
    const stamp = known === 0 ? "" : text(stamps[String(id)], "stamp", STAMP);
    judge(String(id), { kind: "applied", version: known, stamp });
  }
  for (const item of list(body["conflicts"], "conflicts")) {
    const conflict = members(item, "conflict");
    const [id, server] = rowOf(conflict["server_data"]);
    const fields = list(conflict["fields"], "fields").map((name) => text(name, "field"));
    judge(id, { kind: "conflict", server, fields });
  }
  for (const item of list(body["rejected"], "rejected")) {
    const rejection = members(item, "rejection");
    const [code, message] = [text(rejection["error_code"], "error_code"), text(rejection["message"], "message")];
    judge(text(rejection["id"], "id"), { kind: "rejected", code, message });
  }
  if (verdicts.size !== sent.length) fail("no verdict on something that was sent");
  const hasMore = body["has_more"];
  if (typeof hasMore !== "boolean") fail("no valid has_more");
  return {
    verdicts,
    changes: new Map(list(body["server_changes"], "server_changes").map(rowOf)),
    cursor: text(body["sync_timestamp"], "sync_timestamp", CURSOR),
    epoch: text(body["epoch"], "epoch"),
    digest: optional(body["digest"], "digest", /^[0-9a-f]{16}$/),
    hasMore: hasMore as boolean,
  };
}

/** Reads the details of a 410. */
export function goneOf(details: Members): Gone {
  if (details["reason"] === "forgotten") return { reason: "forgotten" };
  if (details["reason"] !== "restored") return fail("no known reason");
  return {
    reason: "restored",
    epoch: text(details["epoch"], "epoch"),
    to: optional(details["restored_to"], "restored_to", STAMP),
    horizon: optional(details["horizon"], "horizon", STAMP) ?? "",
  };
}
