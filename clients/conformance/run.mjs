// Runs the cases: node run.mjs SERVER COMMAND… [--case NAME]
import { pathToFileURL } from "node:url";

import { cases } from "./cases.mjs";
import { Client } from "./client.mjs";
import { Oracle } from "./oracle.mjs";
import { Proxy } from "./proxy.mjs";
import { restores } from "./restores.mjs";
import { Server } from "./server.mjs";

/** Runs a case with a user, a proxy and a process of its own. */
export async function runCase(run, server, command) {
  const [proxy, oracle] = [new Proxy(server.url), new Oracle(server.url)];
  const client = new Client(command);
  try {
    await proxy.start();
    await oracle.register();
    const openDevice = async (device) => {
      const { email, password } = oracle;
      await client.run(device, "open", { url: proxy.url, email, password });
      return {
        add: (fields) => client.run(device, "add", { fields }),
        edit: (id, fields) => client.run(device, "edit", { id, fields }),
        decide: (id, side) => client.run(device, "decide", { id, side }),
        sync: () => client.run(device, "sync"),
        restart: () => client.run(device, "restart"),
        state: () => client.run(device, "state"),
      };
    };
    await run({ server, proxy, oracle, openDevice, device: await openDevice("phone") });
  } finally {
    client.end();
    await proxy.end();
  }
}

async function main([place, ...rest]) {
  // Only a server of the suite's own can be restored.
  const isBinary = !/^https?:/.test(place);
  const server = isBinary ? await Server.start(place) : { url: place };
  const all = Object.entries(isBinary ? { ...cases, ...restores } : cases);
  const at = rest.indexOf("--case");
  const wanted = at < 0 ? all : all.filter(([name]) => name === rest[at + 1]);
  const command = at < 0 ? rest : rest.slice(0, at);
  let failures = wanted.length > 0 ? 0 : 1;
  try {
    for (const [name, run] of wanted) {
      const error = await runCase(run, server, command).then(
        () => null,
        (thrown) => thrown,
      );
      console.log(`${error ? "FAILED" : "ok    "} ${name}${error ? `\n${error.stack}` : ""}`);
      failures += error ? 1 : 0;
    }
  } finally {
    await server.end?.();
  }
  process.exitCode = failures > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv.slice(2));
