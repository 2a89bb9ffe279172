/** When a page comes back: online, visible, in focus. */

/** Calls `wake` at such moments. Returns how to stop it. */
export function onWakeUp(wake: () => void): () => void {
  if (!globalThis.document) return () => undefined;
  const listening = new AbortController();
  // Those of the document bubble.
  for (const event of ["online", "focus", "pageshow", "visibilitychange", "resume"])
    addEventListener(
      event,
      () => (event === "visibilitychange" && document.hidden) || wake(),
      listening,
    );
  return () => listening.abort();
}
