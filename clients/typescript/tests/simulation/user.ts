/** What a user does on a device, and tells the oracle. */

import type { Todo, TodoClient } from "../../src/index.js";
import { Oracle, textsOf } from "./oracle.js";
import type { Random } from "./random.js";

/** Writes a line of the log of one device. */
export type Say = (...words: unknown[]) => void;

const FIELDS = ["text", "description", "metadata.list", "metadata.note"] as const;

/** One person with several devices. */
export class User {
  readonly oracle = new Oracle();
  /** What a dead or frozen tab may still be at. */
  readonly background = new Set<Promise<unknown>>();
  /** With few todos and fields, devices meet more often. */
  private readonly most: number;
  private readonly fields: readonly (typeof FIELDS)[number][];
  private made = 0;

  constructor(private readonly random: Random) {
    this.most = random.pick([1, 2, 6]);
    this.fields = random.chance(50) ? FIELDS : FIELDS.slice(0, 2);
  }

  private async settleStored(written: { stored: Promise<void> }, tokens: number[]): Promise<void> {
    let isStored = false;
    await Promise.race([
      written.stored.then(() => (isStored = true)),
      new Promise((go) => setTimeout(go, 50)),
    ]);
    // A tab that died before its store had the value can't keep it.
    if (!isStored) {
      const watch = written.stored.then(() => undefined);
      this.background.add(watch);
      for (const token of tokens) this.oracle.giveUpToken(token);
    }
  }

  async add(client: TodoClient, say: Say): Promise<void> {
    if (client.getSnapshot().todos.length >= this.most) return;
    const text = this.oracle.newValue();
    const written = client.add({
      text,
      id: `00000000-0000-7000-8000-${String(++this.made).padStart(12, "0")}`,
    });
    const token = this.oracle.type(written.id, "text", text, []);
    say("adds", written.id, text);
    await this.settleStored(written, [token]);
  }

  async edit(client: TodoClient, todo: Todo, say: Say): Promise<void> {
    const field = this.random.pick(this.fields);
    const seen = textsOf(todo).get(field);
    const removes = field.startsWith("metadata.") && seen !== undefined && this.random.chance(25);
    const value = removes ? null : this.oracle.newValue();
    const changes = field.startsWith("metadata.")
      ? { metadata: { [field.slice(9)]: value } }
      : { [field]: value };
    const token = this.oracle.type(todo.id, field, value, seen === undefined ? [] : [seen]);
    say("edits", todo.id, field, seen, "->", value);
    const written = client.edit(todo.id, changes);
    await this.settleStored(written, [token]);
  }

  remove(client: TodoClient, todo: Todo, say: Say): void {
    say("removes", todo.id);
    this.oracle.delete(todo.id, textsOf(todo).values());
    client.remove(todo.id);
  }

  undo(client: TodoClient, say: Say): void {
    const before = new Map(client.getSnapshot().todos.map((todo) => [todo.id, todo]));
    const undone = client.undo();
    if (!undone) return;
    say(
      "undoes",
      undone.map(({ id }) => id),
    );
    for (const { id } of undone) {
      const [was, is] = [textsOf(before.get(id)), textsOf(client.get(id))];
      const todo = client.get(id);
      if (todo?.deletedAt != null) this.oracle.delete(id, was.values());
      for (const field of is.keys()) if (!was.has(field)) this.oracle.giveUpRemovals(id, field);
      for (const [field, value] of was) {
        const now = is.get(field);
        if (now === value) continue;
        // The undone value gives way knowingly, also to the older one.
        this.oracle.giveUp([value]);
        if (now !== undefined) this.oracle.alsoKnows(now, [value]);
      }
    }
  }

  decide(client: TodoClient, say: Say): void {
    const { conflicts, rejected } = client.getSnapshot();
    if (conflicts.length > 0) {
      const conflict = this.random.pick(conflicts);
      const decision = this.random.pick(["mine", "theirs"] as const);
      const before = client.get(conflict.id);
      const written = conflict.resolve(decision);
      // Undecidable while the same todo heals the server.
      if (client.getSnapshot().conflicts.some(({ id }) => id === conflict.id)) {
        say("can't decide", conflict.id, decision, conflict.fields);
        return;
      }
      say("decides", conflict.id, decision, conflict.fields);
      for (const { name, mine, theirs } of conflict.fields) {
        const [value, other] = decision === "mine" ? [mine, theirs] : [theirs, mine];
        if (name === "deleted" && value === true) {
          this.oracle.delete(conflict.id, [
            ...textsOf(before).values(),
            ...textsOf(conflict.mine).values(),
            ...textsOf(conflict.theirs ?? undefined).values(),
          ]);
        }
        if (decision === "theirs" && typeof other === "string") this.oracle.giveUp([other]);
        if (typeof value === "string" && typeof other === "string")
          this.oracle.alsoKnows(value, [other]);
        if (typeof value !== "string" && typeof other === "string") this.oracle.giveUp([other]);
        if (other === null) this.oracle.giveUpRemovals(conflict.id, name);
      }
      if (decision === "theirs" && !conflict.theirs)
        this.oracle.giveUp(textsOf(conflict.mine).values());
      void written;
    } else if (rejected.length > 0) {
      const item = this.random.pick(rejected);
      if (this.random.chance(60)) {
        say("retries", item.id);
        item.retry();
      } else {
        say("discards", item.id, item.fields);
        this.oracle.giveUpRemovals(item.id);
        this.oracle.giveUp(
          Object.values(item.fields).filter((value): value is string => typeof value === "string"),
        );
        void item.discard();
      }
    }
  }
}
