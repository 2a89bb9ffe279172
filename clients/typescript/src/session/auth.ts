/** Tokens: one refresh at a time over all tabs, and a lost race is no log-out. */

import { ApiError } from "../errors.js";
import type { components } from "../generated/schema.js";
import { dataOf, type Api } from "../net/api.js";
import { NEW_DEVICE, type DeviceRecord, type SessionRecord, type Store } from "../store/store.js";
import type { Locks } from "../tabs/locks.js";

type TokenResponse = components["schemas"]["TokenResponse"];

/** The session that an answer with tokens begins. */
export function sessionOf(response: TokenResponse): SessionRecord {
  const { user, access_token: access, refresh_token: refresh } = response;
  return {
    userId: user.id,
    email: user.email ?? null,
    displayName: user.display_name ?? null,
    emailVerified: user.email_verified,
    tokens: { access, refresh },
    expired: false,
  };
}

/** Whether two sessions are the same login. */
function isSameLogin(a: SessionRecord | null, b: SessionRecord): boolean {
  return a !== null && a.userId === b.userId && (a.tokens === null) === (b.tokens === null);
}

export class Auth {
  /** As last seen in the store, which all tabs share. */
  device: DeviceRecord = NEW_DEVICE;
  #external: (() => Promise<string>) | null = null;

  readonly #store: Store;
  readonly #api: Api;
  readonly #locks: Locks;
  readonly #changed: (device: DeviceRecord) => void;

  constructor(store: Store, api: Api, locks: Locks, changed: (device: DeviceRecord) => void) {
    this.#store = store;
    this.#api = api;
    this.#locks = locks;
    this.#changed = changed;
  }

  get session(): SessionRecord | null {
    return this.device.session;
  }

  useExternal(getToken: (() => Promise<string>) | null): void {
    this.#external = getToken;
  }

  /** Whether requests can be made now. */
  get canAsk(): boolean {
    return this.session !== null && !this.session.expired && (this.session.tokens !== null || this.#external !== null);
  }

  /** Changes the record that all tabs share. */
  async update(change: (device: DeviceRecord) => DeviceRecord): Promise<void> {
    let now = this.device;
    await this.#store.transact([], (_, device) => {
      now = change(device);
      return now === device ? {} : { device: now };
    });
    this.see(now);
  }

  /** Takes over the record as a transaction found it. */
  see(device: DeviceRecord): void {
    if (JSON.stringify(device) === JSON.stringify(this.device)) return;
    this.device = device;
    this.#changed(device);
  }

  /** Asks the server as the user. Refreshes the tokens once if the server no longer takes them. */
  async ask<T>(request: (headers: { Authorization: string }) => Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
    const token = await this.token();
    try {
      return await dataOf(request({ Authorization: `Bearer ${token}` }));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      const next = await this.refreshed(token, error);
      try {
        return await dataOf(request({ Authorization: `Bearer ${next}` }));
      } catch (again) {
        if (again instanceof ApiError && again.status === 401) await this.#expire(next);
        throw again;
      }
    }
  }

  /** The token to use now. */
  async token(): Promise<string> {
    const session = this.session;
    if (!session || session.expired) throw new ApiError(401, "AUTH_005", "Log in to sync");
    if (session.tokens) return session.tokens.access;
    if (!this.#external) throw new ApiError(401, "AUTH_005", "Log in to sync");
    return this.#external();
  }

  /** A token that is newer than the one that failed. Throws `refusal` if there is none. */
  async refreshed(failed: string, refusal: ApiError): Promise<string> {
    if (this.session && !this.session.tokens) {
      const next = await this.token();
      if (next === failed) throw refusal;
      return next;
    }
    return this.#locks.run("refresh", async () => {
      await this.update((device) => device);
      const session = this.session;
      if (!session?.tokens || session.expired) throw refusal;
      // Another tab was faster.
      if (session.tokens.access !== failed) return session.tokens.access;
      const body = { refresh_token: session.tokens.refresh };
      try {
        const next = sessionOf(await dataOf(this.#api.POST("/api/v1/auth/refresh", { body })));
        await this.update((device) => (isSameLogin(device.session, session) ? { ...device, session: next } : device));
        return next.tokens?.access ?? failed;
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) await this.#expire(failed);
        throw error;
      }
    });
  }

  /** Gets newer tokens after a socket was closed for these. */
  refreshedAfter(failed: string): Promise<string> {
    return this.refreshed(failed, new ApiError(401, "AUTH_002", "The session has ended"));
  }

  /** The server refuses the session's tokens. Nothing is erased; the user has to log in again. */
  async #expire(failed: string): Promise<void> {
    await this.update((device) => {
      const { session } = device;
      if (!session || (session.tokens && session.tokens.access !== failed)) return device;
      return { ...device, session: { ...session, expired: session.tokens !== null } };
    });
  }
}
