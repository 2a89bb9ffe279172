/** What an application does with sessions and accounts. */

import type { SessionState } from "../types.js";

/** How to log out. */
export interface LogOutOptions {
  /** Ends all sessions of the user, on every device. */
  readonly everywhere?: boolean;
  /** Keeps the user's todos in this browser for the next login; by default they are erased. */
  readonly keep?: boolean;
  /** Gives up unsent, contested and rejected changes. Without it, they make `logOut` refuse. */
  readonly discardUnsent?: boolean;
}

/** What a registration may add to address and password. */
export interface RegisterOptions {
  readonly displayName?: string | undefined;
  /**
   * The token of the link that the operator sent, where {@link ServerDescription.registration} is
   * `invite`. It admits the address that it was made for.
   */
  readonly invitation?: string | undefined;
}

/** What a server offers. */
export interface ServerDescription {
  readonly version: string;
  /** Who may create an account: everyone, invited users, or no one. */
  readonly registration: "open" | "invite" | "closed";
  readonly logins: {
    readonly password: boolean;
    readonly magicLink: boolean;
    readonly providers: readonly string[];
  };
}

/** The user's account in full. */
export interface Profile {
  readonly id: string;
  readonly email: string | null;
  readonly displayName: string | null;
  readonly emailVerified: boolean;
  readonly createdAt: string;
  readonly lastLogin: string | null;
  readonly hasPassword: boolean;
  readonly providers: readonly string[];
}

/** A session of the user on some device. */
export interface DeviceSession {
  readonly id: string;
  readonly name: string | null;
  readonly userAgent: string | null;
  readonly ip: string | null;
  readonly createdAt: string;
  readonly lastUsedAt: string;
  readonly current: boolean;
}

/**
 * Logs in and out, and manages the account. Each method that asks the server rejects with an
 * {@link ApiError} if the server refuses, and with a {@link NetworkError} if it can't be reached.
 * Logging in adopts the todos that were made without an account.
 */
export interface Session {
  getState(): SessionState;
  /** Asks the server what it offers. */
  describeServer(): Promise<ServerDescription>;
  register(email: string, password: string, options?: RegisterOptions): Promise<void>;
  logIn(email: string, password: string): Promise<void>;
  /** Has a link sent to the address; its page calls {@link Session.useMagicLink}. */
  requestMagicLink(email: string): Promise<void>;
  useMagicLink(token: string): Promise<void>;
  /**
   * The URL at which to log in with a provider. The browser comes back to `returnTo` with a `code`
   * for {@link Session.finishProviderLogIn}, which only this browser can use.
   */
  startProviderLogIn(provider: string, returnTo?: string): Promise<string>;
  finishProviderLogIn(code: string): Promise<void>;
  /**
   * Uses tokens of another issuer, such as Better Auth. `getToken` is called whenever a token is
   * needed; after a page load, call this again.
   */
  useExternalToken(getToken: () => Promise<string>): Promise<void>;
  /**
   * Rejects with an {@link UnsentChangesError} if changes would be lost and `discardUnsent` is not
   * set. Works offline too: the server's session then ends when its tokens expire.
   */
  logOut(options?: LogOutOptions): Promise<void>;
  forgotPassword(email: string): Promise<void>;
  resetPassword(token: string, password: string, unlinkProviders?: boolean): Promise<void>;
  changePassword(current: string, next: string): Promise<void>;
  verifyEmail(token: string): Promise<void>;
  resendVerification(): Promise<void>;
  profile(): Promise<Profile>;
  updateProfile(changes: {
    displayName?: string;
    email?: string;
    currentPassword?: string;
  }): Promise<Profile>;
  devices(): Promise<readonly DeviceSession[]>;
  endDevice(id: string): Promise<void>;
  /**
   * The URL at which this browser links a provider to the account. It comes back to `returnTo`.
   */
  linkProvider(provider: string, currentPassword?: string, returnTo?: string): Promise<string>;
  unlinkProvider(provider: string, currentPassword?: string): Promise<void>;
  /** Everything that the server stores about the user, as JSON. */
  exportAccount(): Promise<unknown>;
  /** Deletes the account on the server, then this device's copy of it. */
  deleteAccount(password?: string): Promise<void>;
}
