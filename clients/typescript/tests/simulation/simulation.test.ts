/**
 * Many seeds of devices, tabs, users, faults and disasters with the real server.
 *
 * `SIMULATION_SEEDS` is the number of seeds over all scenarios, 200 by default;
 * `SIMULATION_SCENARIO` and `SIMULATION_SEED` repeat one and print its steps.
 */

import "fake-indexeddb/auto";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { DATABASE_URL, TestServer } from "../support/server.js";
import { World, type Scenario } from "./world.js";

interface Named extends Scenario {
  /** Its part of the seeds, in percent. */
  readonly share: number;
  readonly settings?: Record<string, string>;
}

const SCENARIOS: Record<string, Named> = {
  alone: { share: 20, devices: 1 },
  several: { share: 30, devices: 3 },
  restarts: { share: 10, devices: 2, restarts: true },
  epochs: { share: 5, devices: 2, newEpochs: true },
  quota: { share: 10, devices: 2, quota: true, settings: { MAX_TODOS_PER_USER: "4" } },
  forgotten: {
    share: 10,
    devices: 3,
    settings: { MAX_TOMBSTONES_PER_USER: "2", TOMBSTONE_SWEEP: "2" },
  },
  restored: { share: 5, devices: 2, restores: "announced" },
  copied: { share: 5, devices: 2, restores: "copied" },
  deleted: { share: 5, devices: 2, deletesAccount: true },
};

const seeds = Number(process.env["SIMULATION_SEEDS"] ?? 200);
const onlySeed = process.env["SIMULATION_SEED"];
const onlyScenario = process.env["SIMULATION_SCENARIO"];
const first = Number(process.env["SIMULATION_FIRST"] ?? 1);

async function run(seed: number, server: TestServer, scenario: Named): Promise<string | null> {
  const world = new World(seed, server, scenario);
  worlds.set(seed, world);
  try {
    await world.begin();
    const steps = world.random.pick([10, 20, 40]);
    for (let step = 0; step < steps; step += 1) await world.step();
    if (scenario.deletesAccount) {
      for (const { name, before, after } of await world.deleteAccount())
        expect(content(after), `${name} shows what it showed`).toEqual(content(before));
      return null;
    }
    const shown = await world.end();
    const [one, ...others] = shown;
    for (const other of others)
      expect(content(other.todos), `${other.name} shows what ${one?.name} shows`).toEqual(
        content(one?.todos ?? []),
      );
    if (scenario.restores !== "copied") {
      expect(world.user.oracle.lost(one?.todos ?? []).join("; "), "no value is silently gone").toBe(
        "",
      );
      expect(world.user.oracle.back(one?.todos ?? []).join("; "), "no key is silently back").toBe(
        "",
      );
    }
    if (scenario.restores !== "copied")
      expect(world.hasRepaired, "without an unannounced copy, nothing is repaired").toBe(false);
    if (scenario.devices === 1)
      expect(world.conflicts, "one device alone is never in conflict").toBe(0);
    return null;
  } catch (error) {
    console.log(`--- ${seed}\n${world.log.join("\n")}`);
    return error instanceof Error ? error.message : String(error);
  }
}

/** A run that hangs fails instead of stopping all that follow. */
async function late(seed: number, over: Promise<unknown>): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([over, new Promise((go) => (timer = setTimeout(go, 120_000)))]);
  clearTimeout(timer);
  return `it hangs:\n${worlds.get(seed)?.log.join("\n") ?? ""}`;
}

const worlds = new Map<number, World>();

const content = (todos: readonly { id: string; text: string; version: number }[]): unknown[] =>
  [...todos]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((todo) => {
      const { id, text, description, completed, metadata, version, updatedAt } =
        todo as import("../../src/index.js").Todo;
      return { id, text, description, completed, metadata, version, updatedAt };
    });

for (const [name, scenario] of Object.entries(SCENARIOS)) {
  if (onlyScenario && onlyScenario !== name) continue;
  // Only a database in a file is restored by copying files.
  if (DATABASE_URL && scenario.restores) continue;
  describe(name, () => {
    let server: TestServer;
    beforeAll(async () => void (server = await TestServer.start(scenario.settings)));
    afterAll(() => server.end());

    const count = onlySeed
      ? 1
      : Math.max(1, Math.round((seeds * scenario.share) / (onlyScenario ? scenario.share : 100)));
    test(`${count} seeds hold`, { timeout: 3_600_000 }, async () => {
      const failures: string[] = [];
      for (let n = 0; n < count; n += 1) {
        const seed = onlySeed ? Number(onlySeed) : first + n;
        const running = run(seed, server, scenario);
        const failure = await Promise.race([running, late(seed, running)]);
        if (failure)
          failures.push(`SIMULATION_SCENARIO=${name} SIMULATION_SEED=${seed}: ${failure}`);
      }
      expect(failures).toEqual([]);
    });
  });
}
