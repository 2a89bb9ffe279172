/** Whose todos a token of another issuer opens. */

import type { SessionRecord } from "../store/store.js";
import { userFrom } from "./user.js";

/** The user that a JWT (RFC 7519) names. Only the server checks the signature. */
export function userOf(token: string): Omit<SessionRecord, "tokens" | "expired"> {
  return userFrom(claimsOf(token), "sub", "name");
}

function claimsOf(token: string): unknown {
  try {
    const encoded = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}
