/** Devices, their users, the network and the server, moved step by step by a seed. */

import {
  createTodoClient,
  indexedDbStore,
  memoryStore,
  type Store,
  type Todo,
} from "../../src/index.js";
import { newEmail } from "../support/account.js";
import type { TestServer } from "../support/server.js";
import { Random } from "./random.js";
import { BrowserLocks, Tab, type NetworkFault } from "./tab.js";
import { User, type Say } from "./user.js";

/** What can happen in a run. */
export interface Scenario {
  readonly devices: number;
  readonly restarts?: boolean;
  readonly newEpochs?: boolean;
  /** Restores from a backup; `copied` ones are not announced, and values may be lost. */
  readonly restores?: "announced" | "copied";
  /** Whether the user deletes the account in the end, on one of the devices. */
  readonly deletesAccount?: boolean;
  /** Whether the server refuses creations past its quota. */
  readonly quota?: boolean;
}

export const PASSWORD = "Correct-horse-7!";

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
  readonly user: User;
  readonly log: string[] = [];
  private readonly browsers: Browser[] = [];
  private readonly backups: string[] = [];
  private readonly copies: (() => Promise<unknown>)[] = [];
  private isCalm = false;
  private jump = 0;
  private email = "";
  conflicts = 0;
  /** Whether a device found that its list is not what the server's history made of it. */
  hasRepaired = false;

  constructor(
    readonly seed: number,
    private readonly server: TestServer,
    private readonly scenario: Scenario,
  ) {
    this.random = new Random(seed * 7919 + 17);
    this.user = new User(this.random);
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
      repairs: () => (this.hasRepaired = true),
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
    const { random, user } = this;
    const browser = random.pick(this.browsers);
    const tab = await this.tabOf(browser);
    const { client } = tab;
    const x = random.next();
    const todos = client.getSnapshot().todos.filter((todo) => !todo.conflicted);
    const say: Say = (...words) => this.say(browser.name, ...words);
    if (x < 0.1 || (todos.length === 0 && x < 0.3)) {
      await user.add(client, say);
    } else if (x < 0.32 && todos.length > 0) await user.edit(client, random.pick(todos), say);
    else if (x < 0.36 && todos.length > 0)
      client.complete(random.pick(todos).id, random.chance(70));
    else if (x < 0.41 && todos.length > 0) user.remove(client, random.pick(todos), say);
    else if (x < 0.44) user.undo(client, say);
    else if (x < 0.47 && todos.length > 1) {
      const [todo, other] = [random.pick(todos), random.pick(todos)];
      if (todo !== other) client.reorder(todo.id, { after: other.id });
    } else if (x < 0.53) user.decide(client, say);
    else if (x < 0.8) await this.sync(browser, tab, say);
    else if (x < 0.84) await this.openAnother(browser, say);
    else if (x < 0.85) await this.expire(browser, say);
    else if (x < 0.87) this.thaw(random.pick(this.browsers));
    else if (x < 0.9) await this.late();
    else await this.disaster();
  }

  private async sync(browser: Browser, tab: Tab, say: Say): Promise<void> {
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
      this.user.background.add(sync.catch(() => undefined));
      // A lease of a tab that is gone runs out.
      if (!browser.locks) this.jump += 40_000;
    }
    this.conflicts += tab.isUsable ? tab.client.getSnapshot().conflicts.length : 0;
  }

  /** The server no longer takes the access token. */
  private async expire({ store }: Browser, say: Say): Promise<void> {
    say("has an access token that expired");
    await store.transact([], (_, device) => {
      const { session } = device;
      if (!session?.tokens) return {};
      const tokens = { ...session.tokens, access: "expired" };
      return { device: { ...device, session: { ...session, tokens } } };
    });
  }

  private async untilUnusable(tab: Tab): Promise<string> {
    while (tab.isUsable) await new Promise((go) => setTimeout(go, 2));
    return tab.isDead ? "the tab dies" : "the tab freezes";
  }

  private async openAnother(browser: Browser, say: Say): Promise<void> {
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
   * The user deletes the account on the first device. Returns what each of the others showed before
   * it learned of that, and what it shows after a reload.
   */
  async deleteAccount(): Promise<
    { name: string; before: readonly Todo[]; after: readonly Todo[] }[]
  > {
    const [own, ...others] = this.browsers as [Browser, ...Browser[]];
    const tab = await this.openAlone(own);
    this.isCalm = true;
    await this.logInAgain(tab);
    await tab.client.session.deleteAccount(PASSWORD);
    this.isCalm = false;
    this.say(own.name, "deletes the account");
    const shown = [];
    for (const browser of others) {
      const { client } = await this.openAlone(browser);
      const before = client.getSnapshot().todos;
      // A request may be lost before the server says that there is no such user.
      while (client.getSnapshot().session.status === "loggedIn")
        await client.sync().catch(() => undefined);
      const again = await this.openAlone(browser);
      shown.push({ name: browser.name, before, after: again.client.getSnapshot().todos });
    }
    return shown;
  }

  /** A tab of the browser, whose others are closed. */
  private async openAlone(browser: Browser): Promise<Tab> {
    for (const tab of browser.tabs) tab.die();
    if (!browser.locks) this.jump += 40_000;
    return this.open(browser);
  }

  private async logInAgain({ client }: Tab): Promise<void> {
    if (client.getSnapshot().session.status !== "loggedIn")
      await client.session.logIn(this.email, PASSWORD);
  }

  /**
   * Everything is calm: all sync and decide until nothing is left. Returns what each device shows.
   */
  async end(): Promise<{ name: string; todos: readonly Todo[] }[]> {
    this.say("--- calm");
    this.isCalm = true;
    this.jump += 40_000;
    for (const browser of this.browsers) for (const tab of browser.tabs) tab.thaw();
    await Promise.race([
      Promise.all(this.user.background),
      new Promise((go) => setTimeout(go, 150)),
    ]);
    const tabs: Tab[] = [];
    for (const browser of this.browsers) {
      tabs.push(await this.openAlone(browser));
    }
    for (let round = 0; ; round += 1) {
      if (round > 60) {
        const states = tabs.map(({ client }) => [client.getSnapshot().sync, client.exportLocal()]);
        throw new Error(`no end: ${JSON.stringify(states)}`);
      }
      for (const [index, tab] of tabs.entries()) {
        const { client } = tab;
        const say: Say = (...words) => this.say(this.browsers[index]?.name, ...words);
        while (client.getSnapshot().conflicts.length + client.getSnapshot().rejected.length > 0) {
          const before = client.getSnapshot();
          if (before.conflicts.length === 0) {
            for (const item of before.rejected) {
              this.user.oracle.giveUpRemovals(item.id);
              this.user.oracle.giveUp(
                Object.values(item.fields).filter(
                  (value): value is string => typeof value === "string",
                ),
              );
              await item.discard();
            }
          } else this.user.decide(client, say);
          const after = client.getSnapshot();
          if (
            before.conflicts.length + before.rejected.length ===
            after.conflicts.length + after.rejected.length
          )
            break;
        }
        await this.logInAgain(tab);
        await client.sync();
        this.conflicts += client.getSnapshot().conflicts.length;
        say("syncs:", client.getSnapshot().sync.settled ? "settled" : "not settled");
      }
      const states = tabs.map(({ client }) => client.getSnapshot().sync);
      // A device that synced before another one decided has not seen that yet.
      const cursors = new Set(tabs.map(({ current }) => current.list.state.cursor));
      const isQuiet = states.every(({ settled, verified }) => settled && verified);
      if (round > 1 && isQuiet && cursors.size === 1) break;
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
