/** Places in an order by hand: fractional indexes, compared by bytes. */

import { isKey, keyBetween } from "./fractional.js";
import type { Place, Todo } from "./types.js";

/** The positions that put the todo in its place: its own, and those of todos that have none yet. */
export function positions(todos: readonly Todo[], id: string, place: Place): Map<string, string> {
  const others = todos.filter((todo) => todo.id !== id);
  const target = "after" in place ? place.after : place.before;
  const found = others.findIndex((todo) => todo.id === target);
  if (found < 0) throw new RangeError(`There is no todo ${target}`);
  const at = "after" in place ? found + 1 : found;
  const given = new Map<string, string>();
  // Todos without a position come last, so those in front of the place need one too.
  const firstBare = others.findIndex((todo) => typeof todo.metadata["position"] !== "string");
  let [lower, upper] = [positionOf(others[at - 1]), positionOf(others[at])];
  if (firstBare >= 0 && firstBare < at) {
    lower = positionOf(others[firstBare - 1]);
    if (lower !== null && !isKey(lower)) lower = null;
    for (const todo of others.slice(firstBare, at))
      given.set(todo.id, (lower = keyBetween(lower, null)));
    upper = null;
  }
  given.set(id, between(lower, upper));
  return given;
}

function positionOf(todo: Todo | undefined): string | null {
  const position = todo?.metadata["position"];
  return typeof position === "string" ? position : null;
}

/** A key between two, of which another program may have made either, or both the same. */
function between(lower: string | null, upper: string | null): string {
  if (lower === null) return keyBetween(null, upper !== null && isKey(upper) ? upper : null);
  const isInOrder = isKey(lower) && (upper === null || (isKey(upper) && lower < upper));
  return isInOrder ? keyBetween(lower, upper) : `${lower}V`;
}
