// A complete client of the sync protocol that keeps its state in memory. docs/sync.md explains the steps.
// A real client keeps the state in a database, and stores each answer in one transaction.
import { digest } from "./digest.js";
import type { Change, Conflict, Fields, Row, Send } from "./fields.js";
import { deletes, differing, heals, initial, isContested, isEmpty, isShrunk, isStrange, itemOf, join, lacking, moved,
  pick, rowOf, unaware, whole, withRemovals } from "./fields.js";

export class TodoClient {
  rows = new Map<string, Row>(); // what the server acknowledged; tombstones are kept for 90 days
  unsent = new Map<string, Change>();
  inFlight = new Map<string, Change>(); // frozen until the answer comes
  conflicts = new Map<string, Conflict>(); // for the user to decide
  rejected = new Map<string, { fields: Fields; message: string }>(); // for the user to correct
  repairs = 0; // since the digests last agreed
  #accepted = new Map<string, Row>(); // as sent, until the last page
  #table: Map<string, Row> | null = null; // during a repair, what has been read
  #cursor: string | null = null;
  #epoch: string | null = null;
  #behind = true;
  #reading = false; // from the beginning once more: nothing is sent before the last page
  readonly #send: Send;
  constructor(send: Send) { this.#send = send; }

  /** The todo as the user sees it. */
  view(id: string): Fields {
    const [row, change] = [this.#accepted.get(id) ?? this.rows.get(id), this.unsent.get(id)];
    return { ...(row?.fields ?? change?.seen), ...this.inFlight.get(id)?.fields, ...change?.fields };
  }
  /** Changes or creates a todo. To restore one, name all its fields: `{ ...view(id), deleted: false }`. */
  edit(id: string, fields: Fields): void {
    const { version: base = 0, fields: seen = {} } = this.rows.get(id) ?? {};
    const made = { base, seen, sent: {}, fields, at: new Date().toISOString(), lost: null, waits: null };
    this.unsent.set(id, join(this.unsent.get(id), made)!);
  }
  /** Decides a conflict: `{}` for the server's values, `conflict.mine` for this device's, or others. */
  decide(id: string, fields: Fields): void {
    const [server, all] = [this.rows.get(id)?.fields, this.conflicts.get(id)!.whole];
    this.conflicts.delete(id);
    if (isEmpty(fields)) return;
    const restores = !deletes(fields) && (!server || deletes(server));
    this.edit(id, restores ? { ...(server?.["text"] ? server : all), deleted: false, ...fields } : fields);
  }
  /** Exchanges changes until nothing is left to send or read. After an error, all is kept: call it again. */
  async sync(): Promise<void> {
    do {
      const isNew = this.#cursor === null && !this.#reading;
      if (this.inFlight.size === 0 && (!this.#behind || isNew)) for (const id of this.#ready()) {
        this.inFlight.set(id, this.unsent.get(id)!);
        this.unsent.delete(id);
      }
      const { status, body } = await this.#send({ strategy: "merge", last_sync: this.#cursor, epoch: this.#epoch,
        include_deleted: this.#reading, todos: [...this.inFlight].map(itemOf) });
      if (status === 410) this.#gone(body.details);
      else if (status === 200) this.#take(body);
      else throw new Error(`${status} ${body.message}`); // log in again, wait, or send fewer todos
    } while (this.#behind || this.inFlight.size > 0 || this.#ready().length > 0);
  }
  #ready(): string[] {
    const isReady = (id: string): boolean => this.unsent.get(id)!.lost !== null || !this.conflicts.has(id);
    return [...this.unsent.keys()].filter((id) => !this.#accepted.has(id) && isReady(id)).slice(0, 1000);
  }
  #take({ applied, versions, stamps, conflicts, rejected, server_changes, digest: server, ...answer }: any): void {
    const landed = (id: string): Change => { const it = this.inFlight.get(id)!; this.inFlight.delete(id); return it; };
    const alien = (todo: any): boolean => !this.inFlight.has(todo.id) && isStrange(this.rows.get(todo.id), todo);
    const below = applied.filter((id: string) => versions[id] > 0 && versions[id] < this.inFlight.get(id)!.base);
    const compares = !this.#table && this.#cursor !== null && !this.#isHealing();
    const strange = below.length > 0 || (compares && server_changes.some(alien));
    for (const id of applied) if (!below.includes(id)) this.#apply(id, landed(id), versions[id], stamps[id]);
    for (const conflict of conflicts) this.#refuse(conflict, landed(conflict.id));
    for (const { id, message } of rejected) {
      this.rejected.set(id, { fields: join(landed(id), this.unsent.get(id))!.fields, message });
      this.unsent.delete(id);
    }
    for (const todo of strange ? [] : server_changes) {
      const held = this.rows.get(todo.id);
      const row = rowOf(todo);
      const isNew = held ? held.stamp <= row.stamp || this.#accepted.has(todo.id) : !deletes(row.fields);
      if (this.#table) this.#table.set(todo.id, row);
      else if (isNew || (!held && this.#reading)) this.rows.set(todo.id, row);
    }
    [this.#cursor, this.#epoch, this.#behind] = [answer.sync_timestamp, answer.epoch, answer.has_more];
    if (strange) this.#repair();
    else if (!this.#behind) this.#finish(server);
  }
  #isHealing = (): boolean => [...this.inFlight.values(), ...this.unsent.values()].some(({ lost }) => lost !== null);
  #apply(id: string, change: Change, version: number, stamp: string): void {
    const row = { version, stamp, fields: { ...initial, ...this.rows.get(id)?.fields, ...change.fields } };
    if (version > 0) return void (this.rows.set(id, row), this.#accepted.set(id, row));
    this.rows.delete(id); // the server never had what was deleted
    if (this.unsent.has(id)) this.unsent.get(id)!.base = 0;
  }
  #refuse({ id, server_data, fields, resolved }: any, change: Change): void {
    const [server, later] = [rowOf(server_data), this.unsent.get(id)];
    const all = join(change, later)!;
    this.unsent.delete(id);
    this.rows.set(id, server);
    if (heals(change) && server.stamp <= change.lost!) // what the server lost is newer than what it has
      return void this.unsent.set(id, { ...all, base: server.version, seen: server.fields,
        fields: withRemovals(all.fields, server.fields) });
    const contested = resolved === "server" ? {} : pick(change.fields, (name) => fields.includes(name));
    this.#open(id, { ...contested, ...later?.fields }, { ...change.seen, ...all.fields }, change.lost !== null);
  }
  /** Bases later edits on the todos that came back, except where those differ from what this device showed. */
  #settle(): void {
    for (const [id, { fields: shown }] of this.#accepted) {
      const [change, now] = [this.unsent.get(id), this.rows.get(id)!];
      const others = isShrunk(now.fields) && deletes(shown) ? [] : differing(now.fields, shown);
      if (change && isContested(change.fields, others, now.fields)) {
        this.unsent.delete(id);
        this.#open(id, change.fields, { ...shown, ...change.fields }, false);
      } else if (change) this.unsent.set(id, { ...change, base: now.version, seen: now.fields });
    }
    this.#accepted.clear();
  }
  #finish(server: string): void {
    const table = this.#table;
    this.#settle();
    this.#reading = false;
    if (table) this.#compare(table);
    for (const [id, change] of this.unsent) if (change.waits) this.#rebase(id, change);
    if (digest(this.rows) === server) this.repairs = 0;
    else if (!table && !this.#isHealing()) this.#repair();
  }
  /** Takes up a change after everything was read again. */
  #rebase(id: string, change: Change): void {
    const { seen, sent, fields, waits } = change;
    const [row, all] = [this.rows.get(id), { ...seen, ...fields }];
    const [now, plain] = [row?.fields ?? {}, { ...change, sent: {}, lost: null, waits: null }];
    const isForgotten = !row || (isShrunk(now) && !deletes({ ...seen, ...sent }));
    this.unsent.delete(id);
    if (isForgotten && deletes(fields)) return; // it is gone anyway
    const mine = row ? lacking(now, fields) : fields;
    if (waits === "ask") this.#open(id, mine, all, true);
    else if (isForgotten) this.unsent.set(id, { ...plain, base: 0, seen: {}, fields: { ...all, deleted: false } });
    else if (isContested(mine, moved(now, change), now)) this.#open(id, mine, all, false);
    else if (!isEmpty(mine)) this.unsent.set(id, { ...plain, base: row.version, seen: now, fields: mine });
  }
  /** The cursor can't be continued, and nothing was written. */
  #gone({ reason, epoch, restored_to: to, horizon }: any): void {
    const isRestored = reason === "restored";
    if (this.#table || (isRestored && to === null)) return this.#repair();
    if (isRestored) this.#settle(); // everything up to `to` has come
    const lost = isRestored ? [...this.rows].filter(([, { stamp }]) => stamp > to) : [];
    if (isRestored && to >= horizon) {
      for (const [id, row] of lost) this.#giveBack(id, row, to);
      return void ([this.#epoch, this.#cursor, this.#behind] = [epoch, to, true]);
    }
    for (const id of new Set([...lost.map(([id]) => id), ...this.inFlight.keys(), ...this.unsent.keys()])) {
      const sent = { ...this.#accepted.get(id)?.fields, ...this.inFlight.get(id)?.fields };
      const shown = whole(this.view(id));
      this.#unfreeze(id);
      if (isRestored) this.edit(id, shown); // lost too long ago to be sent unasked
      const change = this.unsent.get(id)!;
      const waits = isRestored ? "ask" : change.waits ?? "rebase";
      if (isRestored || !heals(change)) this.unsent.set(id, { ...change, sent: { ...change.sent, ...sent }, waits });
    }
    this.#accepted.clear();
    this.rows = new Map([...this.rows].filter(([, { fields }]) => deletes(fields)));
    [this.#cursor, this.#epoch, this.#behind, this.#reading] = [null, null, true, true];
  }
  /** Gives a todo back whole, with unsent values where the user saw what they replace. */
  #giveBack(id: string, { fields: held, stamp }: Row, lost: string): void {
    this.#unfreeze(id);
    const { seen = held, fields: mine = {}, at = stamp } = this.unsent.get(id) ?? {};
    const asked = unaware(mine, seen, held);
    this.#open(id, asked, { ...held, ...mine }, false);
    const fields = whole({ ...held, ...pick(mine, (name) => !(name in asked)) });
    this.unsent.set(id, { base: 0, seen: held, sent: {}, fields, at, lost, waits: null });
  }
  /** Reads everything beside the rows, to give back what the server has not or has otherwise. */
  #repair(): void {
    this.#settle();
    for (const id of this.inFlight.keys()) this.#unfreeze(id);
    if (++this.repairs > 5) throw new Error("the digests differ again and again");
    this.#table = new Map();
    [this.#cursor, this.#epoch, this.#behind, this.#reading] = [null, null, true, true];
  }
  #compare(table: Map<string, Row>): void {
    const held = this.rows;
    [this.rows, this.#table, this.#behind] = [table, null, true]; // one more round compares the digests
    for (const [id, row] of held) {
      const now = table.get(id);
      if ((now?.version === row.version && now.stamp === row.stamp) || this.unsent.get(id)?.waits) continue;
      if (!now && deletes(row.fields)) table.set(id, row);
      this.#giveBack(id, row, row.stamp);
    }
  }
  #unfreeze(id: string): void {
    const change = join(this.inFlight.get(id), this.unsent.get(id));
    if (change) this.unsent.set(id, change);
    this.inFlight.delete(id);
  }
  /** Leaves values to the user. Acknowledged ones do not replace those that were never sent. */
  #open(id: string, mine: Fields, all: Fields, isAcknowledged: boolean): void {
    if (isEmpty(mine)) return;
    const { mine: open = {}, whole: known = {} } = this.conflicts.get(id) ?? {};
    const both = isAcknowledged ? { ...mine, ...open } : { ...open, ...mine };
    this.conflicts.set(id, { mine: both, whole: { ...known, ...all } });
  }
}
