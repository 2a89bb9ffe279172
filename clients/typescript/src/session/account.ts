/** Logging in and out, and the account's own requests. */

import { ApiError, UnsentChangesError } from "../errors.js";
import type { components } from "../generated/schema.js";
import { isUnsynced, type Entry } from "../model/entry.js";
import { ANONYMOUS, type SessionRecord, type Store } from "../store/store.js";
import type { SessionState } from "../types.js";
import { begin } from "./adopt.js";
import { sessionOf, type Auth } from "./auth.js";
import { userOf } from "./external.js";
import { pkce } from "./pkce.js";
import { textsOf, userFrom } from "./user.js";
import type { LogOutOptions, Profile, Session } from "./types.js";

type TokenResponse = components["schemas"]["TokenResponse"];

export interface AccountParts {
  readonly baseUrl: string;
  readonly auth: Auth;
  readonly store: Store;
  readonly deviceName: () => string;
  /** Resolves when the session in the store is known. */
  readonly ready: Promise<void>;
  /** Stores what was done in this tab. */
  readonly flush: () => Promise<void>;
  /** Forgets edits of the owner that pages left before they were stored. */
  readonly forget: (owner: string) => void;
  /** The session began or went on. */
  readonly began: () => void;
}

/** What a session record says to an application. */
export function stateOf(session: SessionRecord | null): SessionState {
  if (!session) return { status: "anonymous", user: null };
  return {
    status: session.expired ? "expired" : "loggedIn",
    user: { id: session.userId, ...shownOf(session) },
  };
}

