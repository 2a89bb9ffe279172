// @vitest-environment happy-dom

import { act, memo } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test } from "vitest";

import { OpenTodos } from "../../examples/react.js";
import { createTodoClient, memoryStore, type TodoClient } from "../../src/index.js";
import { TodoClientProvider, useConflicts, useSession, useSync } from "../../src/react/index.js";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

let renders = 0;

const Status = memo(function Status() {
  renders += 1;
  const { status } = useSession();
  const { pending } = useSync();
  const conflicts = useConflicts();
  return <p>{`${status}, ${pending} pending, ${conflicts.length} conflicts`}</p>;
});

let root: Root;
let client: TodoClient;
const container = (): HTMLElement => document.body.firstElementChild as HTMLElement;

beforeEach(async () => {
  document.body.innerHTML = "<div></div>";
  client = createTodoClient({
    baseUrl: "http://localhost:1",
    store: memoryStore(),
    automatic: false,
  });
  await client.ready;
  root = createRoot(container());
  await act(async () =>
    root.render(
      <TodoClientProvider client={client}>
        <OpenTodos />
        <Status />
      </TodoClientProvider>,
    ),
  );
});
afterEach(async () => {
  await act(async () => root.unmount());
  await client.close();
});

const items = (): (string | null)[] =>
  [...document.querySelectorAll("li")].map((item) => item.textContent);

test("a list follows the client, filtered and ordered", async () => {
  await act(async () => document.querySelector("button")?.click());
  await act(async () => void client.add({ text: "Answer mail" }));
  expect(items()).toEqual(["Answer mail", "Buy milk"]);
  expect(document.querySelector("p")?.textContent).toBe("anonymous, 2 pending, 0 conflicts");
  await act(async () => document.querySelector("li")?.click());
  expect(items()).toEqual(["Buy milk"]);
});

test("a component renders again only if its part of the snapshot changes", async () => {
  await act(async () => void (await client.add({ text: "One" }).stored));
  const [todo] = client.getSnapshot().todos;
  const before = renders;
  await act(async () => void (await client.edit(todo?.id ?? "", { text: "Two" }).stored));
  expect(items()).toEqual(["Two"]);
  expect(renders).toBe(before);
});
