// The client under test: a process that reads one command a line, and answers each with a line.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export class Client {
  #process;
  #lines;

  constructor([program, ...rest]) {
    this.#process = spawn(program, rest, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** Runs a command; throws what it fails with. */
  async run(device, command, more = {}) {
    this.#process.stdin.write(`${JSON.stringify({ device, do: command, ...more })}\n`);
    const { value: line, done } = await this.#lines.next();
    if (done) throw new Error("the client ended");
    const answer = JSON.parse(line);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value;
  }

  end() {
    this.#process.kill();
  }
}
