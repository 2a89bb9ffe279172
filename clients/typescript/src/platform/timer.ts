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
  // Above 2^31 - 1 milliseconds, timers do not wait at all.
  const timer = setInterval(then, Math.min(wait, 2e9));
  unref(timer);
  return () => clearInterval(timer);
}

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 60_000;

/** How long to wait after so many failures: each time twice as long, and not all clients alike. */
export function backoff(failures: number): number {
  return Math.min(FIRST_WAIT * 2 ** failures, LONGEST_WAIT) * (0.5 + Math.random() / 2);
}
