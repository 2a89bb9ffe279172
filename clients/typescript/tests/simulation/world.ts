/** Devices, their users, the network and the server, moved step by step by a seed. */

import {
  createTodoClient,
  indexedDbStore,
  memoryStore,
  type Store,
  type Todo,
  type TodoClient,
} from "../../src/index.js";
import { newEmail } from "../support/account.js";
import type { TestServer } from "../support/server.js";
import { Oracle, textsOf } from "./oracle.js";
import { Random } from "./random.js";
import { BrowserLocks, Tab, type NetworkFault } from "./tab.js";

/** What can happen in a run. */
export interface Scenario {
  readonly devices: number;
  readonly restarts?: boolean;
  readonly newEpochs?: boolean;
  /** Restores from a backup; `copied` ones are not announced, and values may be lost. */
  readonly restores?: "announced" | "copied";
  /** Whether the server refuses creations past its quota. */
  readonly quota?: boolean;
}

export const PASSWORD = "Correct-horse-7!";

const FIELDS = ["text", "description", "metadata.list", "metadata.note"] as const;

class Browser {
  tabs: Tab[] = [];
  readonly locks: BrowserLocks | null;
  constructor(
    readonly name: string,
    readonly store: Store,
    readonly skew: number,
    readonly page: number,
    usesLocks: boolean,
  ) {
    this.locks = usesLocks ? new BrowserLocks() : null;
  }
}

export class World {
  readonly random: Random;
  readonly oracle = new Oracle();
  readonly log: string[] = [];
  private readonly browsers: Browser[] = [];
  private readonly background = new Set<Promise<unknown>>();
  private readonly backups: string[] = [];
  private readonly copies: (() => Promise<unknown>)[] = [];
  private isCalm = false;
  private made = 0;
  private jump = 0;
  private email = "";
  conflicts = 0;

  constructor(
    readonly seed: number,
    private readonly server: TestServer,
    private readonly scenario: Scenario,
  ) {
    this.random = new Random(seed * 7919 + 17);
  }

  private say(...words: unknown[]): void {
    this.log.push(
      words.map((word) => (typeof word === "string" ? word : JSON.stringify(word))).join(" "),
    );
  }

  async begin(): Promise<void> {
    this.email = newEmail();
    for (let n = 0; n < this.scenario.devices; n += 1) {
      const name = `${this.email}-${n}`;
      const store = this.random.chance(30) ? await indexedDbStore(name) : memoryStore();
      const browser = new Browser(
        "ABCD"[n] ?? "?",
        store,
        this.random.pick([0, 0, -86_400_000, 3_600_000 * 1000, -3_600_000 * 9000]),
        this.random.pick([1000, 3, 1]),
        this.random.chance(80),
      );
      this.browsers.push(browser);
      const tab = await this.open(browser);
      if (n > 0) await tab.client.session.logIn(this.email, PASSWORD);
      else await tab.client.session.register(this.email, PASSWORD);
    }
  }

  private async open(browser: Browser): Promise<Tab> {
    const networkFault = (): NetworkFault => {
      if (this.isCalm) return null;
      return this.random.chance(15)
        ? "request lost"
        : this.random.chance(18)
          ? "answer lost"
          : this.random.chance(10)
            ? "repeated"
            : null;
    };
    const { store, skew, locks } = browser;
    const tab = new Tab({
      baseUrl: this.server.url,
      store,
      skew,
      locks,
      networkFault,
      page: browser.page,
      clock: () => Date.now() + this.jump,
    });
    browser.tabs.push(tab);
    await tab.client.ready;
    return tab;
  }

  /** The tab that its user looks at: the last one that can be used. */
  private async tabOf(browser: Browser): Promise<Tab> {
    const usable = browser.tabs.filter((tab) => tab.isUsable);
    const tab = usable.at(-1) ?? (await this.open(browser));
    tab.doom(Number.POSITIVE_INFINITY, "die");
    // A tab that comes into focus reads what the others stored.
    await tab.current.list.refresh();
    return tab;
  }

