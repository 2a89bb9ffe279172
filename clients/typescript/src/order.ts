/** Places in an order by hand: fractional indexes, compared by bytes. */

import { generateKeyBetween, generateNKeysBetween } from "fractional-indexing";

import type { Place, Todo } from "./types.js";

/** The positions that put the todo in its place: its own, and those of todos that have none yet. */
export function positions(todos: readonly Todo[], id: string, place: Place): Map<string, string> {
  const others = todos.filter((todo) => todo.id !== id);
  const target = "after" in place ? place.after : place.before;
  const found = others.findIndex((todo) => todo.id === target);
  if (found < 0) throw new RangeError(`There is no todo ${target} to place one beside`);
  const at = "after" in place ? found + 1 : found;
  const given = new Map<string, string>();
  // Todos without a position come last, so those in front of the place need one too.
  const firstBare = others.findIndex((todo) => typeof todo.metadata["position"] !== "string");
  let [lower, upper] = [positionOf(others[at - 1]), positionOf(others[at])];
  if (firstBare >= 0 && firstBare < at) {
    const bare = others.slice(firstBare, at);
    const keys = generateNKeysBetween(valid(positionOf(others[firstBare - 1])), null, bare.length);
    bare.forEach((todo, index) => given.set(todo.id, keys[index] as string));
    [lower, upper] = [keys.at(-1) ?? null, null];
  }
  given.set(id, between(lower, upper));
  return given;
}

function positionOf(todo: Todo | undefined): string | null {
  const position = todo?.metadata["position"];
  return typeof position === "string" ? position : null;
}

function valid(key: string | null): string | null {
  try {
    generateKeyBetween(key, null);
    return key;
  } catch {
    return null;
  }
}

/** A key between two, of which another program may have made either, or both the same. */
function between(lower: string | null, upper: string | null): string {
  try {
    return generateKeyBetween(lower, upper);
  } catch {
    return lower === null ? generateKeyBetween(null, valid(upper)) : `${lower}V`;
  }
}
