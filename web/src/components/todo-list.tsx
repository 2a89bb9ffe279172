"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import type { Todo } from "todo-sync-client";
import { dayOf, dueOf } from "@/lib/day";
import { useDragging } from "@/lib/dragging";
import { dayInWords } from "@/lib/format";
import { isOrdered, type View } from "@/lib/views";
import { TodoRow } from "./todo-row";

/** How many rows are added whenever the end of the list comes near. */
const STEP = 80;

/** The rows of a view. The list grows while one scrolls, so that the 5,000th todo costs nothing at first. */
export function TodoList(props: {
  readonly todos: readonly Todo[];
  readonly view: View;
  readonly now: Date;
  readonly editing: string | null;
  readonly onEdit: (id: string | null) => void;
}) {
  const { todos, view, now, editing, onEdit } = props;
  const [count, setCount] = useState(STEP);
  const end = useRef<HTMLDivElement>(null);
  const list = useDragging(isOrdered(view));
  // A todo that is opened from elsewhere may stand far below.
  const visible = Math.max(count, todos.findIndex(({ id }) => id === editing) + 1);
  const hasMore = todos.length > visible;
  const grow = useCallback((entries: readonly IntersectionObserverEntry[]) => {
    if (entries.some((entry) => entry.isIntersecting)) setCount((count) => count + STEP);
  }, []);
  useEffect(() => {
    if (!hasMore || !end.current) return;
    const observer = new IntersectionObserver(grow, { rootMargin: "1200px" });
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [hasMore, count, grow]);
  // Rows read the day of `now`, so a row is drawn again when its minute matters to it and not each time.
  const minute = useRef(now);
  if (dayOf(minute.current) !== dayOf(now) || now.getTime() - minute.current.getTime() > 60_000) minute.current = now;
  return (
    <>
      <ul className="todos" ref={list}>
        {todos.slice(0, visible).map((todo, n) => {
          const row = (
            <TodoRow
              key={todo.id}
              todo={todo}
              now={minute.current}
              isOrdered={isOrdered(view)}
              isEditing={editing === todo.id}
              onEdit={onEdit}
            />
          );
          if (view.kind !== "upcoming") return row;
          const [day, before] = [dueOf(todo)?.day, dueOf(todos[n - 1] ?? todo)?.day];
          if (!day || (n > 0 && day === before)) return row;
          return [
            <li key={day} className="day">
              <h2>{dayInWords(day, now)}</h2>
            </li>,
            row,
          ];
        })}
      </ul>
      {hasMore && <div ref={end} className="list-end" />}
    </>
  );
}
