/** What the user does with todos: each action is shown at once, stored, and can be undone. */

import type { TodoClient } from "./client-types.js";
import type { CurrentList } from "./current.js";
import { newId } from "./ids.js";
import { shown } from "./model/entry.js";
import { isDeleted, isEmpty, METADATA, type Fields } from "./model/fields.js";
import { fieldsOf, fieldsOfNew } from "./model/text.js";
import { positions } from "./order.js";
import { successor } from "./recurrence.js";
import type { Todo, Written } from "./types.js";
import { inverse, note, type Step } from "./undo.js";

type Actions = Pick<
  TodoClient,
  "add" | "addMany" | "edit" | "complete" | "remove" | "restore" | "reorder" | "undo"
>;

const POSITION = `${METADATA}position`;

/** The actions on the list that is shown; `timestamp` is this device's clock. */
export function actionsOn(current: CurrentList, timestamp: () => string): Actions {
  const { table, undos } = current;
  const fieldsNow = (id: string): Fields => shown(current.commands.entry(id));
  const heldOrNull = (id: string): Fields | null => {
    const held = fieldsNow(id);
    return isEmpty(held) ? null : held;
  };

  const liveTodo = (id: string): Todo => {
    const todo = table.get(id);
    if (!todo || todo.deletedAt !== null) throw new RangeError(`There is no todo ${id}`);
    return todo;
  };
  const write = (id: string, fields: Fields, createdAt: string | null): Written => {
    const edit = { id, fields, before: heldOrNull(id), at: timestamp(), createdAt };
    return current.commands.edit(edit);
  };
  /** Gives fields of todos new values, as one action. */
  const act = (...steps: readonly (readonly [string, Fields])[]): Written => {
    const undoable = steps.map(([id, after]): Step => ({ id, before: heldOrNull(id), after }));
    note(undos, undoable);
    const isNew = (index: number): string | null => (undoable[index]?.before ? null : timestamp());
    return steps.map(([id, fields], index) => write(id, fields, isNew(index)))[0] as Written;
  };
  const addMany: Actions["addMany"] = (todos) => {
    const made = todos.map((todo) => {
      const id = todo.id?.toLowerCase() ?? newId();
      if (table.get(id)) throw new RangeError(`There is a todo ${id} already`);
      const createdAt = todo.createdAt ? new Date(todo.createdAt).toISOString() : timestamp();
      return { id, createdAt, fields: fieldsOfNew(todo) };
    });
    note(
      undos,
      made.map(({ id, fields }) => ({ id, before: null, after: fields })),
    );
    return made.map(({ id, fields, createdAt }) => write(id, fields, createdAt));
  };

  return {
    addMany,
    add: (todo) => addMany([todo])[0] as Written,
    edit: (id, changes) => act([liveTodo(id).id, fieldsOf(changes)]),
    complete(id, completed = true) {
      const todo = liveTodo(id);
      const next = completed && !todo.completed ? successor(todo) : null;
      if (!next) return act([id, { completed }]);
      const { text, description } = todo;
      const fields = fieldsOfNew({
        text,
        ...(description !== null && { description }),
        metadata: next.metadata,
      });
      const own: [string, Fields] = [id, { completed, [`${METADATA}series`]: next.series }];
      const held = heldOrNull(next.id);
      if (!held) return act(own, [next.id, fields]);
      // Another device made it already; only one that was deleted comes back.
      return isDeleted(held)
        ? act(own, [next.id, { ...fields, completed: false, deleted: false }])
        : act(own);
    },
    remove: (id) => act([liveTodo(id).id, { deleted: true }]),
    restore(id) {
      const fields = fieldsNow(id);
      if (!isDeleted(fields) || !fields["text"])
        throw new RangeError(`There is no text of todo ${id}`);
      return act([id, { ...fields, deleted: false }]);
    },
    reorder(id, place) {
      const moved = positions(table.todos, liveTodo(id).id, place);
      const own = moved.get(id) ?? null;
      moved.delete(id);
      const others = [...moved].map(
        ([other, position]) => [other, { [POSITION]: position }] as const,
      );
      return act([id, { [POSITION]: own }], ...others);
    },
    undo() {
      const steps = undos.pop();
      if (!steps) return null;
      const undone = steps.map((step) => [step.id, inverse(step, fieldsNow(step.id))] as const);
      current.changed();
      return undone
        .filter(([, fields]) => !isEmpty(fields))
        .map(([id, fields]) => write(id, fields, null));
    },
  };
}
