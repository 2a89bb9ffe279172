// A server of the suite's own, on a file, for the cases that restore its database.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);

async function freePort() {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address();
  listener.close();
  await once(listener, "close");
  return port;
}

export class Server {
  #binary;
  #folder;
  #port;
  #process;
  #copies = 0;

  /** Starts the server of this binary on an empty database. */
  static async start(binary) {
    const server = new Server();
    server.#binary = resolve(binary);
    server.#folder = await mkdtemp(join(tmpdir(), "todo-conformance-"));
    server.#port = await freePort();
    await server.#up();
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Copies the database beside the running server. Returns the copy's file. */
  async backUp() {
    const copy = join(this.#folder, `copy-${(this.#copies += 1)}.db`);
    await this.#command("backup", copy);
    return copy;
  }

  /** Restores a copy as operators should: devices learn of it. */
  async restore(copy) {
    await this.#stopped(() => this.#command("restore", "--keep-sessions", copy));
  }

  /** Puts a copy in the database's place, without an announcement. */
  async putBack(copy) {
    await this.#stopped(async () => {
      for (const suffix of ["-wal", "-shm"]) await rm(this.#file + suffix, { force: true });
      await copyFile(copy, this.#file);
    });
  }

  /** Begins another history that lost nothing. */
  async beginEpoch() {
    await this.#stopped(() => this.#command("new-epoch"));
  }

  async end() {
    await this.#down();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #file() {
    return join(this.#folder, "todos.db");
  }

  get #options() {
    const env = {
      PATH: process.env.PATH,
      DATABASE_URL: `sqlite://${this.#file}`,
      SECRET_KEY: "a-key-for-tests-only-of-more-than-32-bytes",
      HOST: "127.0.0.1",
      PORT: String(this.#port),
      BCRYPT_COST_FACTOR: "10",
      RATE_LIMIT_ENABLED: "false",
      DRAIN_SECONDS: "0",
      LOG_LEVEL: "warn",
    };
    return { cwd: this.#folder, env };
  }

  async #command(...words) {
    await run(this.#binary, words, this.#options);
  }

  async #stopped(work) {
    await this.#down();
    await work();
    await this.#up();
  }

  async #up() {
    const child = spawn(this.#binary, [], {
      ...this.#options,
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#process = child;
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`the server ended with ${code}`);
    });
    ended.catch(() => undefined);
    const lines = createInterface({ input: child.stdout });
    const listens = new Promise((done) => {
      lines.on("line", (line) => line.includes("listening on ") && done());
    });
    await Promise.race([listens, ended]);
  }

  async #down() {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
}
