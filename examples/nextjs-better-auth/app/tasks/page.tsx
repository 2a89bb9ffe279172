import { Suspense } from "react";
import { todos } from "@/lib/todos";
import { addTask, completeTask, deleteTask } from "./actions";
import { LogOut } from "./log-out";

interface Task {
  id: number;
  title: string;
  completed: boolean;
}

export default function Page() {
  return (
    <main>
      <h1>Tasks</h1>
      <form className="add" action={addTask}>
        <input name="title" aria-label="New task" maxLength={500} autoComplete="off" required />
        <button>Add</button>
      </form>
      <Suspense fallback={<p>Loading…</p>}>
        <Tasks />
      </Suspense>
      <LogOut />
    </main>
  );
}

async function Tasks() {
  const response = await todos("/api/tasks");
  if (!response.ok) throw new Error((await response.json()).detail);
  const tasks: Task[] = await response.json();
  if (tasks.length === 0) return <p>Nothing to do.</p>;
  return (
    <ul>
      {tasks.map(({ id, title, completed }) => (
        <li key={id}>
          <form action={completeTask.bind(null, id, !completed)}>
            <button className="check" role="checkbox" aria-checked={completed} aria-label={title} />
          </form>
          <span>{title}</span>
          <form action={deleteTask.bind(null, id)}>
            <button className="quiet" aria-label={`Delete ${title}`}>
              Delete
            </button>
          </form>
        </li>
      ))}
    </ul>
  );
}
