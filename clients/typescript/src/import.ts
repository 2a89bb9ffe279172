/** Moves a browser's old list to the server. */

import type { ImportResult } from "./client-types.js";
import { ApiError } from "./errors.js";
import type { components } from "./generated/schema.js";
import { idOf } from "./ids.js";
import { isObject } from "./model/fields.js";
import type { Api } from "./net/api.js";

type Item = Record<string, unknown>;

/** What is read of an answer. */
interface Answer {
  readonly created: readonly unknown[];
  readonly existing: readonly unknown[];
  readonly rejected: readonly {
    readonly index: number;
    readonly error_code: string;
    readonly message: string;
  }[];
}

const MOST_ITEMS = 500;
const LARGEST_BODY = 500_000;

/**
 * Names items that have neither an id nor a creation time, so that a repeat makes nothing twice.
 */
const NAMESPACE = "8f0e6f0a-5f2b-5c5e-9a4e-3c7d0a6a1b11";

/** The items of a stored list; throws if there is none in it. */
function itemsOf(text: string): Item[] {
  const value: unknown = JSON.parse(text);
  const list = isObject(value)
    ? (Object.values(value).find(Array.isArray) ?? Object.values(value))
    : value;
  if (!Array.isArray(list)) throw new TypeError("There is no list of todos");
  const seen = new Map<string, number>();
  return list.map((item: unknown): Item => {
    const todo: Item = isObject(item) ? { ...item } : { text: String(item) };
    if (todo["id"] != null || todo["createdAt"] != null || todo["created_at"] != null) return todo;
    const content = JSON.stringify(item);
    const nth = seen.get(content) ?? 0;
    seen.set(content, nth + 1);
    return { id: idOf(`${nth}:${content}`, NAMESPACE), ...todo };
  });
}

/** Sends the list in parts, then removes from the storage what the server has. */
export async function importList(storage: Storage, key: string, api: Api): Promise<ImportResult> {
  const old = storage.getItem(key);
  const items = old === null ? [] : itemsOf(old);
  let [created, existing] = [0, 0];
  const rejected: { item: unknown; code: string; message: string }[] = [];
  for (let at = 0; at < items.length;) {
    const part = partOf(items, at);
    const body = { todos: part } as components["schemas"]["TodoBulkCreate"];
    const answer: Answer = await api
      .POST("/api/v1/todos/bulk", { body })
      .catch((error: unknown) => allRefused(error, part));
    created += answer.created.length;
    existing += answer.existing.length;
    for (const { index, error_code: code, message } of answer.rejected)
      rejected.push({ item: part[index], code, message });
    at += part.length;
  }
  // Another tab may have added to it meanwhile: then it stays, and a repeat does no harm.
  if (storage.getItem(key) === old) {
    if (rejected.length === 0) storage.removeItem(key);
    else storage.setItem(key, JSON.stringify(rejected.map(({ item }) => item)));
  }
  return { created, existing, rejected };
}

function partOf(items: readonly Item[], start: number): Item[] {
  let [end, size] = [start, 0];
  while (end < items.length && end - start < MOST_ITEMS) {
    size += JSON.stringify(items[end]).length * 3;
    if (end > start && size > LARGEST_BODY) break;
    end += 1;
  }
  return items.slice(start, end);
}

/** Where all items of a part are bad, the server answers with an error that lists them. */
function allRefused(error: unknown, part: readonly Item[]): Answer {
  if (!(error instanceof ApiError) || ![409, 422].includes(error.status)) throw error;
  const { errors } = error.details;
  const listed = Array.isArray(errors) ? (errors as Item[]) : [];
  const rejected = part.map((_, index) => {
    const own = listed.find((problem) => problem["index"] === index);
    const error_code = String(own?.["code"] ?? error.code);
    return { index, error_code, message: String(own?.["message"] ?? error.message) };
  });
  return { created: [], existing: [], rejected };
}
