// The sync protocol with its state in memory: rounds, conflicts, healing, repair. docs/sync.md explains it.
// A real client keeps the state in a database, and stores what an answer changes in one transaction.
import type { Answer, Change, Fields, Gone, Refusal, Row, Server } from "./types.js";

const initial: Fields = { description: null, completed: false, deleted: false };
export const unknown: Row = { version: 0, stamp: "", fields: {} };
const LATEST = "~"; // later than every stamp
const agree = (a: Fields, b: Fields, name: string): boolean =>
  JSON.stringify(a[name] ?? initial[name] ?? null) === JSON.stringify(b[name] ?? initial[name] ?? null);
const pick = (fields: Fields, keep: (name: string) => boolean): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => keep(name)));
/** The part of `fields` that `held` has otherwise. */
const lacking = (held: Fields, fields: Fields): Fields => pick(fields, (name) => !agree(held, fields, name));
const isEmpty = (fields: Fields): boolean => Object.keys(fields).length === 0;
export const deletes = (fields: Fields): boolean => fields["deleted"] === true;
const isShrunk = (fields: Fields): boolean => deletes(fields) && !fields["text"];
const whole = (fields: Fields): Fields =>
  deletes(fields) ? { deleted: true } : { ...fields, deleted: false };
/** Whether a todo can't have become of `held` through changes: it is of another history. */
const isOther = (held: Row, now: { version: number; stamp: string }): boolean =>
  now.version <= held.version && now.stamp !== held.stamp;

