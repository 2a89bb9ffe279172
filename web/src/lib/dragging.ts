"use client";

import { useEffect, useRef } from "react";
import { useTodoClient } from "todo-sync-client/react";
import { move } from "./actions";

/** How near to the edge of the window a drag scrolls the page, in pixels. */
const EDGE = 72;

/** The row under a height of the window, and whether its upper half. */
function target(list: HTMLElement, y: number): { row: HTMLElement; isBefore: boolean } | null {
  for (const row of list.querySelectorAll<HTMLElement>("[data-todo]")) {
    const { top, bottom } = row.getBoundingClientRect();
    if (y >= top && y <= bottom) return { row, isBefore: y < (top + bottom) / 2 };
  }
  return null;
}

/**
 * Dragging rows by their grips with mouse, pen or finger. Alt with the arrow keys and the buttons of the
 * editor do the same (WCAG 2.5.7).
 */
export function useDragging(isOn: boolean) {
  const client = useTodoClient();
  const ref = useRef<HTMLUListElement>(null);
  useEffect(() => {
    const list = ref.current;
    if (!list || !isOn) return;
    let dragged: HTMLElement | null = null;
    let over: ReturnType<typeof target> = null;
    const unmark = () => list.querySelectorAll("[data-drop]").forEach((row) => row.removeAttribute("data-drop"));
    const begin = (event: PointerEvent) => {
      const grip = event.target instanceof Element ? event.target.closest("[data-grip]") : null;
      dragged = grip?.closest<HTMLElement>("[data-todo]") ?? null;
      if (!dragged || event.button !== 0) return;
      event.preventDefault();
      list.setPointerCapture(event.pointerId);
      dragged.setAttribute("data-dragged", "");
    };
    const drag = (event: PointerEvent) => {
      if (!dragged) return;
      unmark();
      over = target(list, event.clientY);
      if (over && over.row !== dragged) over.row.setAttribute("data-drop", over.isBefore ? "before" : "after");
      if (event.clientY < EDGE) window.scrollBy(0, -12);
      else if (event.clientY > window.innerHeight - EDGE) window.scrollBy(0, 12);
    };
    const end = (event: PointerEvent) => {
      const [from, to] = [dragged, over];
      dragged?.removeAttribute("data-dragged");
      [dragged, over] = [null, null];
      unmark();
      if (!from || !to || to.row === from || event.type === "pointercancel") return;
      const [id, other] = [from.dataset.todo, to.row.dataset.todo];
      if (id && other) move(client, id, to.isBefore ? { before: other } : { after: other });
    };
    list.addEventListener("pointerdown", begin);
    list.addEventListener("pointermove", drag);
    list.addEventListener("pointerup", end);
    list.addEventListener("pointercancel", end);
    return () => {
      list.removeEventListener("pointerdown", begin);
      list.removeEventListener("pointermove", drag);
      list.removeEventListener("pointerup", end);
      list.removeEventListener("pointercancel", end);
    };
  }, [client, isOn]);
  return ref;
}
