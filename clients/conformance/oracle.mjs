// Another device of the same user, and what the server really has: plain requests, past the proxy.

export class Oracle {
  #token = "";

  constructor(server) {
    this.server = server;
    this.email = `conformance-${crypto.randomUUID()}@example.com`;
    this.password = "Correct-horse-7!";
  }

  async register() {
    const { email, password } = this;
    const answer = await this.#ask("POST", "/api/v1/auth/register", { email, password });
    this.#token = answer.access_token;
  }

  /** The live todos by id, as the server has them. */
  async todos() {
    const found = {};
    let cursor = null;
    for (let more = true; more;) {
      const request = { last_sync: cursor, todos: [] };
      const page = await this.#ask("POST", "/api/v1/todos/sync", request);
      for (const todo of page.server_changes) if (!todo.deleted_at) found[todo.id] = todo;
      [cursor, more] = [page.sync_timestamp, page.has_more];
    }
    return found;
  }

  async add(todo) {
    return this.#ask("POST", "/api/v1/todos", todo);
  }

  async addMany(todos) {
    return this.#ask("POST", "/api/v1/todos/bulk", { todos });
  }

  async edit(id, changes) {
    return this.#ask("PATCH", `/api/v1/todos/${id}`, changes);
  }

  async remove(id) {
    return this.#ask("DELETE", `/api/v1/todos/${id}`);
  }

  async #ask(method, path, body) {
    const headers = { "content-type": "application/json", authorization: `Bearer ${this.#token}` };
    const response = await fetch(this.server + path, {
      method,
      headers,
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }
}
