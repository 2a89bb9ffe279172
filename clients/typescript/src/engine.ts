/**
 * Syncs: rounds of request and answer, one at a time over all tabs, repeated until nothing is left.
 */

import { take } from "./device/answer.js";
import type { Draft } from "./device/draft.js";
import { takeGone } from "./device/heal.js";
import type { DecideBy } from "./device/policy.js";
import { halve, hasSomethingToSend, nextRound, rejectAlone, type Round } from "./device/request.js";
import { ApiError, isUnauthorized, loggedOut, messageOf, ProtocolError } from "./errors.js";
import type { components } from "./generated/schema.js";
import { answerOf, goneOf } from "./net/answer.js";
import { after, backoff } from "./platform/timer.js";
import type { Auth } from "./session/auth.js";
import type { List } from "./store/list.js";
import type { Locks } from "./tabs/locks.js";
import type { SyncProblem } from "./types.js";

/** What the rounds need. */
export interface EngineParts {
  readonly auth: Auth;
  readonly locks: Locks;
  readonly decideBy: DecideBy;
  readonly now: () => number;
  /** Whether it syncs without being asked to. */
  readonly isAutomatic: boolean;
  readonly list: () => List;
  readonly deviceName: () => string;
  readonly changed: () => void;
}

/** How many pages may come without progress before the answer counts as nonsense. */
const MOST_STANDSTILLS = 3;

/** Of whatever a server or a proxy asks for, in milliseconds. */
const LONGEST_WAIT = 3_600_000;

export class Engine {
  isSyncing = false;
  problem: SyncProblem | null = null;
  retryAt: number | null = null;
  #running: Promise<void> | null = null;
  /** Whether a request is wanted even if nothing is to be sent. */
  #isWanted = false;
  /** A stamp that the cursor should reach. */
  #target: string | null = null;
  #failures = 0;
  #cancel: () => void = () => undefined;
  #isClosed = false;

  readonly #parts: EngineParts;

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  /** Syncs now. Resolves when nothing is left to do; rejects with what stopped it. */
  sync(): Promise<void> {
    this.#isWanted = true;
    return this.#run();
  }

  /** Syncs in the background if there is something to do; an error only changes the state. */
  wake(target: string | null = null): void {
    if (target === null) this.#isWanted = true;
    else if (this.#target === null || target > this.#target) this.#target = target;
    this.#start();
  }

  /** The next failure waits as the first one does: the page came back. */
  forgive(): void {
    this.#failures = 0;
  }

  /** Sends what waits, unless a wait after a failure is under way. */
  push(): void {
    if (this.retryAt === null) this.#start();
  }

  #start(): void {
    if (this.#isClosed || !this.#parts.isAutomatic || !this.#parts.auth.canAsk) return;
    void this.#run().catch(() => undefined);
  }

  close(): void {
    this.#isClosed = true;
    this.#clearTimer();
  }

  /** Forgets a wait, as when the user or the network changed. */
  reset(): void {
    this.#failures = 0;
    this.problem = null;
    this.#clearTimer();
  }

  #run(): Promise<void> {
    this.#running ??= this.#loop();
    return this.#running;
  }

  async #loop(): Promise<void> {
    // Changes made in the same moment go into one request.
    await Promise.resolve();
    this.#clearTimer();
    let standstills = 0;
    try {
      while (!this.#isClosed && this.hasWork) {
        this.isSyncing = true;
        this.#parts.changed();
        const moved = await this.#parts.locks
          .run("sync", () => this.#round())
          .catch((error: unknown) => {
            this.#isWanted = true;
            throw error;
          });
        standstills = moved ? 0 : standstills + 1;
        if (standstills > MOST_STANDSTILLS)
          throw new ProtocolError("Unexpected answer: no progress");
      }
      // In the same step as the check above: what comes later begins a new loop.
      this.#running = null;
      this.isSyncing = false;
      this.reset();
    } catch (error) {
      this.#running = null;
      this.isSyncing = false;
      this.#fail(error);
      throw error;
    } finally {
      this.#parts.changed();
    }
  }

  /** Whether a request is due. */
  get hasWork(): boolean {
    const list = this.#parts.list();
    const { behind, cursor, reading } = list.state;
    const isTargetAhead = this.#target !== null && (cursor ?? "") < this.#target;
    return (
      this.#isWanted ||
      isTargetAhead ||
      (behind && (cursor !== null || reading)) ||
      hasSomethingToSend(list.all())
    );
  }

  /** One request and its answer. Returns whether anything moved. */
  async #round(): Promise<boolean> {
    const { auth, decideBy, now } = this.#parts;
    const list = this.#parts.list();
    // What is announced from here on may be missing in the answer; earlier changes are not.
    this.#isWanted = false;
    this.#target = null;
    const round = await list.transact(({ draft, device }) => {
      if (device.session?.userId !== list.owner) return null;
      return nextRound(draft, this.#parts.deviceName());
    });
    if (!round || auth.session?.userId !== list.owner) {
      // Another tab logged out, or in as another user.
      if (!auth.canAsk) throw loggedOut();
      return false;
    }
    const before = list.state;
    const isCurrent = ({ meta }: Draft): boolean =>
      meta.round === round.name && meta.cursor === (round.request.last_sync ?? null);
    let data: components["schemas"]["SyncResponse"];
    try {
      data = await auth.user.POST("/api/v1/todos/sync", { body: round.request });
    } catch (error) {
      // It is no failure of the user who has logged in meanwhile.
      if (list !== this.#parts.list()) return true;
      if (error instanceof ApiError && error.code === "SYNC_001") {
        this.#isWanted = true;
        const gone = goneOf(error.details);
        await list.transact(({ draft }) => {
          if (isCurrent(draft)) takeGone(draft, gone, decideBy);
        });
        return list.state.epoch !== before.epoch || list.state.cursor !== before.cursor;
      }
      if (error instanceof ApiError && error.status === 413 && round.sent.length > 0)
        return this.#split(list, round, error);
      throw error;
    }
    const answer = answerOf(data, round.sent);
    await list.transact(({ draft }) => {
      if (isCurrent(draft)) take(draft, round, answer, new Date(now()).toISOString(), decideBy);
    });
    const moved =
      list.state.cursor !== before.cursor ||
      round.sent.length > 0 ||
      list.state.reading !== before.reading;
    return moved || !list.state.behind;
  }

  async #split(list: List, round: Round, error: ApiError): Promise<boolean> {
    await list.transact(({ draft }) => {
      if (draft.meta.round !== round.name || halve(draft)) return;
      const [id] = round.sent;
      if (id !== undefined) rejectAlone(draft, id, error.code, error.message);
    });
    return true;
  }

  #fail(error: unknown): void {
    this.problem = problemOf(error);
    if (isUnauthorized(error) || this.#isClosed || !this.#parts.isAutomatic) return;
    const asked = error instanceof ApiError ? (error.retryAfter ?? 0) * 1000 : 0;
    const wait = Math.min(Math.max(asked, backoff(this.#failures)), LONGEST_WAIT);
    this.#failures += 1;
    this.retryAt = this.#parts.now() + wait;
    this.#cancel = after(wait, () => {
      this.#clearTimer();
      this.wake();
    });
  }

  #clearTimer(): void {
    this.#cancel();
    this.retryAt = null;
  }
}

function problemOf(error: unknown): SyncProblem {
  const own = /^(Storage|Network)Error$/.exec((error as Error).name)?.[1];
  const code = error instanceof ApiError ? error.code : (own ?? "Protocol").toUpperCase();
  return { code, message: messageOf(error) };
}
