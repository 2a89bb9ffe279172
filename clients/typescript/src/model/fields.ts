/** The values of a todo by wire name, and how they are compared. */

import type { FieldName, Json } from "../types.js";

/** Values by wire name. A field that is missing has its initial value. */
export type Fields = Readonly<Record<FieldName, Json>>;

export const METADATA = "metadata.";

const INITIAL: Fields = { completed: false, deleted: false };

/** Whether a value is an object with members. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether two values have the same members in the same order. */
export function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A text that is equal for equal JSON values, whatever the order of members. */
export function canonical(value: Json | undefined): string {
  return JSON.stringify(value ?? null, (_, member: unknown) =>
    isObject(member) ? Object.fromEntries(Object.entries(member).sort()) : member,
  );
}

/** The value of a field; the initial one if it is missing. */
export function valueOf(fields: Fields, name: FieldName): Json {
  return fields[name] ?? INITIAL[name] ?? null;
}

/** Whether both have the same value of a field. */
export function agree(a: Fields, b: Fields, name: FieldName): boolean {
  const [x, y] = [valueOf(a, name), valueOf(b, name)];
  return (
    x === y || (typeof x === "object" && typeof y === "object" && canonical(x) === canonical(y))
  );
}

/** The names of all fields of which the two have different values. */
export function differing(a: Fields, b: Fields): FieldName[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => !agree(a, b, name));
}

/** The part of `fields` that `keep` accepts. */
export function pick(fields: Fields, keep: (name: FieldName) => boolean): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => keep(name)));
}

/** The part of `fields` whose values `held` does not have. */
export function lacking(held: Fields, fields: Fields): Fields {
  return pick(fields, (name) => !agree(held, fields, name));
}

/** Whether the fields ask for a deletion, or are those of a tombstone. */
export function isDeleted(fields: Fields): boolean {
  return fields["deleted"] === true;
}

/** Whether a todo can be created from these fields. */
export function hasText(fields: Fields): boolean {
  return typeof fields["text"] === "string" && fields["text"] !== "";
}

/** Whether the fields are those of a tombstone whose texts are gone. */
export function isShrunk(fields: Fields): boolean {
  return isDeleted(fields) && !hasText(fields);
}

/** All that a device sends of a todo that it sends whole. Of a tombstone, only the deletion. */
export function whole(fields: Fields): Fields {
  return isDeleted(fields) ? { deleted: true } : { ...fields, deleted: false };
}

export function isEmpty(fields: object): boolean {
  return Object.keys(fields).length === 0;
}
