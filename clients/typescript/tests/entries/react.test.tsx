// @vitest-environment happy-dom

import { act, memo } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test } from "vitest";

import { createTodoClient, memoryStore, type Todo, type TodoClient } from "../../src/index.js";
import {
  TodoClientProvider,
  useConflicts,
  useSession,
  useSync,
  useTodoClient,
  useTodos,
} from "../../src/react/index.js";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

const isOpen = (todo: Todo): boolean => !todo.completed;
const byText = (a: Todo, b: Todo): number => (a.text < b.text ? -1 : 1);

let renders = 0;

/** The example: a list with a form, its count and its state. */
function App() {
  const client = useTodoClient();
  const todos = useTodos({ where: isOpen, orderBy: byText });
  return (
    <main>
      <button onClick={() => client.add({ text: "Buy milk" })}>Add</button>
      <ul>
        {todos.map((todo) => (
          <li key={todo.id} onClick={() => client.complete(todo.id)}>
            {todo.text}
          </li>
        ))}
      </ul>
      <Status />
    </main>
  );
}

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
        <App />
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