/** Makes the session of a client. */
export function createSession(parts: AccountParts): Session {
  const { auth, store } = parts;
  const { anyone, user } = auth;
  const client = (): { client_id: string } => ({ client_id: parts.deviceName() });

  const enter = async (session: SessionRecord): Promise<void> => {
    await parts.flush();
    const device = await begin(store, session);
    auth.see(device);
    parts.began();
  };
  const enterWith = async (request: () => Promise<TokenResponse>): Promise<void> => {
    await parts.ready;
    await enter(sessionOf(await request()));
    auth.useExternal(null);
  };
  /**
   * Ends the session in the browser. Refuses if that would lose changes which were not given up.
   */
  const leave = async (owner: string, erases: boolean, discards: boolean): Promise<void> => {
    let device = auth.device;
    await store.transact([{ owner, since: -1 }], ([list], now) => {
      const entries = list?.entries ?? [];
      const count = (waits: (entry: Entry) => unknown): number => entries.filter(waits).length;
      const [unsent, conflicts, rejected] = [
        count(isUnsynced),
        count((entry) => entry.conflict),
        count((entry) => entry.rejected),
      ];
      if (erases && !discards && unsent + conflicts + rejected > 0)
        throw new UnsentChangesError(unsent, conflicts, rejected);
      device = now.session?.userId === owner ? { ...now, session: null, verifier: null } : now;
      return { device, ...(erases && { erase: [owner] }) };
    });
    if (erases) parts.forget(owner);
    auth.useExternal(null);
    auth.see(device);
  };
  /** Renews what the store has of the user, if that is still the one. */
  const amend = (userId: string, changes: Partial<Shown>): Promise<void> =>
    auth.update((device) =>
      device.session?.userId === userId
        ? { ...device, session: { ...device.session, ...changes } }
        : device,
    );

  return {
    getState: () => stateOf(auth.session),
    async describeServer() {
      const { version, registration, logins } = await anyone.GET("/api/v1/server");
      const { password, magic_link: magicLink, providers } = logins;
      return { version, registration, logins: { password, magicLink, providers } };
    },
    register: (email, password, { displayName, invitation } = {}) =>
      enterWith(() => {
        const body = given({ email, password, ...client(), display_name: displayName, invitation });
        return anyone.POST("/api/v1/auth/register", { body });
      }),
    logIn: (email, password) =>
      enterWith(() =>
        anyone.POST("/api/v1/auth/login", { body: { email, password, ...client() } }),
      ),
    async requestMagicLink(email) {
      await anyone.POST("/api/v1/auth/magic-link/request", { body: { email } });
    },
    useMagicLink: (token) =>
      enterWith(() =>
        anyone.GET("/api/v1/auth/magic-link/verify", { params: { query: { token, ...client() } } }),
      ),
    async startProviderLogIn(provider, returnTo) {
      await parts.ready;
      const { verifier, challenge } = await pkce();
      await auth.update((device) => ({ ...device, verifier }));
      const url = new URL(
        `${parts.baseUrl}/api/v1/auth/oauth/${encodeURIComponent(provider)}/login`,
      );
      if (returnTo !== undefined) url.searchParams.set("redirect_to", returnTo);
      url.searchParams.set("code_challenge", challenge);
      return url.href;
    },
    finishProviderLogIn: (code) =>
      enterWith(() => {
        const body = given({ code, ...client(), code_verifier: auth.device.verifier ?? undefined });
        return anyone.POST("/api/v1/auth/oauth/exchange", { body });
      }),
    async useExternalToken(getToken) {
      await parts.ready;
      auth.useExternal(getToken);
      const known = auth.session;
      try {
        const token = await getToken();
        const headers = { Authorization: `Bearer ${token}` };
        // Such a token allows todos only, so the server says whether it is valid, and it says
        // whose.
        await anyone.GET("/api/v1/todos", { params: { query: { per_page: 1 } }, headers });
        await enter({ ...userOf(token), tokens: null, expired: false });
      } catch (error) {
        // Without an answer, the user of the last page load goes on offline.
        if (error instanceof ApiError || !known || known.tokens) throw error;
        parts.began();
      }
    },
    async logOut({ everywhere = false, keep = false, discardUnsent = false }: LogOutOptions = {}) {
      await parts.ready;
      await parts.flush();
      const owner = auth.session?.userId ?? ANONYMOUS;
      const ended = auth.session?.tokens;
      await leave(owner, !keep, discardUnsent);
      if (!ended) return;
      const headers = { Authorization: `Bearer ${ended.access}` };
      // Offline, the server's session ends when its tokens expire.
      await anyone
        .POST("/api/v1/auth/logout", { body: { all: everywhere }, headers })
        .catch(() => undefined);
    },
    async forgotPassword(email) {
      await anyone.POST("/api/v1/auth/forgot-password", { body: { email } });
    },
    async resetPassword(token, password, unlinkProviders = false) {
      await anyone.POST("/api/v1/auth/reset-password", {
        body: { token, password, unlink_providers: unlinkProviders },
      });
    },
    async changePassword(current, next) {
      const body = { current_password: current, new_password: next };
      await user.POST("/api/v1/auth/change-password", { body });
    },
    async verifyEmail(token) {
      const { id, email_verified: emailVerified } = await anyone.POST("/api/v1/auth/verify-email", {
        body: { token },
      });
      await amend(id, { emailVerified });
    },
    async resendVerification() {
      await user.POST("/api/v1/auth/resend-verification");
    },
    profile: async () => profileOf(await user.GET("/api/v1/users/me")),
    async updateProfile({ displayName, email, currentPassword }) {
      const body = given({ display_name: displayName, email, current_password: currentPassword });
      const profile = profileOf(await user.PATCH("/api/v1/users/me", { body }));
      await amend(profile.id, shownOf(profile));
      return profile;
    },
    async devices() {
      const devices = await user.GET("/api/v1/users/me/devices");
      return devices.map((device) => ({
        id: device.id,
        name: device.client_id ?? null,
        userAgent: device.user_agent ?? null,
        ip: device.ip ?? null,
        createdAt: device.created_at,
        lastUsedAt: device.last_used_at,
        current: device.current,
      }));
    },
    async endDevice(id) {
      await user.DELETE("/api/v1/users/me/devices/{id}", { params: { path: { id } } });
    },
    async linkProvider(provider, currentPassword, returnTo) {
      const body = given({ current_password: currentPassword });
      const query = returnTo ? { redirect_to: returnTo } : {};
      const params = { path: { provider }, query };
      return (await user.POST("/api/v1/auth/oauth/{provider}/link", { params, body }))
        .authorization_url;
    },
    async unlinkProvider(provider, currentPassword) {
      const body = given({ current_password: currentPassword });
      await user.DELETE("/api/v1/auth/oauth/{provider}", { params: { path: { provider } }, body });
    },
    exportAccount: () => user.GET("/api/v1/users/me/export"),
    async deleteAccount(password) {
      const owner = auth.session?.userId;
      const body = given({ password });
      await user.DELETE("/api/v1/users/me", { body });
      if (owner !== undefined) await leave(owner, true, true);
    },
  };
}

/** What is shown of a user. */
type Shown = Pick<Profile, "email" | "displayName" | "emailVerified">;

function shownOf({ email, displayName, emailVerified }: Shown): Shown {
  return { email, displayName, emailVerified };
}

/** The members that are given: JSON leaves out the others. */
function given<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return members as { [K in keyof T]: Exclude<T[K], undefined> };
}

function profileOf(answer: components["schemas"]["Profile"]): Profile {
  const { userId: id, ...shown } = userFrom(answer, "id", "display_name");
  const text = textsOf(answer);
  return {
    id,
    ...shown,
    createdAt: text("created_at") ?? "",
    lastLogin: text("last_login"),
    hasPassword: answer.has_password,
    providers: answer.providers,
  };
}