  async step(): Promise<void> {
    const { random } = this;
    const browser = random.pick(this.browsers);
    const tab = await this.tabOf(browser);
    const { client } = tab;
    const x = random.next();
    const todos = client.getSnapshot().todos.filter((todo) => !todo.conflicted);
    const say = (...words: unknown[]): void => this.say(browser.name, ...words);
    if (x < 0.1 || (todos.length === 0 && x < 0.3)) {
      if (client.getSnapshot().todos.length < 6) await this.add(client, say);
    } else if (x < 0.32 && todos.length > 0) await this.edit(client, random.pick(todos), say);
    else if (x < 0.36 && todos.length > 0)
      client.complete(random.pick(todos).id, random.chance(70));
    else if (x < 0.41 && todos.length > 0) this.remove(client, random.pick(todos), say);
    else if (x < 0.44) this.undo(client, say);
    else if (x < 0.47 && todos.length > 1) {
      const [todo, other] = [random.pick(todos), random.pick(todos)];
      if (todo !== other) client.reorder(todo.id, { after: other.id });
    } else if (x < 0.53) this.decide(client, say);
    else if (x < 0.8) await this.sync(browser, tab, say);
    else if (x < 0.84) await this.openAnother(browser, say);
    else if (x < 0.87) this.thaw(random.pick(this.browsers));
    else if (x < 0.9) await this.late();
    else await this.disaster();
  }

  private async settleStored(
    client: TodoClient,
    written: { stored: Promise<void> },
    tokens: number[],
  ): Promise<void> {
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
    void client;
  }

  private async add(client: TodoClient, say: (...words: unknown[]) => void): Promise<void> {
    const text = this.oracle.newValue();
    const written = client.add({
      text,
      id: `00000000-0000-7000-8000-${String(++this.made).padStart(12, "0")}`,
    });
    const token = this.oracle.type(written.id, "text", text, []);
    say("adds", written.id, text);
    await this.settleStored(client, written, [token]);
  }

  private async edit(
    client: TodoClient,
    todo: Todo,
    say: (...words: unknown[]) => void,
  ): Promise<void> {
    const field = this.random.pick(FIELDS);
    const seen = textsOf(todo).get(field);
    const removes = field.startsWith("metadata.") && seen !== undefined && this.random.chance(25);
    const value = removes ? null : this.oracle.newValue();
    const changes = field.startsWith("metadata.")
      ? { metadata: { [field.slice(9)]: value } }
      : { [field]: value };
    const token = this.oracle.type(todo.id, field, value, seen === undefined ? [] : [seen]);
    say("edits", todo.id, field, seen, "->", value);
    const written = client.edit(todo.id, changes);
    await this.settleStored(client, written, [token]);
  }

  private remove(client: TodoClient, todo: Todo, say: (...words: unknown[]) => void): void {
    say("removes", todo.id);
    this.oracle.delete(todo.id, textsOf(todo).values());
    client.remove(todo.id);
  }

