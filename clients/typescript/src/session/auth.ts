/** Tokens: one refresh at a time over all tabs, and a lost race is no log-out. */

import { isUnauthorized, loggedOut, ProtocolError } from "../errors.js";
import type { components } from "../generated/schema.js";
import { isSame } from "../model/fields.js";
import { apiOf, type Api, type RequestOptions, type Send } from "../net/api.js";
import { NEW_DEVICE, type DeviceRecord, type SessionRecord, type Store } from "../store/store.js";
import type { Locks } from "../tabs/locks.js";
import { textsOf, userFrom } from "./user.js";

type TokenResponse = components["schemas"]["TokenResponse"];

/** The session that an answer with tokens begins. */
export function sessionOf(response: TokenResponse): SessionRecord {
  const text = textsOf(response);
  const [access, refresh] = [text("access_token"), text("refresh_token")];
  if (!access || !refresh) throw new ProtocolError("Unexpected answer: no tokens");
  const user = userFrom(response.user, "id", "display_name");
  return { ...user, tokens: { access, refresh }, expired: false };
}

export interface AuthParts {
  readonly store: Store;
  readonly send: Send;
  readonly locks: Locks;
  /** The record that all tabs share is another one. */
  readonly changed: (device: DeviceRecord) => void;
}

export class Auth {
  /** As last seen in the store, which all tabs share. */
  device: DeviceRecord = NEW_DEVICE;
  /** Requests without a token. */
  readonly anyone: Api;
  /** Requests as the user who is logged in. */
  readonly user: Api = apiOf((...request) => this.#ask(...request));
  #external: (() => Promise<string>) | null = null;

  readonly #parts: AuthParts;

  constructor(parts: AuthParts) {
    this.#parts = parts;
    this.anyone = apiOf(parts.send);
  }

  get session(): SessionRecord | null {
    return this.device.session;
  }

  useExternal(getToken: (() => Promise<string>) | null): void {
    this.#external = getToken;
  }

  /** Whether requests can be made now. */
  get canAsk(): boolean {
    const { session } = this;
    return session !== null && !session.expired && (session.tokens ?? this.#external) !== null;
  }

  /** Changes the record that all tabs share. */
  async update(change: (device: DeviceRecord) => DeviceRecord): Promise<void> {
    let now = this.device;
    await this.#parts.store.transact([], (_, device) => {
      now = change(device);
      return now === device ? {} : { device: now };
    });
    this.see(now);
  }

  /** Takes over the record as a transaction found it. */
  see(device: DeviceRecord): void {
    if (isSame(device, this.device)) return;
    this.device = device;
    this.#parts.changed(device);
  }

  /** Asks as the user. Refreshes the tokens once if the server no longer takes them. */
  async #ask(method: string, path: string, options?: RequestOptions): Promise<unknown> {
    const owner = this.session?.userId;
    const ask = (token: string): Promise<unknown> =>
      this.#parts.send(method, path, { ...options, headers: { Authorization: `Bearer ${token}` } });
    const token = await this.token();
    try {
      return await ask(token);
    } catch (error) {
      if (!isUnauthorized(error)) throw error;
      const next = await this.refreshed(token, error, owner);
      return ask(next).catch(async (refusal: unknown) => {
        if (isUnauthorized(refusal)) await this.#expire(next);
        throw refusal;
      });
    }
  }

  /** The token to use now. */
  async token(): Promise<string> {
    const { session } = this;
    if (session && !session.expired) {
      if (session.tokens) return session.tokens.access;
      if (this.#external) return this.#external();
    }
    throw loggedOut();
  }

  /**
   * A token that is newer than the one that failed. Throws `refusal` if there is none, or if
   * another user has logged in since: what the one asked is never asked as the other.
   */
  async refreshed(
    failed: string,
    refusal: unknown = loggedOut(),
    owner = this.session?.userId,
  ): Promise<string> {
    if (this.session && !this.session.tokens) {
      const next = await this.token();
      if (next === failed || this.session?.userId !== owner) throw refusal;
      return next;
    }
    return this.#parts.locks.run("refresh", async () => {
      await this.update((device) => device);
      const session = this.session;
      if (!session?.tokens || session.expired || session.userId !== owner) throw refusal;
      // Another tab was faster.
      if (session.tokens.access !== failed) return session.tokens.access;
      const body = { refresh_token: session.tokens.refresh };
      try {
        const next = sessionOf(await this.anyone.POST("/api/v1/auth/refresh", { body }));
        await this.update((device) =>
          device.session?.userId === session.userId && device.session.tokens
            ? { ...device, session: next }
            : device,
        );
        return next.tokens?.access ?? failed;
      } catch (error) {
        if (isUnauthorized(error)) await this.#expire(failed);
        throw error;
      }
    });
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
