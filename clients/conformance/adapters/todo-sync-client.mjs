// The client library of this repository, as the suite drives it. It has to be built first.
import { createInterface } from "node:readline";

import { createTodoClient, memoryStore } from "../../typescript/dist/index.js";

const METADATA = "metadata.";
const devices = new Map();

function open(store, url) {
  return createTodoClient({ baseUrl: url, store, automatic: false });
}

/** Fields by wire name as the library takes them. */
function changesOf(fields) {
  const changes = { metadata: {} };
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith(METADATA)) changes.metadata[name.slice(METADATA.length)] = value;
    else changes[name] = value;
  }
  return changes;
}

const commands = {
  async open(device, { url, email, password }) {
    Object.assign(device, { url, store: memoryStore() });
    device.client = open(device.store, url);
    await device.client.session.logIn(email, password);
  },
  async add({ client }, { fields }) {
    const written = client.add(changesOf(fields));
    await written.stored;
    return written.id;
  },
  async edit({ client }, { id, fields }) {
    const { deleted, ...changes } = fields;
    const written = deleted ? client.remove(id) : client.edit(id, changesOf(changes));
    await written.stored;
  },
  async decide({ client }, { id, side }) {
    const conflict = client.getSnapshot().conflicts.find((open) => open.id === id);
    await conflict.resolve(side).stored;
  },
  async sync({ client }) {
    await client.sync();
  },
  async restart(device) {
    // The old one is not closed: it is gone, as after a crash.
    device.client = open(device.store, device.url);
    await device.client.ready;
  },
  async state({ client }) {
    const { todos, conflicts, rejected, sync } = client.getSnapshot();
    const mineOf = ({ id, fields }) => [
      id,
      Object.fromEntries(fields.map(({ name, mine }) => [name, mine])),
    ];
    return {
      todos: Object.fromEntries(todos.map(({ id, text }) => [id, { text }])),
      conflicts: Object.fromEntries(conflicts.map(mineOf)),
      rejected: Object.fromEntries(rejected.map(({ id, fields }) => [id, fields])),
      waiting: sync.pending,
    };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { device: name, do: command, ...more } = JSON.parse(line);
  if (!devices.has(name)) devices.set(name, {});
  const answer = await Promise.resolve()
    .then(() => commands[command](devices.get(name), more))
    .then(
      (value) => ({ value: value ?? null }),
      (error) => ({ error: String(error) }),
    );
  console.log(JSON.stringify(answer));
}
