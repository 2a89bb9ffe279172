// Ways in which sync clients lose data. Each case names one that must not be open.
import assert from "node:assert/strict";

import { expectSettled, only } from "./checks.mjs";

/** Syncs with faults, each of which fails a sync, and then without. */
async function syncThrough({ proxy, device }, ...faults) {
  for (const fault of faults) {
    proxy.faults = [fault];
    await assert.rejects(device.sync(), `the sync with "${fault}" fails`);
  }
  await device.sync();
}

export const cases = {
  "a lost answer makes no second todo, and no conflict": async (on) => {
    await on.device.add({ text: "Once" });
    await syncThrough(on, "answer lost", "request lost", "answer lost");
    assert.equal(only(await on.oracle.todos()).text, "Once");
    await expectSettled(on);
  },

  "an edit after a lost answer is no conflict with oneself": async (on) => {
    const id = await on.device.add({ text: "Buy milk" });
    await assert.rejects(((on.proxy.faults = ["answer lost"]), on.device.sync()));
    await on.device.edit(id, { text: "Buy milk and bread" });
    await syncThrough(on, "answer lost");
    assert.equal(only(await on.oracle.todos()).text, "Buy milk and bread");
    await expectSettled(on);
  },

  "half an answer counts for nothing": async (on) => {
    await on.oracle.addMany(Array.from({ length: 50 }, (_, n) => ({ id: n, text: `Todo ${n}` })));
    await on.device.add({ text: "Mine" });
    await syncThrough(on, "half an answer", "half an answer");
    assert.equal(Object.keys((await on.device.state()).todos).length, 51);
    await expectSettled(on);
  },

  "answers that no such server gives delete nothing": async (on) => {
    await on.device.add({ text: "Kept" });
    await syncThrough(on, "captive portal", "empty answer", "no verdicts", "server error");
    assert.equal(only(await on.oracle.todos()).text, "Kept");
    await expectSettled(on);
  },

  "a batch that a proxy finds too large is sent in parts": async (on) => {
    for (const text of ["One", "Two", "Three"]) await on.device.add({ text });
    on.proxy.faults = ["too large"];
    for (let n = 0; n < 5 && (await on.device.state()).waiting > 0; n += 1) {
      await on.device.sync().catch(() => undefined);
    }
    assert.equal(Object.keys(await on.oracle.todos()).length, 3);
    await expectSettled(on);
  },

  "a request that arrives twice counts once": async (on) => {
    const id = await on.device.add({ text: "One" });
    on.proxy.faults = ["sent twice"];
    await on.device.sync();
    await on.device.edit(id, { description: "two" });
    on.proxy.faults = ["sent twice"];
    await on.device.sync();
    assert.equal(only(await on.oracle.todos()).version, 2);
    await expectSettled(on);
  },

  "a late copy of an old request undoes nothing": async (on) => {
    const id = await on.device.add({ text: "First" });
    on.proxy.faults = ["copied"];
    await on.device.sync();
    await on.device.edit(id, { text: "Second" });
    on.proxy.faults = ["copied"];
    await on.device.sync();
    await on.device.edit(id, { text: "Third" });
    await on.device.sync();
    await on.proxy.deliverCopies();
    await on.device.sync();
    assert.equal(only(await on.oracle.todos()).text, "Third");
    await expectSettled(on);
  },

  "what comes back of the own changes undoes no later one": async (on) => {
    const id = await on.device.add({ text: "Made and deleted" });
    await on.device.sync();
    await on.device.edit(id, { deleted: true });
    await on.device.sync();
    await on.device.sync();
    assert.deepEqual((await on.device.state()).todos, {});
    await expectSettled(on);
  },

  "devices that change different fields both keep them": async (on) => {
    const { id } = await on.oracle.add({ text: "Buy milk" });
    await on.device.sync();
    await on.oracle.edit(id, { description: "2 l" });
    await on.device.edit(id, { text: "Buy oat milk", "metadata.due": "2026-12-24" });
    await on.device.sync();
    const { text, description, metadata } = only(await on.oracle.todos());
    assert.deepEqual(
      { text, description, metadata },
      {
        text: "Buy oat milk",
        description: "2 l",
        metadata: { due: "2026-12-24" },
      },
    );
    await expectSettled(on);
  },

  "the same field on two devices is shown, and neither value goes": async (on) => {
    const { id } = await on.oracle.add({ text: "Buy milk" });
    await on.device.sync();
    await on.oracle.edit(id, { text: "Theirs" });
    await on.device.edit(id, { text: "Mine" });
    await on.device.sync();
    assert.equal(only(await on.oracle.todos()).text, "Theirs");
    assert.deepEqual((await on.device.state()).conflicts, { [id]: { text: "Mine" } });
    await on.device.decide(id, "mine");
    await on.device.sync();
    assert.equal(only(await on.oracle.todos()).text, "Mine");
    await expectSettled(on);
  },

  "an edit outlives a deletion that did not know of it": async (on) => {
    const { id } = await on.oracle.add({ text: "A day's work" });
    await on.device.sync();
    await on.device.edit(id, { description: "written all day" });
    await on.oracle.remove(id);
    await on.device.sync();
    if (Object.keys((await on.device.state()).conflicts).length > 0) {
      await on.device.decide(id, "mine");
      await on.device.sync();
    }
    assert.equal(only(await on.oracle.todos()).description, "written all day");
  },

  "a deletion reaches a device that was away": async (on) => {
    const { id } = await on.oracle.add({ text: "Deleted meanwhile" });
    await on.oracle.add({ text: "Stays" });
    await on.device.sync();
    await on.oracle.remove(id);
    await on.oracle.add({ text: "Made later" });
    await on.device.sync();
    assert.equal(id in (await on.device.state()).todos, false);
    await expectSettled(on);
  },

  "a device that was away puts no old state over a newer one": async (on) => {
    const { id } = await on.oracle.add({ text: "Old" });
    await on.device.sync();
    for (const text of ["Newer", "Newest"]) await on.oracle.edit(id, { text });
    await on.device.add({ text: "Typed while away" });
    await on.device.sync();
    assert.equal((await on.oracle.todos())[id].text, "Newest");
    assert.equal((await on.oracle.todos())[id].version, 3);
    await expectSettled(on);
  },

  "a device that lost its store sends no emptiness": async (on) => {
    await on.oracle.add({ text: "Kept" });
    const fresh = await on.openDevice("fresh");
    await fresh.sync();
    assert.equal(only(await on.oracle.todos()).version, 1);
    assert.equal(only((await fresh.state()).todos).text, "Kept");
  },

  "what was not sent survives a restart of the device": async (on) => {
    const { id } = await on.oracle.add({ text: "Buy milk" });
    await on.device.sync();
    await on.device.edit(id, { text: "Edited offline" });
    await on.device.add({ text: "Made offline" });
    await on.device.restart();
    const texts = Object.values((await on.device.state()).todos).map(({ text }) => text);
    assert.deepEqual(texts.sort(), ["Edited offline", "Made offline"]);
    await on.device.sync();
    await expectSettled(on);
  },

  "what was in flight at a restart is sent again, and once": async (on) => {
    await on.device.add({ text: "In flight" });
    on.proxy.faults = ["answer lost"];
    await assert.rejects(on.device.sync());
    await on.device.restart();
    await on.device.sync();
    assert.equal(only(await on.oracle.todos()).version, 1);
    await expectSettled(on);
  },

  "keys of metadata that the client does not know stay": async (on) => {
    const { id } = await on.oracle.add({ text: "Buy milk", metadata: { "x-other": { a: [1] } } });
    await on.device.sync();
    await on.device.edit(id, { text: "Buy oat milk", "metadata.due": "2026-12-24" });
    await on.device.edit(id, { "metadata.due": null });
    await on.device.sync();
    assert.deepEqual(only(await on.oracle.todos()).metadata, { "x-other": { a: [1] } });
    await expectSettled(on);
  },

  "all pages of a long list arrive, also after one was lost": async (on) => {
    const todos = Array.from({ length: 1_300 }, (_, n) => ({ id: n, text: `Todo ${n}` }));
    await on.oracle.addMany(todos);
    on.proxy.faults = ["nothing", "answer lost"];
    await on.device.sync().catch(() => undefined);
    await on.device.sync();
    assert.equal(Object.keys((await on.device.state()).todos).length, 1_300);
    await expectSettled(on);
  },
};
