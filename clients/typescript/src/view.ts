/** Turns entries into what an application sees. */

import { acknowledged, isUnsynced, shown, type Entry } from "./model/entry.js";
import { agree, hasText, isDeleted, METADATA, valueOf, type Fields } from "./model/fields.js";
import { memo } from "./model/memo.js";
import type { FieldName, Json, Todo } from "./types.js";

/** Metadata of fields by wire name. */
export function metadataOf(fields: Fields): Record<string, Json> {
  const metadata: Record<string, Json> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith(METADATA) && value !== null) metadata[name.slice(METADATA.length)] = value;
  }
  return metadata;
}

/** The todo with these fields. */
export function todoOf(entry: Entry, fields: Fields): Todo {
  const row = entry.awaiting ?? entry.row;
  const change = entry.unsent ?? entry.sent;
  const kept = entry.conflict ?? entry.rejected;
  const createdAt = row?.createdAt ?? change?.createdAt ?? kept?.createdAt ?? "";
  const completed = valueOf(fields, "completed") === true;
  const description = fields["description"];
  return {
    id: entry.id,
    text: String(fields["text"] ?? ""),
    description: typeof description === "string" ? description : null,
    completed,
    metadata: metadataOf(fields),
    createdAt,
    completedAt: completed ? (row?.completedAt ?? change?.completedAt ?? null) : null,
    deletedAt: isDeleted(fields) ? (row?.deletedAt ?? row?.stamp ?? createdAt) : null,
    updatedAt: row?.stamp ?? null,
    version: row?.version ?? 0,
    unsynced: isUnsynced(entry),
    conflicted: entry.conflict !== null,
  };
}

/**
 * The todo that the user sees; undefined if there is none. Entries are never changed in place, so
 * each has one todo, which keeps its identity.
 */
export const todoFrom = memo((entry: Entry): Todo | undefined => {
  const fields = shown(entry);
  return hasText(fields) || isDeleted(fields) ? todoOf(entry, fields) : undefined;
});

/** The contested fields with both values. */
export function contestedFields(
  entry: Entry,
  mine: Fields,
): { name: FieldName; mine: Json; theirs: Json }[] {
  const theirs = acknowledged(entry);
  return Object.keys(mine)
    .filter((name) => !entry.row || !agree(theirs, mine, name))
    .map((name) => ({ name, mine: valueOf(mine, name), theirs: valueOf(theirs, name) }));
}

/** Orders todos as {@link Snapshot.todos} does. */
export function byHand(a: Todo, b: Todo): number {
  const [x, y] = [placeOf(a), placeOf(b)];
  const at = x.findIndex((part, index) => part !== y[index]);
  return at < 0 ? 0 : (x[at] as string) < (y[at] as string) ? -1 : 1;
}

/** Todos without a position come last, in the order in which they were made. */
function placeOf({ id, createdAt, metadata: { position } }: Todo): readonly string[] {
  return typeof position === "string" ? ["0", position, id] : ["1", createdAt, id];
}
