/** Timers that never keep a process of Node from ending. */

/** Lets the process end although this timer or channel is open. */
export function unref(timer: unknown): void {
  (timer as { unref?: () => void } | null)?.unref?.();
}

/** Calls `then` once, after a while. Returns how to cancel it. */
export function after(wait: number, then: () => void): () => void {
  const timer = setTimeout(then, wait);
  unref(timer);
  return () => clearTimeout(timer);
}

/** Calls `then` again and again. Returns how to stop it. */
export function every(wait: number, then: () => void): () => void {
  const timer = setInterval(then, wait);
  unref(timer);
  return () => clearInterval(timer);
}
