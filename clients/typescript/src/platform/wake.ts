/** When a page comes back: online, visible, in focus. */

/** Calls `wake` at such moments. Returns how to stop it. */
export function onWakeUp(wake: () => void): () => void {
  if (typeof window === "undefined" || typeof document === "undefined") return () => undefined;
  const visible = (): void => {
    if (document.visibilityState === "visible") wake();
  };
  const events = ["online", "focus", "pageshow"] as const;
  for (const event of events) window.addEventListener(event, wake);
  document.addEventListener("visibilitychange", visible);
  document.addEventListener("resume", wake);
  return () => {
    for (const event of events) window.removeEventListener(event, wake);
    document.removeEventListener("visibilitychange", visible);
    document.removeEventListener("resume", wake);
  };
}
