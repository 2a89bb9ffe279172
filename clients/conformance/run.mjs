// Runs the cases: node run.mjs http://localhost:8000 COMMAND… [--case NAME]
import { pathToFileURL } from "node:url";

import { cases } from "./cases.mjs";
import { Client } from "./client.mjs";
import { Oracle } from "./oracle.mjs";
import { Proxy } from "./proxy.mjs";

/** Runs one case with a user, a proxy and a process of its own. */
export async function runCase(name, server, command) {
  const [proxy, oracle, client] = [new Proxy(server), new Oracle(server), new Client(command)];
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
    await cases[name]({ proxy, oracle, openDevice, device: await openDevice("phone") });
  } finally {
    client.end();
    await proxy.end();
  }
}

async function main([server, ...rest]) {
  const at = rest.indexOf("--case");
  const wanted = at < 0 ? Object.keys(cases) : [rest[at + 1]];
  const command = at < 0 ? rest : rest.slice(0, at);
  let failures = 0;
  for (const name of wanted) {
    const error = await runCase(name, server, command).then(
      () => null,
      (thrown) => thrown,
    );
    console.log(`${error ? "FAILED" : "ok    "} ${name}${error ? `\n${error.stack}` : ""}`);
    failures += error ? 1 : 0;
  }
  process.exitCode = failures > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv.slice(2));