export class SyncLoop {
  rows = new Map<string, Row>(); // what the server acknowledged; tombstones are kept for 90 days
  unsent = new Map<string, Change>();
  inFlight = new Map<string, Change>(); // frozen until the answer comes
  conflicts = new Map<string, { mine: Fields; whole: Fields }>(); // for the user to decide
  rejected = new Map<string, { fields: Fields; message: string }>(); // for the user to correct
  #cursor: string | null = null;
  #epoch: string | null = null;
  /** All is read again. Rows later than `lost` that are missing then are given back, or asked about. */
  #reading: { lost: string; asked: string } | null = null; // the latter up to `asked`
  #repairs = 0; // since the digests last agreed
  readonly #server: Server;
  constructor(server: Server) { this.#server = server; }

  /** Exchanges changes until nothing is left to send or read. After an error, all is kept: call it again. */
  async sync(): Promise<void> {
    let answer: Answer | Gone;
    do {
      if (this.inFlight.size === 0) for (const [id, change] of this.#ready()) {
        this.inFlight.set(id, change);
        this.unsent.delete(id);
      }
      answer = await this.#round();
      if ("reason" in answer) this.#gone(answer);
      else if (this.#reading) this.#compare(answer, this.#reading);
      else this.#take(answer);
    } while ("reason" in answer || this.#reading || this.inFlight.size + this.#ready().length > 0);
  }
  #ready(): [id: string, Change][] {
    const mayGo = ([id, { lost }]: [string, Change]): boolean => lost !== null || !this.conflicts.has(id);
    return this.#reading ? [] : [...this.unsent].filter(mayGo).slice(0, 1000); // nothing before all is read
  }
  /** Sends what is in flight, and reads all pages. Nothing of them counts before the last one. */
  async #round(): Promise<Answer | Gone> {
    const again = this.#reading !== null;
    const place = again ? { cursor: null, epoch: null } : { cursor: this.#cursor, epoch: this.#epoch };
    let all = await this.#server.exchange({ ...place, again, changes: again ? [] : [...this.inFlight] });
    while (!("reason" in all) && all.hasMore) {
      const page = await this.#server.exchange({ cursor: all.cursor, epoch: all.epoch, again, changes: [] });
      if ("reason" in page || page.epoch !== all.epoch) { // restored or swept between two pages
        if (again) this.#reading = { lost: "", asked: LATEST }; // what is missing is lost, or deleted
        return this.#round();
      }
      const { applied, conflicts, rejected } = all;
      all = { ...page, applied, conflicts, rejected, changes: [...all.changes, ...page.changes] };
    }
    return all;
  }
  #take({ applied, conflicts, rejected, changes, cursor, epoch, digest }: Answer): void {
    let isStrange = this.#cursor !== null && !this.#isHealing() && changes.some(([id, row]) => {
      const held = this.rows.get(id) ?? unknown;
      const lacks = !deletes(held.fields) || !deletes(row.fields);
      return lacks && isOther(held, row) && !this.inFlight.has(id);
    });
    const accepted = new Map<string, Fields>();
    for (const { id, version, stamp } of applied) {
      const { seen, fields, heals } = this.inFlight.get(id)!;
      const [held, later] = [this.rows.get(id) ?? unknown, this.unsent.get(id)];
      const others = [seen, held].filter((known) => isOther(known, { version, stamp }));
      const isAnew = version > 0 && !heals && others.length > 0; // created from this change alone
      // Applied to an older todo than the device knows: the server lost something.
      if (isAnew && others.some((known) => stamp <= known.stamp)) { isStrange = true; continue; }
      const row = { version, stamp, fields: { ...initial, ...(isAnew ? {} : held.fields), ...fields } };
      this.inFlight.delete(id);
      this.rows.set(id, row);
      accepted.set(id, row.fields);
      if (version === 0) this.rows.delete(id); // it was never there to be deleted
      const left = pick(lacking(initial, seen.fields), (name) => name !== "deleted" && !(name in fields));
      if (isAnew && !deletes(fields) && !isEmpty(left)) // what the change left out follows
        this.unsent.set(id, { seen: row, fields: { ...left, ...later?.fields }, lost: null, heals: false });
    }
    for (const refusal of conflicts) this.#refuse(refusal);
    for (const { id, message } of rejected) this.rejected.set(id, { ...this.#takeBack(id)!, message });
    // A repair compares what the device holds, so nothing may replace it before.
    for (const [id, row] of isStrange ? [] : changes) {
      const held = this.rows.get(id);
      const concerns = held || !deletes(row.fields) || this.unsent.has(id) || this.conflicts.has(id);
      if (concerns && (!held || held.stamp <= row.stamp)) this.rows.set(id, row);
    }
    for (const [id, shown] of accepted) this.#rebase(id, this.rows.get(id), shown, {}, true);
    [this.#cursor, this.#epoch] = [cursor, epoch];
    if (!isStrange && this.#server.digest(this.rows) === digest) this.#repairs = 0;
    else if (isStrange || !this.#isHealing()) this.#repair();
  }
  #isHealing = (): boolean => [...this.inFlight, ...this.unsent].some(([, { lost }]) => lost !== null);
  #refuse({ id, server, fields, resolved }: Refusal): void {
    const [change, later, held] = [this.inFlight.get(id)!, this.unsent.get(id), this.rows.get(id)];
    const all = this.#takeBack(id)!;
    if (change.lost !== null || !held || held.stamp < server.stamp) this.rows.set(id, server);
    const removed: Fields = {}; // metadata that the server has besides what is given back whole
    if (change.lost !== null && !deletes(all.fields)) for (const name of Object.keys(server.fields))
      if (name.startsWith("metadata.") && !(name in change.fields)) removed[name] = null;
    if (change.heals && server.stamp <= change.lost!) // older than what it lost: the same goes on top
      this.unsent.set(id, { ...all, seen: server, fields: { ...removed, ...all.fields }, heals: false });
    else {
      const asked = resolved === "server" ? [] : [...Object.keys(removed), ...fields];
      const contested = pick({ ...removed, ...change.fields }, (name) => asked.includes(name));
      const mine = { ...contested, ...later?.fields };
      this.#open(id, mine, { ...change.seen.fields, ...all.fields }, change.lost !== null);
    }
  }
  /** Bases an unsent change on `now`. It is contested where that is neither as seen nor as sent. */
  #rebase(id: string, now: Row | undefined, shown: Fields | null, sent: Fields, creates: boolean): void {
    const change = this.#takeBack(id);
    if (!change) return;
    const seen = shown ?? change.seen.fields;
    const [all, known] = [{ ...seen, ...change.fields }, { ...seen, ...sent }];
    if (change.heals && creates) this.unsent.set(id, change);
    else if (creates && (!now || (isShrunk(now.fields) && !deletes(known)))) {
      // The server forgot the todo: it is sent whole, unless it is gone anyway.
      const fields = { ...all, deleted: false };
      if (!deletes(all)) this.unsent.set(id, { ...change, seen: unknown, fields });
    } else if (now) {
      const mine = lacking(now.fields, change.fields);
      const isNews = (name: string): boolean =>
        !agree(seen, now.fields, name) && !agree(known, now.fields, name);
      const isOwn = isShrunk(now.fields) && deletes(known); // a tombstone that lost its texts
      const moved = isOwn ? [] : Object.keys({ ...seen, ...now.fields }).filter(isNews);
      const isBlind = deletes(mine) || deletes(now.fields) || moved.some((name) => name in mine);
      if (moved.length > 0 && isBlind) this.#open(id, mine, all, change.lost !== null);
      else if (!isEmpty(mine)) this.unsent.set(id, { ...change, seen: now, fields: mine });
    }
  }
  /** The cursor can't be continued, and nothing was written. */
  #gone({ reason, epoch, to, horizon }: Gone): void {
    if (reason === "forgotten") this.#reading = { lost: LATEST, asked: "" };
    else if (to === null) this.#repair(horizon);
    else if (to < horizon) this.#reading = { lost: to, asked: LATEST };
    else {
      for (const [id, row] of this.rows) if (row.stamp > to) this.#giveBack(id, row, to);
      [this.#epoch, this.#cursor] = [epoch, to];
    }
  }
  /** Something happened outside the protocol. Up to `asked`, what is missing may have been deleted. */
  #repair(asked = ""): void {
    if ((this.#repairs += 1) > 5) throw new Error("the digests differ again and again");
    this.#reading = { lost: "", asked };
  }
  #compare({ changes, cursor, epoch }: Answer, { lost, asked }: { lost: string; asked: string }): void {
    const [held, isNewEpoch] = [this.rows, epoch !== this.#epoch];
    this.rows = new Map(changes);
    [this.#cursor, this.#epoch, this.#reading] = [cursor, epoch, null];
    for (const id of new Set([...held.keys(), ...this.unsent.keys(), ...this.inFlight.keys()])) {
      const [before = unknown, now, sent] = [held.get(id), this.rows.get(id), this.inFlight.get(id)?.fields];
      if (!now && deletes(before.fields)) this.rows.set(id, before);
      const isSame = before.version === now?.version && before.stamp === now.stamp;
      const isLost = !isSame && (before.stamp > lost || (isNewEpoch && deletes(before.fields)));
      if (isLost && before.stamp > asked) this.#giveBack(id, before, before.stamp);
      else if (!isLost && asked !== LATEST) this.#rebase(id, now, null, sent ?? {}, true);
      else {
        const change = this.#takeBack(id);
        const all = whole({ ...change?.seen.fields, ...before.fields, ...change?.fields });
        const mine = now ? lacking(now.fields, all) : deletes(all) ? {} : all;
        if (isLost || change) this.#open(id, mine, all, true);
      }
    }
  }
  /** Gives a todo back whole, with unsent values where the user saw what they replace. */
  #giveBack(id: string, held: Row, lost: string): void {
    this.#rebase(id, held, null, {}, false);
    const fields = whole({ ...held.fields, ...this.#takeBack(id)?.fields });
    this.unsent.set(id, { seen: held, fields, lost, heals: true });
  }
  /** What is in flight and what was edited since, as one change that is neither any more. */
  #takeBack(id: string): Change | undefined {
    const [sent, later] = [this.inFlight.get(id), this.unsent.get(id)];
    this.inFlight.delete(id);
    this.unsent.delete(id);
    return sent && later ? { ...sent, fields: { ...sent.fields, ...later.fields } } : (sent ?? later);
  }
  /** Leaves values to the user. Acknowledged ones do not replace those that were never sent. */
  #open(id: string, mine: Fields, all: Fields, isAcknowledged: boolean): void {
    if (isEmpty(mine)) return;
    const { mine: open = {}, whole: known = {} } = this.conflicts.get(id) ?? {};
    const both = isAcknowledged ? { ...mine, ...open } : { ...open, ...mine };
    this.conflicts.set(id, { mine: both, whole: { ...known, ...all } });
  }
}
