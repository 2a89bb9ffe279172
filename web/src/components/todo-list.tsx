"use client";

import { useMemo, type FocusEvent, type ReactNode } from "react";
import type { Todo } from "todo-sync-client";
import { dueOf } from "@/lib/day";
import { useDragging } from "@/lib/dragging";
import { dayInWords } from "@/lib/format";
import { useMinute } from "@/lib/hooks";
import { useWindow, type Entry } from "@/lib/windowing";
import { isOrdered, type View } from "@/lib/views";
import { TodoRow } from "./todo-row";

/** The todos with a heading before each day's first one where `byDay`. */
function entriesOf(todos: readonly Todo[], byDay: boolean): readonly Entry[] {
  if (!byDay) return todos.map((todo) => ({ key: todo.id, todo }));
  return todos.flatMap((todo, n): Entry[] => {
    const [day, before] = [dueOf(todo)?.day, n > 0 ? dueOf(todos[n - 1] as Todo)?.day : undefined];
    const entry = { key: todo.id, todo };
    return day && day !== before ? [{ key: day, day }, entry] : [entry];
  });
}

/** The rows of a view. Of a long list only those near the window are there, so that the 5,000th todo costs nothing. */
export function TodoList(props: {
  readonly todos: readonly Todo[];
  readonly view: View;
  readonly now: Date;
  readonly editing: string | null;
  readonly onEdit: (id: string | null) => void;
}) {
  const { todos, view, now, editing, onEdit } = props;
  const list = useDragging(isOrdered(view));
  const entries = useMemo(() => entriesOf(todos, view.kind === "upcoming"), [todos, view.kind]);
  const { parts, isWhole, measure, setFocused } = useWindow(list, entries, editing);
  const minute = useMinute(now);
  const focus = ({ target }: FocusEvent) =>
    setFocused(target.closest<HTMLElement>("[data-todo]")?.dataset.todo ?? null);
  return (
    <ul className="todos" ref={list} onFocus={focus} data-windowed={!isWhole || undefined}>
      {parts.map((part): ReactNode => {
        if ("gap" in part) return <li key={part.key} aria-hidden="true" style={{ height: part.gap }} />;
        const { entry, index } = part;
        if ("day" in entry)
          return (
            <li key={entry.key} ref={measure} data-index={index} className="day">
              <h2>{dayInWords(entry.day, now)}</h2>
            </li>
          );
        return (
          <TodoRow
            key={entry.key}
            todo={entry.todo}
            index={index}
            count={isWhole ? undefined : entries.length}
            measure={measure}
            now={minute}
            isOrdered={isOrdered(view)}
            isEditing={editing === entry.key}
            onEdit={onEdit}
          />
        );
      })}
    </ul>
  );
}
