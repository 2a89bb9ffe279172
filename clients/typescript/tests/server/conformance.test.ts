/** The suite that clients in any language can run (clients/conformance), with this one. */

import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, test } from "vitest";

import { TestServer } from "../support/server.js";

type RunCase = (name: string, server: string, command: readonly string[]) => Promise<void>;

const suite = new URL("../../../conformance/", import.meta.url);
const load = (file: string): Promise<unknown> => import(new URL(file, suite).href);
const { cases } = (await load("cases.mjs")) as { cases: Record<string, unknown> };
const { runCase } = (await load("run.mjs")) as { runCase: RunCase };
const adapter = fileURLToPath(new URL("adapters/todo-sync-client.mjs", suite));

let server: TestServer;
beforeAll(async () => void (server = await TestServer.start()));
afterAll(() => server?.end());

for (const name of Object.keys(cases)) {
  test(name, () => runCase(name, server.url, [process.execPath, adapter]));
}
