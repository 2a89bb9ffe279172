/**
 * The real server on a database of its own, that can be stopped, killed, restarted and restored.
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { appendFileSync, copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const SUFFIXES = ["", "-wal", "-shm"];

/** The path of `todo-server`. */
export const BINARY = process.env["TODO_SERVER_BIN"] ?? "";

/** A database of PostgreSQL for all servers; by default, each has a file of its own. */
export const DATABASE_URL = process.env["TEST_DATABASE_URL"];

/** Fails with one sentence where the tests were started without a server. */
export function needsServer(): void {
  if (!existsSync(BINARY))
    throw new Error("TODO_SERVER_BIN must be the path of todo-server; `cargo xtask test` sets it");
}

async function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const socket = createServer();
    socket.once("error", fail);
    socket.listen(0, "127.0.0.1", () => {
      const address = socket.address();
      socket.close(() => done(typeof address === "object" && address ? address.port : 0));
    });
  });
}

export class TestServer {
  private process: ChildProcess | null = null;
  private copies = 0;

  private constructor(
    readonly folder: string,
    private readonly port: number,
    private readonly settings: Record<string, string>,
  ) {}

  /** Starts a server with more settings than the usual ones. */
  static async start(settings: Record<string, string> = {}): Promise<TestServer> {
    needsServer();
    const server = new TestServer(
      mkdtempSync(join(tmpdir(), "todo-client-")),
      await freePort(),
      settings,
    );
    await server.up();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  private get environment(): Record<string, string> {
    return {
      PATH: process.env["PATH"] ?? "",
      DATABASE_URL: DATABASE_URL ?? `sqlite://${this.file}`,
      SECRET_KEY: "a-key-for-tests-only-of-more-than-32-bytes",
      HOST: "127.0.0.1",
      PORT: String(this.port),
      BCRYPT_COST_FACTOR: "10",
      RATE_LIMIT_ENABLED: "false",
      DRAIN_SECONDS: "0",
      LOG_LEVEL: "warn",
      CORS_ORIGINS: "http://localhost:1",
      ...this.settings,
    };
  }

  /** Starts the process and waits until it listens. */
  async up(): Promise<void> {
    const child = spawn(BINARY, [], {
      cwd: this.folder,
      env: this.environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.process = child;
    const log = (text: string): void =>
      appendFileSync(join(this.folder, "server.log"), `${text}\n`);
    await new Promise<void>((done, fail) => {
      const hear = (line: string): void => {
        log(line);
        if (line.includes("listening on ")) done();
      };
      createInterface({ input: child.stdout }).on("line", hear);
      createInterface({ input: child.stderr }).on("line", hear);
      child.once("exit", (code) => fail(new Error(`the server ended with ${String(code)}`)));
      child.once("error", fail);
    });
  }

  /** Ends the process, by default without warning. */
  async down(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.process;
    this.process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await ended;
  }

  async restart(): Promise<void> {
    await this.down();
    await this.up();
  }

  /** Copies the database's files after the process was killed, as a snapshot of the disk would. */
  async backUp(): Promise<string> {
    const copy = join(this.folder, `backup-${(this.copies += 1)}`);
    await this.down();
    for (const suffix of SUFFIXES) {
      if (existsSync(this.file + suffix)) copyFileSync(this.file + suffix, copy + suffix);
    }
    await this.up();
    return copy;
  }

  /** Puts a copy in the database's place; `announced` begins a new history, as operators should. */
  async restore(copy: string, announced: boolean): Promise<void> {
    await this.down();
    for (const suffix of SUFFIXES) {
      rmSync(this.file + suffix, { force: true });
      if (existsSync(copy + suffix)) copyFileSync(copy + suffix, this.file + suffix);
    }
    if (announced) this.run("new-epoch");
    await this.up();
  }

  private get file(): string {
    return join(this.folder, "todos.db");
  }

  /** Runs a command of the binary. */
  run(...command: string[]): string {
    return execFileSync(BINARY, command, {
      cwd: this.folder,
      env: this.environment,
      encoding: "utf8",
    });
  }

  async end(): Promise<void> {
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
