/** Whose todos a token of another issuer opens. */

import { ProtocolError } from "../errors.js";
import { isObject } from "../model/fields.js";
import { ANONYMOUS, type SessionRecord } from "../store/store.js";

/** The user that a JWT (RFC 7519) names. Only the server checks the signature. */
export function userOf(
  token: string,
): Pick<SessionRecord, "userId" | "email" | "displayName" | "emailVerified"> {
  const claims = claimsOf(token);
  const text = (name: string): string | null =>
    typeof claims[name] === "string" ? claims[name] : null;
  const userId = text("sub");
  // Todos without an account have a name of their own in the store.
  if (!userId || userId === ANONYMOUS) throw new ProtocolError("The token has no sub");
  return {
    userId,
    email: text("email"),
    displayName: text("name"),
    emailVerified: claims["email_verified"] === true,
  };
}

function claimsOf(token: string): Record<string, unknown> {
  try {
    const encoded = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isObject(claims) ? claims : {};
  } catch {
    return {};
  }
}
