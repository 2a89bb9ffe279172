/** When a page comes back: online, visible, in focus. */

/** Calls `wake` at such moments. Returns how to stop it. */
export function onWakeUp(wake: () => void): () => void {
  if (!globalThis.document) return () => undefined;
  const listening = new AbortController();
  const listen = (target: EventTarget, event: string): void =>
    target.addEventListener(
      event,
      () => (event === "visibilitychange" && document.hidden) || wake(),
      listening,
    );
  for (const event of ["online", "focus", "pageshow"]) listen(window, event);
  for (const event of ["visibilitychange", "resume"]) listen(document, event);
  return () => listening.abort();
}
