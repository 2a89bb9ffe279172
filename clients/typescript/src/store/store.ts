/** The port to where a device keeps its todos. */

import type { Entry, Meta } from "../model/entry.js";

/** The owner of a list that belongs to no account. */
export const ANONYMOUS = "anonymous";

/** Who is logged in in this browser. One record for all tabs. */
export interface SessionRecord {
  readonly userId: string;
  readonly email: string | null;
  readonly displayName: string | null;
  readonly emailVerified: boolean;
  /** Null for tokens of another issuer. */
  readonly tokens: Tokens | null;
  /** Whether the server refused the tokens: the user has to log in again. */
  readonly expired: boolean;
}

export interface Tokens {
  readonly access: string;
  readonly refresh: string;
}

/** What is kept for the device as a whole. */
export interface DeviceRecord {
  readonly session: SessionRecord | null;
  /** The name of this device, made once. */
  readonly deviceName: string | null;
  /** The secret of a login with a provider that is under way. */
  readonly verifier: string | null;
}

export const NEW_DEVICE: DeviceRecord = { session: null, deviceName: null, verifier: null };

/** The part of a list that a transaction reads. */
export interface Scope {
  readonly owner: string;
  /** Only entries of later revisions are read. */
  readonly since: number;
}

/** What a transaction found of a list. */
export interface Found {
  /** Null for a list that was never written. */
  readonly meta: Meta | null;
  readonly entries: readonly Entry[];
}

/** What a transaction writes. What is absent stays as it is. */
export interface Write {
  readonly device?: DeviceRecord;
  /** Entries are written with the revision of `meta`. */
  readonly lists?: readonly {
    readonly owner: string;
    readonly meta: Meta;
    readonly entries: readonly Entry[];
  }[];
  /** Lists to erase, before anything is written. */
  readonly erase?: readonly string[];
}

/**
 * A store. An implementation MUST run each transaction alone, in all tabs, and MUST write all of it
 * or nothing, also when the process dies in the middle.
 */
export interface Store {
  readonly kind: "indexeddb" | "memory";
  /** Reads the scopes and the device, calls `work`, and writes what it returns. */
  transact(
    scopes: readonly Scope[],
    work: (found: readonly Found[], device: DeviceRecord) => Write,
  ): Promise<void>;
  /** Takes the lease of this name until `until`, unless another holder has it at `now`. */
  takeLease(name: string, holder: string, now: number, until: number): Promise<boolean>;
  releaseLease(name: string, holder: string): Promise<void>;
  close(): Promise<void>;
}
