/** A todo as the fields of a form, and the fields as changes of the todo. */

import type { Json, Todo, TodoChanges } from "todo-sync-client";
import { dayOf, instantWithOffset, readDue, startOf } from "./day";
import { firstDay } from "./recurrence";
import { listOf, priorityOf, tagsOf } from "./views";

export const FIELDS = ["text", "note", "day", "time", "repeat", "priority", "list", "tags"] as const;
export type Fields = Readonly<Record<(typeof FIELDS)[number], string>>;

/** The values with which a form opens. */
export function fieldsOf(todo: Todo): Fields {
  const due = readDue(todo.metadata.due);
  return {
    text: todo.text,
    note: todo.description ?? "",
    day: due?.day ?? "",
    time: due?.at ? instantWithOffset(due.at).slice(11, 16) : "",
    repeat: typeof todo.metadata.repeat === "string" ? todo.metadata.repeat : "",
    priority: String(priorityOf(todo)),
    list: listOf(todo) ?? "",
    tags: tagsOf(todo).join(" "),
  };
}

/** A form's values. */
export function fieldsIn(form: HTMLFormElement): Fields {
  const data = new FormData(form);
  return Object.fromEntries(FIELDS.map((name) => [name, String(data.get(name) ?? "")])) as Fields;
}

/** The fields in which `after` differs. */
export function changedFields(before: Fields, after: Fields): Partial<Fields> {
  const changed = FIELDS.filter((name) => before[name] !== after[name].replaceAll("\r\n", "\n"));
  return Object.fromEntries(changed.map((name) => [name, after[name]]));
}

/** The fields of a draft; none if it is not readable. */
export function readFields(draft: string): Partial<Fields> {
  try {
    const read: unknown = JSON.parse(draft);
    const entries = typeof read === "object" && read !== null ? Object.entries(read) : [];
    return Object.fromEntries(
      entries.filter(([name, value]) => FIELDS.some((field) => field === name) && typeof value === "string"),
    );
  } catch {
    return {};
  }
}

/** A day and a time as a `due`; undefined if the calendar does not have it. */
function dueFrom(day: string, time: string): string | null | undefined {
  if (day === "") return null;
  if (!startOf(day)) return undefined;
  return time === "" ? day : instantWithOffset(new Date(`${day}T${time}`));
}

/** The tags of a text, without the signs before them. */
const readTags = (text: string) =>
  text
    .split(/[\s,]+/)
    .map((tag) => tag.replace(/^#+/, ""))
    .filter((tag) => tag !== "" && tag.length <= 60);

/** What the fields change, and only that. Null if the date does not exist. */
export function changesOf(todo: Todo, fields: Fields): TodoChanges | null {
  const changed = changedFields(fieldsOf(todo), fields);
  const metadata: Record<string, Json> = {};
  if (changed.day !== undefined || changed.time !== undefined) {
    const due = dueFrom(fields.day, fields.time);
    if (due === undefined) return null;
    metadata.due = due;
  }
  if (changed.repeat !== undefined) {
    metadata.repeat = changed.repeat || null;
    if (changed.repeat && fields.day === "") metadata.due = firstDay(changed.repeat, dayOf(new Date()));
  }
  if (changed.priority !== undefined) metadata.priority = Number(changed.priority) || null;
  const list = fields.list.trim();
  if (list !== (listOf(todo) ?? "")) metadata.list = list || null;
  const [had, has] = [new Set(tagsOf(todo)), new Set(readTags(fields.tags))];
  for (const tag of had) if (!has.has(tag)) metadata[`tag:${tag}`] = null;
  for (const tag of has) if (!had.has(tag)) metadata[`tag:${tag}`] = true;
  return {
    ...(changed.text !== undefined ? { text: changed.text } : {}),
    ...(changed.note !== undefined ? { description: changed.note.trim() === "" ? null : changed.note } : {}),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  };
}
