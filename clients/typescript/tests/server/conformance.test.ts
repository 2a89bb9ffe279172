/** The suite that clients in any language can run (clients/conformance), with this one. */

import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, describe, test } from "vitest";

import { BINARY, TestServer } from "../support/server.js";

interface Server {
  readonly url: string;
  end(): Promise<void>;
}

type Case = (on: unknown) => Promise<void>;
type RunCase = (run: Case, server: Server, command: readonly string[]) => Promise<void>;

const suite = new URL("../../../conformance/", import.meta.url);
const load = (file: string): Promise<unknown> => import(new URL(file, suite).href);
const { cases } = (await load("cases.mjs")) as { cases: Record<string, Case> };
const { restores } = (await load("restores.mjs")) as { restores: Record<string, Case> };
const { runCase } = (await load("run.mjs")) as { runCase: RunCase };
const own = (await load("server.mjs")) as { Server: { start(binary: string): Promise<Server> } };
const adapter = fileURLToPath(new URL("adapters/todo-sync-client.mjs", suite));

function suiteOn(start: () => Promise<Server>, all: Record<string, Case>): void {
  let server: Server;
  beforeAll(async () => void (server = await start()));
  afterAll(() => server?.end());
  for (const [name, run] of Object.entries(all)) {
    test(name, () => runCase(run, server, [process.execPath, adapter]));
  }
}

describe("faults of the network", () => suiteOn(() => TestServer.start(), cases));
describe("restores", () => suiteOn(() => own.Server.start(BINARY), restores));
