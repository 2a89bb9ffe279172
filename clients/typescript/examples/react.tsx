import type { Todo } from "todo-sync-client";
import { useTodoClient, useTodos } from "todo-sync-client/react";

const isOpen = (todo: Todo): boolean => !todo.completed;
const byText = (a: Todo, b: Todo): number => (a.text < b.text ? -1 : 1);

export function OpenTodos() {
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
    </main>
  );
}
