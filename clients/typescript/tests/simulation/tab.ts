/** A tab: a client whose every await is a point at which it can die or freeze. */

import { assemble } from "../../src/client.js";
import type { CurrentList } from "../../src/current.js";
import type { Meta } from "../../src/model/entry.js";
import type { ClientOptions, Locks, Store, TodoClient } from "../../src/index.js";

/** What happens to a request. */
export type NetworkFault = "request lost" | "answer lost" | "repeated" | null;

export interface TabParts {
  readonly baseUrl: string;
  readonly store: Store;
  readonly skew: number;
  /** Locks that a browser takes away from dead tabs, or null for leases in the store. */
  readonly locks: BrowserLocks | null;
  readonly networkFault: () => NetworkFault;
  /** Called when a repair began: a digest differed, or a strange row came. */
  readonly repairs: () => void;
  /** How many todos the device takes in one answer. */
  readonly page: number;
  /** The clock of the machine, in milliseconds. */
  readonly clock: () => number;
}

/** Whether all that a device holds is compared with the server's, and nothing says why. */
function isRepair({ repairs, reading, lost, asked }: Meta): boolean {
  return repairs > 0 || (reading && lost === "" && asked === "");
}

const NEVER = new Promise<never>(() => undefined);

export class Tab {
  readonly client: TodoClient;
  readonly current: CurrentList;
  isDead = false;
  private thaws: (() => void)[] = [];
  private isFrozen = false;
  private plan: { after: number; fate: "die" | "freeze" } | null = null;
  /** Requests whose copies arrive later. */
  readonly copies: (() => Promise<unknown>)[] = [];

  constructor(private readonly parts: TabParts) {
    const locks = parts.locks?.of(this);
    const options: ClientOptions = {
      baseUrl: parts.baseUrl,
      store: this.store(parts.store),
      automatic: false,
      fetch: (input, init) => this.fetch(input, init),
      now: () => parts.clock() + parts.skew,
      ...(locks && { locks }),
    };
    ({ client: this.client, current: this.current } = assemble(options));
  }

  get isUsable(): boolean {
    return !this.isDead && !this.isFrozen;
  }

  /** After so many more awaits, the tab dies or freezes. */
  doom(after: number, fate: "die" | "freeze"): void {
    this.plan = { after, fate };
  }

  die(): void {
    this.isDead = true;
    this.plan = null;
  }

  thaw(): void {
    this.isFrozen = false;
    this.plan = null;
    for (const go of this.thaws.splice(0)) go();
  }

  /** Every await of the client comes through here. */
  async point(): Promise<void> {
    if (this.plan && (this.plan.after -= 1) < 0) {
      if (this.plan.fate === "die") this.die();
      else this.isFrozen = true;
      this.plan = null;
    }
    while (this.isFrozen && !this.isDead) await new Promise<void>((go) => this.thaws.push(go));
    if (this.isDead) await NEVER;
  }

  private store(inner: Store): Store {
    const around = async <T>(work: () => Promise<T>): Promise<T> => {
      await this.point();
      const result = await work();
      await this.point();
      return result;
    };
    return {
      kind: inner.kind,
      transact: (scopes, work) =>
        around(() =>
          inner.transact(scopes, (found, device) => {
            const write = work(found, device);
            const lists = write.lists ?? [];
            if (lists.some(({ meta }) => isRepair(meta))) this.parts.repairs();
            return write;
          }),
        ),
      takeLease: (name, holder, now, until) =>
        around(() => inner.takeLease(name, holder, now, until)),
      releaseLease: (name, holder) => around(() => inner.releaseLease(name, holder)),
      close: async () => undefined,
    };
  }

  private async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    await this.point();
    const request = new Request(input, init);
    const text = request.body ? await request.text() : undefined;
    const isSync = request.url.endsWith("/sync");
    const body =
      isSync && text ? JSON.stringify({ ...JSON.parse(text), limit: this.parts.page }) : text;
    const send = (): Promise<Response> =>
      fetch(request.url, {
        method: request.method,
        headers: request.headers,
        ...(body !== undefined && { body }),
      });
    const isRefresh = request.url.endsWith("/refresh");
    const fault = isSync || isRefresh ? this.parts.networkFault() : null;
    if (fault === "request lost") throw new TypeError("lost");
    if (isSync && fault === "repeated") this.copies.push(send);
    const response = await send();
    const answer = await response.arrayBuffer();
    await this.point();
    if (fault === "answer lost") throw new TypeError("lost");
    return new Response(response.status === 204 ? null : answer, {
      status: response.status,
      headers: response.headers,
    });
  }
}

/** Web Locks as browsers have them: a dead tab's locks are free, a frozen tab's can be stolen. */
export class BrowserLocks {
  private readonly holders = new Map<string, { tab: Tab; done: Promise<unknown> }>();

  of(tab: Tab): Locks {
    return {
      run: async (name, work) => {
        await tab.point();
        for (
          let held = this.holders.get(name);
          held && held.tab.isUsable && held.tab !== tab;
          held = this.holders.get(name)
        ) {
          await Promise.race([
            held.done.catch(() => undefined),
            new Promise((go) => setTimeout(go, 5)),
          ]);
        }
        const done = work();
        const holder = { tab, done };
        this.holders.set(name, holder);
        try {
          return await done;
        } finally {
          if (this.holders.get(name) === holder) this.holders.delete(name);
        }
      },
    };
  }
}
