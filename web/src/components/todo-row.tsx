"use client";

import { memo } from "react";
import type { Todo } from "todo-sync-client";
import { useTodoClient } from "todo-sync-client/react";
import { toggle } from "@/lib/actions";
import { isOverdue } from "@/lib/day";
import { dueInWords } from "@/lib/format";
import { inWords } from "@/lib/recurrence";
import { listOf, priorityOf, tagsOf } from "@/lib/views";
import { texts } from "@/texts";
import { Icon } from "./icons";
import { TodoEditor } from "./todo-editor";

interface RowProps {
  readonly todo: Todo;
  readonly index: number;
  /** How many rows the list has, where not all of them are there. */
  readonly count: number | undefined;
  readonly measure: (row: HTMLElement | null) => void;
  readonly now: Date;
  readonly isOrdered: boolean;
  readonly isEditing: boolean;
  readonly onEdit: (id: string | null) => void;
}

/** One todo: done, edit in place, and what it has beside its text. */
export const TodoRow = memo(function TodoRow(props: RowProps) {
  const { todo, index, count, measure, now, isOrdered, isEditing, onEdit } = props;
  const client = useTodoClient();
  const place = {
    ref: measure,
    "data-todo": todo.id,
    "data-index": index,
    ...(count === undefined ? {} : { "aria-posinset": index + 1, "aria-setsize": count }),
  };
  if (isEditing) {
    return (
      <li className="todo editing" {...place} data-editing>
        <TodoEditor todo={todo} isOrdered={isOrdered} onClose={() => onEdit(null)} />
      </li>
    );
  }
  return (
    <li className="todo" {...place} data-completed={todo.completed || undefined}>
      <label className="check">
        <input
          type="checkbox"
          checked={todo.completed}
          onChange={() => toggle(client, todo)}
          aria-label={texts.todo.complete(todo.text)}
          data-priority={priorityOf(todo)}
        />
      </label>
      <button type="button" className="todo-open" data-open onClick={() => onEdit(todo.id)}>
        <span className="visually-hidden">{texts.todo.open}</span>
        <span className="todo-text" dir="auto">
          {todo.text}
        </span>
        <Facts todo={todo} now={now} />
      </button>
      {isOrdered && (
        <button
          type="button"
          className="grip"
          data-grip
          aria-label={texts.todo.move(todo.text)}
          title={texts.todo.moveHint}
          tabIndex={-1}
        >
          <Icon name="grip" />
        </button>
      )}
    </li>
  );
});

function Facts({ todo, now }: { readonly todo: Todo; readonly now: Date }) {
  const due = dueInWords(todo.metadata.due, now);
  const repeat = inWords(todo.metadata.repeat);
  const [list, tags, priority] = [listOf(todo), tagsOf(todo), priorityOf(todo)];
  const late = isOverdue(todo, now);
  if (!(due || repeat || list || tags.length || priority || todo.description || todo.conflicted || todo.unsynced))
    return null;
  return (
    <span className="facts">
      {todo.conflicted && <span className="fact warn">{texts.todo.conflicted}</span>}
      {due && (
        <span className={late ? "fact late" : "fact"}>
          <Icon name="today" />
          {due}
          {late && <span className="visually-hidden"> ({texts.todo.overdue})</span>}
        </span>
      )}
      {repeat && (
        <span className="fact">
          <Icon name="repeat" />
          {repeat}
        </span>
      )}
      {priority > 0 && (
        <span className="fact">
          <Icon name="flag" />
          {texts.todo.priority(priority)}
        </span>
      )}
      {list && <span className="fact">@{list}</span>}
      {tags.map((tag) => (
        <span className="fact" key={tag}>
          #{tag}
        </span>
      ))}
      {todo.description && (
        <span className="fact">
          <Icon name="note" />
          <span className="visually-hidden">{texts.edit.note}</span>
        </span>
      )}
      {todo.unsynced && (
        <span className="fact unsent" title={texts.todo.unsynced}>
          <Icon name="wait" />
          <span className="visually-hidden">{texts.todo.unsynced}</span>
        </span>
      )}
    </span>
  );
}
