// Ways in which data is lost when the server's database is restored. Each case names one that must
// not be open.
import assert from "node:assert/strict";

import { expectSettled, only } from "./checks.mjs";

/** Syncs until it succeeds: the server was away, and a client may need several rounds. */
async function syncAgain(device) {
  for (let n = 0; n < 5; n += 1) {
    const isDone = await device.sync().then(
      () => true,
      () => false,
    );
    if (isDone) return;
  }
  await device.sync();
}

const textsOf = (todos) =>
  Object.values(todos)
    .map(({ text }) => text)
    .sort();

/** A todo from before a backup, and what the device did since: an edit and another todo. */
async function afterBackup(on) {
  const id = await on.device.add({ text: "Before" });
  await on.device.sync();
  const backup = await on.server.backUp();
  await on.device.edit(id, { text: "Edited since" });
  await on.device.add({ text: "Made since" });
  await on.device.sync();
  return { id, backup };
}

export const restores = {
  "a restored backup loses nothing that a device holds": async (on) => {
    const { backup } = await afterBackup(on);
    await on.server.restore(backup);
    assert.deepEqual(textsOf(await on.oracle.todos()), ["Before"]);
    await syncAgain(on.device);
    assert.deepEqual(textsOf(await on.oracle.todos()), ["Edited since", "Made since"]);
    await expectSettled(on);
  },

  "what was deleted after the backup stays deleted": async (on) => {
    const id = await on.device.add({ text: "Deleted since" });
    await on.device.sync();
    const laptop = await on.openDevice("laptop");
    await laptop.sync();
    const backup = await on.server.backUp();
    await on.device.edit(id, { deleted: true });
    await on.device.sync();
    await on.server.restore(backup);
    await syncAgain(laptop);
    await syncAgain(on.device);
    await syncAgain(laptop);
    assert.deepEqual(await on.oracle.todos(), {});
    assert.deepEqual((await laptop.state()).todos, {});
    await expectSettled(on);
  },

  "edits that were not sent before a restore are no conflict after it": async (on) => {
    const { id, backup } = await afterBackup(on);
    await on.device.edit(id, {
      text: "Edited offline",
      "metadata.due": "2026-12-24",
    });
    await on.server.restore(backup);
    await syncAgain(on.device);
    const { text, metadata } = (await on.oracle.todos())[id];
    assert.deepEqual(
      { text, metadata },
      { text: "Edited offline", metadata: { due: "2026-12-24" } },
    );
    await expectSettled(on);
  },

  "a change whose answer was lost before the restore counts once": async (on) => {
    const backup = await on.server.backUp();
    await on.device.add({ text: "In flight" });
    on.proxy.faults = ["answer lost"];
    await assert.rejects(on.device.sync());
    await on.server.restore(backup);
    await syncAgain(on.device);
    const { text, version } = only(await on.oracle.todos());
    assert.deepEqual({ text, version }, { text: "In flight", version: 1 });
    await expectSettled(on);
  },

  "two devices that give back the same are not in conflict": async (on) => {
    const { id, backup } = await afterBackup(on);
    const laptop = await on.openDevice("laptop");
    await laptop.sync();
    await laptop.edit(id, { description: "from the laptop" });
    await laptop.sync();
    await on.server.restore(backup);
    for (const device of [laptop, on.device, laptop]) await syncAgain(device);
    const todos = await on.oracle.todos();
    assert.deepEqual(textsOf(todos), ["Edited since", "Made since"]);
    assert.equal(todos[id].description, "from the laptop");
    assert.deepEqual((await laptop.state()).conflicts, {});
    await expectSettled(on);
  },

  "a value that came after the restore is shown, and not replaced": async (on) => {
    const { id, backup } = await afterBackup(on);
    await on.server.restore(backup);
    await on.oracle.edit(id, { text: "After the restore" });
    await syncAgain(on.device);
    assert.equal((await on.oracle.todos())[id].text, "After the restore");
    assert.deepEqual((await on.device.state()).conflicts, {
      [id]: { text: "Edited since" },
    });
    await on.device.decide(id, "mine");
    await on.device.sync();
    assert.deepEqual(textsOf(await on.oracle.todos()), ["Edited since", "Made since"]);
    await expectSettled(on);
  },

  "a copy that nobody announced is found by a cursor ahead of it": async (on) => {
    const { backup } = await afterBackup(on);
    await on.server.putBack(backup);
    await syncAgain(on.device);
    assert.deepEqual(textsOf(await on.oracle.todos()), ["Edited since", "Made since"]);
    await expectSettled(on);
  },

  "a copy that nobody announced is found by its digest": async (on) => {
    const { backup } = await afterBackup(on);
    await on.server.putBack(backup);
    // Now the server's clock is ahead of the device's cursor.
    await on.oracle.add({ text: "New history" });
    await syncAgain(on.device);
    const texts = ["Edited since", "Made since", "New history"];
    assert.deepEqual(textsOf(await on.oracle.todos()), texts);
    await expectSettled(on);
  },

  "restores that follow one another come to an end": async (on) => {
    const { backup } = await afterBackup(on);
    await on.server.restore(backup);
    await on.device.add({ text: "Between restores" });
    await syncAgain(on.device);
    await on.server.restore(backup);
    await syncAgain(on.device);
    const todos = await on.oracle.todos();
    assert.deepEqual(textsOf(todos), ["Between restores", "Edited since", "Made since"]);
    await on.device.sync();
    assert.deepEqual(await on.oracle.todos(), todos);
    await expectSettled(on);
  },

  "a new history that lost nothing changes nothing": async (on) => {
    const { id } = await afterBackup(on);
    const before = await on.oracle.todos();
    await on.server.beginEpoch();
    await on.device.edit(id, { description: "offline" });
    await syncAgain(on.device);
    const todos = await on.oracle.todos();
    assert.equal(todos[id].version, before[id].version + 1);
    assert.deepEqual({ ...todos, [id]: before[id] }, before);
    await expectSettled(on);
  },
};
