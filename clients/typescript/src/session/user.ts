/** What a server's answer, or a token, says of a user. */

import { ProtocolError } from "../errors.js";
import { isObject } from "../model/fields.js";
import { ANONYMOUS, type SessionRecord } from "../store/store.js";

/** The members that are texts; the others are null. */
export function textsOf(value: unknown): (name: string) => string | null {
  const members = isObject(value) ? value : {};
  return (name) => (typeof members[name] === "string" ? members[name] : null);
}

/** The user whose id and name these members have. A user needs an id. */
export function userFrom(
  value: unknown,
  id: string,
  name: string,
): Pick<SessionRecord, "userId" | "email" | "displayName" | "emailVerified"> {
  const text = textsOf(value);
  const userId = text(id);
  // Todos without an account have a name of their own in the store.
  if (!userId || userId === ANONYMOUS) throw new ProtocolError(`Unexpected answer: no ${id}`);
  const emailVerified = isObject(value) && value["email_verified"] === true;
  return { userId, email: text("email"), displayName: text(name), emailVerified };
}
