"use client";

import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { Snapshot } from "todo-sync-client";
import { useTodoClient } from "todo-sync-client/react";
import { firstSnapshot } from "./client";
import { dayOf } from "./day";
import { readDraft, writeDraft } from "./drafts";
import { addressOf, viewOf, type View } from "./views";

const CHANGED = "app:address";

function subscribeToAddress(listener: () => void) {
  window.addEventListener("popstate", listener);
  window.addEventListener(CHANGED, listener);
  return () => {
    window.removeEventListener("popstate", listener);
    window.removeEventListener(CHANGED, listener);
  };
}

/** The query of the address; empty while the page is prerendered. */
export function useQuery(): string {
  return useSyncExternalStore(
    subscribeToAddress,
    () => window.location.search,
    () => "",
  );
}

/** Shows a view of the list without loading a page. */
export function show(view: View) {
  window.history.pushState(null, "", addressOf(view));
  window.dispatchEvent(new Event(CHANGED));
  window.scrollTo(0, 0);
}

/** This moment, renewed every half minute and when the page becomes visible. */
export function useNow(): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const renew = () => setNow(new Date());
    const timer = setInterval(renew, 30_000);
    document.addEventListener("visibilitychange", renew);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", renew);
    };
  }, []);
  return now;
}

/** The latest of these moments that is a minute, or a day of the calendar, after the one before. */
export function useMinute(now: Date): Date {
  const minute = useRef(now);
  if (dayOf(minute.current) !== dayOf(now) || now.getTime() - minute.current.getTime() > 60_000) minute.current = now;
  return minute.current;
}

/** Whether the page runs in a browser: what depends on the device is not prerendered. */
export function useInBrowser(): boolean {
  return useSyncExternalStore(
    () => () => undefined,
    () => true,
    () => false,
  );
}

/** Whether the browser has a network, as far as it knows. */
export function useOnline(): boolean {
  const subscribe = useCallback((listener: () => void) => {
    window.addEventListener("online", listener);
    window.addEventListener("offline", listener);
    return () => {
      window.removeEventListener("online", listener);
      window.removeEventListener("offline", listener);
    };
  }, []);
  return useSyncExternalStore(
    subscribe,
    () => navigator.onLine,
    () => true,
  );
}

/** A text that outlives the page, such as what is typed and not added yet. */
export function useDraft(key: string): [string, (text: string) => void] {
  const [text, setText] = useState("");
  useEffect(() => setText(readDraft(key)), [key]);
  const write = useCallback(
    (next: string) => {
      setText(next);
      writeDraft(key, next);
    },
    [key],
  );
  return [text, write];
}

/** The view that the address names. */
export function useView(): View {
  return viewOf(new URLSearchParams(useQuery()));
}

/** Everything that the client shows at this moment. */
export function useSnapshot(): Snapshot {
  const client = useTodoClient();
  const subscribe = useCallback((listener: () => void) => client.subscribe(listener), [client]);
  const snapshot = useCallback(() => client.getSnapshot(), [client]);
  return useSyncExternalStore(subscribe, snapshot, firstSnapshot);
}
