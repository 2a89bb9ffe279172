// What cases share.
import assert from "node:assert/strict";

/** The only one of the todos. */
export function only(todos) {
  const [id, ...others] = Object.keys(todos);
  assert.equal(others.length, 0, `one todo: ${JSON.stringify(todos)}`);
  return todos[id];
}

/** The device shows what the server has, and nothing waits. */
export async function expectSettled({ device, oracle }) {
  const { todos, conflicts, rejected, waiting } = await device.state();
  assert.deepEqual({ conflicts, rejected, waiting }, { conflicts: {}, rejected: {}, waiting: 0 });
  const real = await oracle.todos();
  assert.deepEqual(Object.keys(todos).sort(), Object.keys(real).sort());
  for (const [id, fields] of Object.entries(todos)) assert.equal(fields.text, real[id].text);
}
