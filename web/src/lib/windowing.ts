"use client";

import { defaultRangeExtractor, measureElement, useWindowVirtualizer, type Range } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useMemo, useState, type RefObject } from "react";
import { flushSync } from "react-dom";
import type { Todo } from "todo-sync-client";

/** A row of a list: a todo, or the heading of a day. */
export type Entry = { readonly key: string } & ({ readonly todo: Todo } | { readonly day: string });

/** What is drawn: an entry, or room for those between two that are. */
type Part = { readonly entry: Entry; readonly index: number } | { readonly key: string; readonly gap: number };

/** A list of so many rows is drawn whole: the browser can search and print it. */
const WHOLE = 100;

/** Rows above and below the window that are drawn too. */
const OVERSCAN = 12;

/** Pixels of a row that was never drawn. */
function estimate(entry: Entry): number {
  if ("day" in entry) return 65;
  const { metadata, description } = entry.todo;
  return description || Object.keys(metadata).some((key) => key !== "position") ? 74 : 53;
}

/** Whether the page is being printed. */
function usePrinting(): boolean {
  const [isPrinting, setPrinting] = useState(false);
  useEffect(() => {
    // What is drawn when the listener returns is what the paper shows.
    const begin = () => flushSync(() => setPrinting(true));
    const end = () => setPrinting(false);
    window.addEventListener("beforeprint", begin);
    window.addEventListener("afterprint", end);
    return () => {
      window.removeEventListener("beforeprint", begin);
      window.removeEventListener("afterprint", end);
    };
  }, []);
  return isPrinting;
}

/**
 * The part of a long list that is near the window. The rows that have the focus or are edited stay, and so do those
 * beside them, which keys lead to. On paper the list is whole.
 */
export function useWindow(
  list: RefObject<HTMLElement | null>,
  entries: readonly Entry[],
  editing: string | null,
): {
  readonly parts: readonly Part[];
  readonly isWhole: boolean;
  readonly measure: (row: HTMLElement | null) => void;
  readonly setFocused: (key: string | null) => void;
} {
  const [focused, setFocused] = useState<string | null>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    if (list.current) setTop(list.current.getBoundingClientRect().top + window.scrollY);
  }, [list, entries]);
  const isPrinting = usePrinting();
  const isWhole = isPrinting || entries.length <= WHOLE;
  const kept = useMemo(() => {
    const indexes = [focused, editing].map((key) => (key === null ? -1 : entries.findIndex((e) => e.key === key)));
    // A heading may stand between two todos.
    return indexes.filter((n) => n >= 0).flatMap((n) => [n - 2, n - 1, n, n + 1, n + 2]);
  }, [entries, focused, editing]);
  const rangeExtractor = useCallback(
    (range: Range) => {
      if (isWhole) return Array.from(entries.keys());
      const indexes = [...defaultRangeExtractor(range), ...kept.filter((n) => n >= 0 && n < range.count)];
      return [...new Set(indexes)].sort((a, b) => a - b);
    },
    [entries, isWhole, kept],
  );
  const virtual = useWindowVirtualizer({
    count: entries.length,
    estimateSize: useCallback((n: number) => estimate(entries[n] as Entry), [entries]),
    getItemKey: useCallback((n: number) => (entries[n] as Entry).key, [entries]),
    overscan: OVERSCAN,
    scrollMargin: top,
    rangeExtractor,
    // The observer of sizes measures; to measure each row that appears would lay the page out once for each.
    measureElement: (row, observed, virtual) => {
      const known = observed ? undefined : virtual.measurementsCache[virtual.indexFromElement(row)];
      return known ? known.size : measureElement(row, observed, virtual);
    },
    useFlushSync: false,
  });
  const parts: Part[] = [];
  let end = top;
  const fill = (to: number) => {
    if (to > end) parts.push({ key: `gap ${parts.length}`, gap: to - end });
  };
  for (const item of virtual.getVirtualItems()) {
    const entry = entries[item.index];
    if (!entry) continue;
    fill(item.start);
    parts.push({ entry, index: item.index });
    end = item.end;
  }
  fill(top + virtual.getTotalSize());
  return { parts, isWhole, measure: virtual.measureElement, setFocused };
}
