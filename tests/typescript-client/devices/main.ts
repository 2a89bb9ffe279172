// Devices that run the loop of clients/examples. Reads one command a line, and answers each with a line.
import { createInterface } from "node:readline";
import { digest } from "../../../clients/examples/server.js";
import { TodoClient } from "../../../clients/examples/todo-client.js";

interface Device {
  client: TodoClient;
  url: string;
  token: string;
  /** What happens to the next exchanges: a request or an answer is lost. */
  losses: ("request" | "answer" | "nothing")[];
  /** The reasons of 410, and `reads again` for each reading from the beginning but the first. */
  events: string[];
}
const devices = new Map<string, Device>();

function add(name: string, limit: number): Device {
  const client = new TodoClient((request) => exchange(device, { client_id: name, limit, ...request }));
  const device: Device = { client, url: "", token: "", losses: [], events: [] };
  devices.set(name, device);
  return device;
}

async function exchange(device: Device, request: object): Promise<{ status: number; body: any }> {
  const loss = device.losses.shift();
  const { last_sync: cursor, include_deleted: again } = request as Record<string, unknown>;
  if (again && cursor === null) device.events.push("reads again");
  if (loss === "request") throw new Error("lost");
  const headers = { "content-type": "application/json", authorization: `Bearer ${device.token}` };
  const init = { method: "POST", headers, body: JSON.stringify(request) };
  const response = await fetch(`${device.url}/api/v1/todos/sync`, init);
  const body: any = await response.json();
  if (loss === "answer") throw new Error("lost");
  if (response.status === 410) device.events.push(body.details.reason);
  return { status: response.status, body };
}

function stateOf({ client, events }: Device): object {
  const live = [...client.rows].filter(([, { fields }]) => !fields["deleted"]);
  return {
    todos: Object.fromEntries(live.map(([id, { fields }]) => [id, fields])),
    tombstones: client.rows.size - live.length,
    conflicts: Object.fromEntries([...client.conflicts].map(([id, { mine }]) => [id, mine])),
    rejected: Object.fromEntries(client.rejected),
    waiting: client.unsent.size + client.inFlight.size,
    digest: digest(client.rows),
    events,
  };
}

async function run({ command, device: name, id, fields, ...given }: any): Promise<unknown> {
  const device = devices.get(name) ?? add(name, given.limit ?? 1000);
  switch (command) {
    case "connect": return void Object.assign(device, { url: given.url, token: given.token });
    case "edit": return device.client.edit(id, fields);
    case "decide": return device.client.decide(id, fields);
    case "view": return device.client.view(id);
    case "lose": return void (device.losses = given.losses);
    case "sync": return device.client.sync();
    case "state": return stateOf(device);
    default: throw new Error(`unknown command ${command}`);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await run(JSON.parse(line)).then((value) => ({ value: value ?? null }), (error) => ({ error: `${error}` }));
  console.log(JSON.stringify(answer));
}