  private undo(client: TodoClient, say: (...words: unknown[]) => void): void {
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

  private decide(client: TodoClient, say: (...words: unknown[]) => void): void {
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

  private async sync(
    browser: Browser,
    tab: Tab,
    say: (...words: unknown[]) => void,
  ): Promise<void> {
    if (this.random.chance(25))
      tab.doom(this.random.below(14), this.random.chance(50) ? "die" : "freeze");
    const sync = tab.client.sync();
    const outcome = await Promise.race([
      sync.then(
        () => "done",
        (error: unknown) => (error instanceof Error ? error.message : "?"),
      ),
      this.untilUnusable(tab),
    ]);
    say("syncs:", outcome);
    this.copies.push(...tab.copies.splice(0));
    if (!tab.isUsable) {
      this.background.add(sync.catch(() => undefined));
      // A lease of a tab that is gone runs out.
      if (!browser.locks) this.jump += 40_000;
    }
    this.conflicts += tab.isUsable ? tab.client.getSnapshot().conflicts.length : 0;
  }

  private async untilUnusable(tab: Tab): Promise<string> {
    while (tab.isUsable) await new Promise((go) => setTimeout(go, 2));
    return tab.isDead ? "the tab dies" : "the tab freezes";
  }

  private async openAnother(browser: Browser, say: (...words: unknown[]) => void): Promise<void> {
    say("opens another tab");
    for (const tab of browser.tabs) if (tab.isUsable) tab.die();
    await this.open(browser);
  }

  private thaw(browser: Browser): void {
    const frozen = browser.tabs.filter((tab) => !tab.isDead && !tab.isUsable);
    if (frozen.length === 0) return;
    this.say(browser.name, "thaws a tab");
    const tab = this.random.pick(frozen);
    // It goes on with what it did; its user looks at another one.
    browser.tabs = [tab, ...browser.tabs.filter((other) => other !== tab)];
    tab.thaw();
  }

  /** A copy of an old request arrives. */
  private async late(): Promise<void> {
    if (this.copies.length === 0) return;
    this.say("a copy of an old request arrives");
    await this.random
      .pick(this.copies)()
      .catch(() => undefined);
  }

  private async disaster(): Promise<void> {
    const { scenario, random } = this;
    if (scenario.restarts && random.chance(20)) {
      this.say("the server restarts");
      await this.server.restart();
    }
    if (scenario.newEpochs && random.chance(40)) {
      this.say("a new epoch");
      await this.server.down();
      this.server.run("new-epoch");
      await this.server.up();
    }
    if (!scenario.restores) return;
    if (random.chance(50) || this.backups.length === 0) {
      this.say("a backup");
      this.backups.push(await this.server.backUp());
    } else if (random.chance(60)) {
      this.say("a restore,", scenario.restores);
      await this.server.restore(this.backups.at(-1) as string, scenario.restores === "announced");
    }
  }

  /**
   * Everything is calm: all sync and decide until nothing is left. Returns what each device shows.
   */
  async end(): Promise<{ name: string; todos: readonly Todo[] }[]> {
    this.say("--- calm");
    this.isCalm = true;
    this.jump += 40_000;
    for (const browser of this.browsers) for (const tab of browser.tabs) tab.thaw();
    await Promise.race([Promise.all(this.background), new Promise((go) => setTimeout(go, 150))]);
    const tabs: Tab[] = [];
    for (const browser of this.browsers) {
      for (const tab of browser.tabs) tab.die();
      if (!browser.locks) this.jump += 40_000;
      tabs.push(await this.open(browser));
    }
    for (let round = 0; ; round += 1) {
      if (round > 60) {
        const states = tabs.map(({ client }) => [client.getSnapshot().sync, client.exportLocal()]);
        throw new Error(`no end: ${JSON.stringify(states)}`);
      }
      for (const [index, { client }] of tabs.entries()) {
        const say = (...words: unknown[]): void => this.say(this.browsers[index]?.name, ...words);
        while (client.getSnapshot().conflicts.length + client.getSnapshot().rejected.length > 0) {
          const before = client.getSnapshot();
          if (before.conflicts.length === 0) {
            for (const item of before.rejected) {
              this.oracle.giveUpRemovals(item.id);
              this.oracle.giveUp(
                Object.values(item.fields).filter(
                  (value): value is string => typeof value === "string",
                ),
              );
              await item.discard();
            }
          } else this.decide(client, say);
          const after = client.getSnapshot();
          if (
            before.conflicts.length + before.rejected.length ===
            after.conflicts.length + after.rejected.length
          )
            break;
        }
        if (client.getSnapshot().session.status !== "loggedIn")
          await client.session.logIn(this.email, PASSWORD);
        await client.sync();
        this.conflicts += client.getSnapshot().conflicts.length;
        say("syncs:", client.getSnapshot().sync.settled ? "settled" : "not settled");
      }
      const states = tabs.map(({ client }) => client.getSnapshot().sync);
      if (round > 1 && states.every(({ settled, verified }) => settled && verified)) break;
    }
    const shown = tabs.map(({ client }, index) => ({
      name: this.browsers[index]?.name ?? "",
      todos: client.getSnapshot().todos,
    }));
    const fresh = createTodoClient({
      baseUrl: this.server.url,
      store: memoryStore(),
      automatic: false,
    });
    await fresh.session.logIn(this.email, PASSWORD);
    await fresh.sync();
    shown.push({ name: "a new device", todos: fresh.getSnapshot().todos });
    await fresh.close();
    return shown;
  }
}
