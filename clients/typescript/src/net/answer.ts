/** Reads answers to a sync. Nothing of an answer that no such server gives reaches the store. */

import { ProtocolError } from "../errors.js";
import { UUID } from "../ids.js";
import { isObject, METADATA } from "../model/fields.js";
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
  | { readonly reason: "forgotten"; readonly epoch: string }
  | {
      readonly reason: "restored";
      readonly epoch: string;
      readonly to: string | null;
      readonly horizon: string;
    };

const CURSOR = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(\d{3})?Z$/;
const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

type Members = Readonly<Record<string, unknown>>;

function fail(what: string): never {
  throw new ProtocolError(`Unexpected answer: ${what}`);
}

function members(value: unknown, what: string): Members {
  return isObject(value) ? value : fail(what);
}

function list(from: Members, name: string): readonly unknown[] {
  const value = from[name];
  return Array.isArray(value) ? (value as readonly unknown[]) : fail(name);
}

function text(from: Members, name: string, pattern?: RegExp): string {
  const value = from[name];
  return typeof value === "string" && pattern?.test(value) !== false ? value : fail(name);
}

function optional(from: Members, name: string, pattern?: RegExp): string | null {
  return from[name] == null ? null : text(from, name, pattern);
}

function flag(from: Members, name: string): boolean {
  const value = from[name];
  return typeof value === "boolean" ? value : fail(name);
}

function version(from: Members, name: string, least: number): number {
  const value = from[name];
  return Number.isSafeInteger(value) && (value as number) >= least
    ? (value as number)
    : fail("version");
}

/** Reads a todo. */
export function rowOf(value: unknown): [id: string, row: Row] {
  const todo = members(value, "todo");
  const deletedAt = optional(todo, "deleted_at", STAMP);
  const fields: Record<FieldName, Json> = {
    text: text(todo, "text"),
    description: optional(todo, "description"),
    completed: flag(todo, "completed"),
    deleted: deletedAt !== null,
  };
  for (const [key, member] of Object.entries(members(todo["metadata"], "metadata")))
    fields[METADATA + key] = member as Json;
  const row: Row = {
    version: version(todo, "version", 1),
    stamp: text(todo, "updated_at", STAMP),
    // A tombstone whose texts are gone.
    fields: deletedAt !== null && fields["text"] === "" ? { deleted: true } : fields,
    createdAt: text(todo, "created_at", STAMP),
    completedAt: optional(todo, "completed_at", STAMP),
    deletedAt,
  };
  return [text(todo, "id", UUID), row];
}

/** Reads an answer to a request that sent these ids. */
export function answerOf(value: unknown, sent: readonly string[]): Answer {
  const body = members(value, "answer");
  const verdicts = new Map<string, Applied | ConflictOf | RejectionOf>();
  const judge = (id: string, verdict: Applied | ConflictOf | RejectionOf): void => {
    if (verdicts.has(id) || !sent.includes(id)) fail("verdicts");
    verdicts.set(id, verdict);
  };
  const versions = members(body["versions"], "versions");
  const stamps = members(body["stamps"], "stamps");
  for (const item of list(body, "applied")) {
    const id = String(item);
    const known = version(versions, id, 0);
    judge(id, {
      kind: "applied",
      version: known,
      stamp: known === 0 ? "" : text(stamps, id, STAMP),
    });
  }
  for (const item of list(body, "conflicts")) {
    const conflict = members(item, "conflict");
    const [id, server] = rowOf(conflict["server_data"]);
    const fields = list(conflict, "fields");
    if (!fields.every((name) => typeof name === "string")) fail("fields");
    judge(id, { kind: "conflict", server, fields: fields as readonly FieldName[] });
  }
  for (const item of list(body, "rejected")) {
    const rejection = members(item, "rejection");
    judge(text(rejection, "id"), {
      kind: "rejected",
      code: text(rejection, "error_code"),
      message: text(rejection, "message"),
    });
  }
  if (verdicts.size !== sent.length) fail("verdicts");
  return {
    verdicts,
    changes: new Map(list(body, "server_changes").map(rowOf)),
    cursor: text(body, "sync_timestamp", CURSOR),
    epoch: text(body, "epoch"),
    digest: optional(body, "digest", /^[0-9a-f]{16}$/),
    hasMore: flag(body, "has_more"),
  };
}

/** Reads the details of a 410. */
export function goneOf(details: Members): Gone {
  const reason = text(details, "reason", /^(forgotten|restored)$/);
  const epoch = text(details, "epoch");
  if (reason === "forgotten") return { reason, epoch };
  return {
    reason: "restored",
    epoch,
    to: optional(details, "restored_to", STAMP),
    horizon: optional(details, "horizon", STAMP) ?? "",
  };
}
