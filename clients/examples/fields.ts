// Todos and changes as flat sets of fields, so that devices compare and merge them field by field.

export type Fields = Record<string, unknown>; // by wire name: "text", "deleted", "metadata.due", …
export interface Row { version: number; stamp: string; fields: Fields }
export interface Conflict { mine: Fields; whole: Fields }
/** Values that are not acknowledged yet. */
export interface Change {
  base: number; // the version that the user saw, 0 for none
  seen: Fields; // what the user saw
  sent: Fields; // what was in flight when the server had forgotten the cursor
  fields: Fields; // the new values
  at: string;
  lost: string | null; // the server lost what it wrote after this stamp, and this change gives it back
  waits: "rebase" | "ask" | null; // until everything is read again
}
/** Posts a request to /api/v1/todos/sync. Rejects if no answer comes. */
export type Send = (request: object) => Promise<{ status: number; body: any }>;

/** Objects that differ in the order of their members only are equal. */
const sortKeys = (_: string, value: unknown): unknown => {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
};
export const initial: Fields = { description: null, completed: false, deleted: false };
export const valueOf = (fields: Fields, name: string): string =>
  JSON.stringify(fields[name] ?? initial[name] ?? null, sortKeys);
export const pick = (fields: Fields, keep: (name: string) => boolean): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => keep(name)));
export const differing = (a: Fields, b: Fields): string[] =>
  Object.keys({ ...a, ...b }).filter((name) => valueOf(a, name) !== valueOf(b, name));
export const lacking = (row: Fields, fields: Fields): Fields =>
  pick(fields, (name) => valueOf(row, name) !== valueOf(fields, name));
export const isEmpty = (fields: Fields): boolean => Object.keys(fields).length === 0;
export const deletes = (fields: Fields): boolean => fields["deleted"] === true;
export const isShrunk = (fields: Fields): boolean => deletes(fields) && !fields["text"];
export const whole = (fields: Fields): Fields =>
  deletes(fields) ? { deleted: true } : { ...fields, deleted: false };
export const heals = (change: Change): boolean => change.lost !== null && change.base === 0;
/** Whether the user might decide otherwise after seeing what came back, in which `moved` fields differ. */
export const isContested = (mine: Fields, moved: string[], now: Fields): boolean =>
  moved.length > 0 && (deletes(mine) || deletes(now) || moved.some((name) => name in mine));
/** Whether `todo` can't follow on `held`: it is from another history. */
export const isStrange = (held: Row | undefined, todo: any): boolean =>
  held !== undefined && todo.version <= held.version && todo.updated_at !== held.stamp;
/** The fields that others changed, neither as the user saw them nor as the device sent them. */
export function moved(now: Fields, { seen, sent }: Change): string[] {
  const others = (name: string): boolean => valueOf(now, name) !== valueOf({ ...seen, ...sent }, name);
  return isShrunk(now) ? [] : differing(now, seen).filter(others);
}
/** The part of `mine`, typed when the user saw `seen`, that replaces what the user did not see. */
export function unaware(mine: Fields, seen: Fields, held: Fields): Fields {
  const unseen = differing(seen, held);
  if (deletes(mine) ? unseen.length > 0 : deletes(held) && !("deleted" in mine && deletes(seen))) return mine;
  return lacking(held, pick(mine, (name) => unseen.includes(name)));
}
/** What is in flight and what was edited since, as one change. */
export const join = (first: Change | undefined, later: Change | undefined): Change | undefined =>
  first && later ? { ...first, fields: { ...first.fields, ...later.fields }, at: later.at } : first ?? later;
/** The fields of a live todo, with null for the keys of metadata that only `earlier` has. */
export function withRemovals(fields: Fields, earlier: Fields): Fields {
  if (deletes(fields)) return fields;
  const keys = Object.keys(earlier).filter((name) => name.startsWith("metadata."));
  return { ...Object.fromEntries(keys.map((name) => [name, null])), ...fields };
}

/** A todo of an answer. */
export function rowOf({ version, updated_at, text, description, completed, deleted_at, metadata }: any): Row {
  const keys = Object.entries(metadata).map(([key, value]) => [`metadata.${key}`, value]);
  const fields = { text, description, completed, deleted: deleted_at !== null, ...Object.fromEntries(keys) };
  return { version, stamp: updated_at, fields };
}
/** A change as a todo of a request. */
export function itemOf([id, change]: [string, Change]): object {
  const item: any = { id, version: change.base, updated_at: change.at, healing: heals(change), metadata: {} };
  for (const [name, value] of Object.entries(change.fields)) {
    if (name.startsWith("metadata.")) item.metadata[name.slice(9)] = value;
    else item[name] = value;
  }
  return item;
}
