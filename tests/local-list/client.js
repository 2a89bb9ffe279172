// The client of an app that kept its todos in the browser before there was a server. Like many apps of its kind, it
// forgets the old list whatever the response says: what the server does not take is lost.

const TODOS = "simple_todos_v1";

/** Sends the list that the browser kept, and forgets it. */
async function migrateLocalTodos(api, accessToken) {
  const todos = JSON.parse(localStorage.getItem(TODOS) ?? "[]");
  if (todos.length === 0) {
    return undefined;
  }
  try {
    const response = await fetch(`${api}/api/v1/todos/bulk`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${accessToken}` },
      body: JSON.stringify({ todos }),
    });
    return await response.json();
  } finally {
    localStorage.removeItem(TODOS);
  }
}
