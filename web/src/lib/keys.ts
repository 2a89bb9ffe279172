"use client";

import { useEffect, useRef } from "react";
import type { Todo, TodoClient } from "todo-sync-client";
import { move, remove, snooze, toggle, undo } from "./actions";
import { show } from "./hooks";
import type { View } from "./views";

/** What the keys of the list need. */
export interface KeysOf {
  readonly client: TodoClient;
  readonly isOrdered: boolean;
  readonly edit: (id: string | null) => void;
  readonly openPalette: () => void;
  readonly openKeys: () => void;
}

const GOES: Readonly<Record<string, View>> = {
  t: { kind: "today" },
  u: { kind: "upcoming" },
  a: { kind: "all" },
  o: { kind: "overdue" },
  d: { kind: "done" },
};

const rows = () => [...document.querySelectorAll<HTMLElement>("[data-todo]")];
const currentRow = () => document.activeElement?.closest<HTMLElement>("[data-todo]") ?? null;
const focusRow = (row: HTMLElement | undefined) => row?.querySelector<HTMLElement>("[data-open]")?.focus();

/** Focuses the row of a todo when it has been drawn in its new place. */
function refocus(id: string) {
  requestAnimationFrame(() => requestAnimationFrame(() => focusRow(rows().find((row) => row.dataset.todo === id))));
}

function step(by: 1 | -1) {
  const [all, current] = [rows(), currentRow()];
  const first = all.findIndex((row) => row.getBoundingClientRect().top >= 0);
  const index = current ? all.indexOf(current) + by : first;
  focusRow(all[Math.max(0, Math.min(index, all.length - 1))]);
}

/** Does what a key means for the focused todo. Returns whether it means anything. */
function onTodo(event: KeyboardEvent, row: HTMLElement, todo: Todo, { client, isOrdered, edit }: KeysOf): boolean {
  const neighbour = (by: 1 | -1) => rows()[rows().indexOf(row) + by];
  const leave = () => focusRow(neighbour(1) ?? neighbour(-1));
  if (event.altKey && isOrdered && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    const other = neighbour(event.key === "ArrowUp" ? -1 : 1)?.dataset.todo;
    if (other) move(client, todo.id, event.key === "ArrowUp" ? { before: other } : { after: other });
    refocus(todo.id);
    return true;
  }
  if (event.altKey) return false;
  switch (event.key) {
    case "x":
      leave();
      toggle(client, todo);
      return true;
    case "e":
      edit(todo.id);
      return true;
    case "s":
      leave();
      snooze(client, todo, 1);
      return true;
    case "Delete":
      leave();
      remove(client, todo);
      return true;
    default:
      return false;
  }
}

/**
 * Takes Ctrl+F to the search of the app where the browser would search only the part of a list that
 * is drawn. In the field, the same key is the browser's.
 */
function searchAll(): boolean {
  const field = document.querySelector<HTMLInputElement>("#search");
  if (!document.querySelector("[data-windowed]") || !field || field === document.activeElement) return false;
  field.select();
  return true;
}

/** Does what a key means anywhere on the page. Returns whether it means anything. */
function anywhere(event: KeyboardEvent, keys: KeysOf): boolean {
  switch (event.key) {
    case "n":
      document.getElementById("quick-add")?.focus();
      return true;
    case "/":
      document.getElementById("search")?.focus();
      return true;
    case "?":
      keys.openKeys();
      return true;
    case "j":
    case "ArrowDown":
      step(1);
      return true;
    case "k":
    case "ArrowUp":
      step(-1);
      return true;
    default:
      return false;
  }
}

/** The keys of the list page. None of them acts while something is typed or a dialog is open. */
export function useKeys(keys: KeysOf) {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    let isGoing = false;
    const press = (event: KeyboardEvent) => {
      const isTyping =
        event.target instanceof Element &&
        event.target.closest("input:not([type=checkbox]), textarea, select") !== null;
      if (document.querySelector("dialog[open]")) return;
      const hasCommand = event.ctrlKey || event.metaKey;
      if (hasCommand && event.key.toLowerCase() === "k") latest.current.openPalette();
      else if (hasCommand && event.key.toLowerCase() === "f") {
        if (!searchAll()) return;
      } else if (isTyping) return;
      else if (hasCommand && event.key.toLowerCase() === "z" && !event.shiftKey) undo(latest.current.client);
      else if (hasCommand) return;
      else if (isGoing && GOES[event.key]) show(GOES[event.key] as View);
      else {
        isGoing = event.key === "g";
        const row = currentRow();
        const todo = row?.dataset.todo ? latest.current.client.get(row.dataset.todo) : undefined;
        const isDone =
          (row && todo && onTodo(event, row, todo, latest.current)) ||
          (!event.altKey && anywhere(event, latest.current));
        if (isDone) event.preventDefault();
        return;
      }
      isGoing = false;
      event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}
