/** The errors that this package rejects with or throws. */

import type { FieldName } from "./types.js";

/** The server refused a request. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(
    readonly status: number,
    /** The server's code, such as `AUTH_001`; `UNKNOWN` if the answer was not the server's. */
    readonly code: string,
    message: string,
    /** Facts, such as `field` or `errors`. */
    readonly details: Readonly<Record<string, unknown>> = {},
    /** Seconds to wait; null if the server named none. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

/** Whether the server no longer knows the user. A proxy's 401 says nothing about that. */
export function isUnauthorized(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401 && error.code !== "UNKNOWN";
}

/** What an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What follows for the user if nothing can be stored. */
export function untilClosed(error: unknown): string {
  return `Changes are lost when this page closes: ${messageOf(error)}`;
}

/** What asking without a session fails with. */
export function loggedOut(): ApiError {
  return new ApiError(401, "AUTH_005", "Log in to sync");
}

/** No answer came: no network, a time limit, a broken connection. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
}

/** An answer came that no such server gives; nothing of it was taken. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** The browser's storage refused to write or read. */
export class StorageError extends Error {
  override readonly name = "StorageError";
}

/** A value that the server would refuse. */
export class InvalidTodoError extends Error {
  override readonly name = "InvalidTodoError";
  constructor(
    readonly field: FieldName,
    message: string,
  ) {
    super(message);
  }
}

/** Logging out would lose changes. */
export class UnsentChangesError extends Error {
  override readonly name = "UnsentChangesError";
  constructor(
    readonly pending: number,
    readonly conflicts: number,
    readonly rejected: number,
  ) {
    super(
      `${pending} unsent, ${conflicts} contested and ${rejected} rejected changes would be lost`,
    );
  }
}
