/** The socket: tells at once that something changed. What changed is read by a sync. */

import { isUnauthorized } from "./errors.js";
import { isObject } from "./model/fields.js";
import { parsed } from "./net/api.js";
import { after, backoff } from "./platform/timer.js";

export interface LiveParts {
  readonly url: string;
  readonly WebSocket: typeof globalThis.WebSocket;
  readonly token: () => Promise<string>;
  /** Gets newer tokens after the server refused these. */
  readonly refresh: (failed: string) => Promise<unknown>;
  readonly cursor: () => string | null;
  readonly deviceName: () => string;
  /** The server has changes up to this stamp; null if the device has to ask. */
  readonly told: (stamp: string | null) => void;
  readonly changed: () => void;
}

/** How long the first message may take, with the handshake. */
const READY_WITHIN = 60_000;
const PING_EVERY = 25_000;
const PONG_WITHIN = 20_000;

export class Live {
  isOpen = false;
  #socket: WebSocket | null = null;
  /** Cancels the timer: there is one at a time. */
  #clear: () => void = () => undefined;
  #failures = 0;
  #isClosed = false;
  /** Whether it connects, or waits to. */
  #isTrying = false;
  /** The try under way is the last one; `disconnect` ends it. */
  #tries = 0;

  readonly #parts: LiveParts;

  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  /** Connects, unless it is connected or waits to be. */
  connect(): void {
    if (!this.#isTrying) this.#try();
  }

  /** The next `connect` does not wait, as after the network came back. */
  forgive(): void {
    this.#failures = 0;
    this.#isTrying = false;
  }

  #try(): void {
    if (this.#isClosed || this.#socket) return;
    this.#isTrying = true;
    this.#clear();
    const current = (this.#tries += 1);
    void this.#open(current).catch(() => this.#tries === current && this.#again());
  }

  /** Ends the connection, until `connect`. */
  disconnect(): void {
    this.#clear();
    this.#tries += 1;
    this.#isTrying = false;
    this.#socket?.close();
    this.#socket = null;
    this.#setOpen(false);
  }

  close(): void {
    this.#isClosed = true;
    this.disconnect();
  }

  async #open(current: number): Promise<void> {
    const token = await this.#parts.token();
    if (this.#tries !== current) return;
    const url = new URL(this.#parts.url);
    const cursor = this.#parts.cursor();
    if (cursor) url.searchParams.set("since", cursor);
    url.searchParams.set("client_id", this.#parts.deviceName());
    const socket = new this.#parts.WebSocket(url, ["bearer", token]);
    this.#socket = socket;
    this.#giveUpAfter(READY_WITHIN);
    // It closes after an error. Those of the package `ws` throw errors that nobody hears.
    socket.onerror = () => undefined;
    socket.onmessage = (event) => this.#socket === socket && this.#hear(String(event.data));
    socket.onclose = (event) => {
      if (this.#socket !== socket) return;
      this.disconnect();
      this.#isTrying = true;
      void this.#closed(event.code, token);
    };
  }

  async #closed(code: number, token: string): Promise<void> {
    // Without a session there is nothing to listen to; a login connects again.
    const isOver =
      code === 4401 && (await this.#parts.refresh(token).then(() => false, isUnauthorized));
    if (isOver || code === 4403) this.#isTrying = false;
    else this.#again(code);
  }

  #again(code = 0): void {
    if (this.#isClosed || this.#socket) return;
    this.#isTrying = true;
    const wait = backoff(this.#failures);
    // A planned end is soon over.
    const isShort = this.#failures === 0 && [1012, 4401].includes(code);
    this.#failures += 1;
    this.#clear = after(isShort ? wait / 10 : wait, () => this.#try());
  }

  #hear(data: string): void {
    const message = parsed(data);
    if (!isObject(message)) return;
    // Whatever comes shows that the connection lives.
    this.#beat();
    const { type, todo } = message;
    if (type === "ready") {
      this.#failures = 0;
      this.#setOpen(true);
    }
    if (type === "resync_required") this.#parts.told(null);
    const { sync_timestamp, updated_at } = { ...(todo as object), ...message };
    const stamp = sync_timestamp ?? updated_at;
    if (typeof stamp === "string" && stamp > (this.#parts.cursor() ?? "")) this.#parts.told(stamp);
  }

  /** Pings after a while, and gives the connection up if nothing comes back. */
  #beat(): void {
    this.#clear();
    this.#clear = after(PING_EVERY, () => {
      this.#socket?.send('{"type":"ping"}');
      this.#giveUpAfter(PONG_WITHIN);
    });
  }

  /** Gives the connection up, unless the timer is cleared before. */
  #giveUpAfter(wait: number): void {
    this.#clear = after(wait, () => {
      this.disconnect();
      this.#again();
    });
  }

  #setOpen(isOpen: boolean): void {
    if (this.isOpen === isOpen) return;
    this.isOpen = isOpen;
    this.#parts.changed();
  }
}
