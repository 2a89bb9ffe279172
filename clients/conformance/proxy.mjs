// Stands between a client and the server, and does to syncs what networks do.
import { createServer } from "node:http";

const SYNC = "/api/v1/todos/sync";
/** Answers that no such server gives. */
const FAKES = {
  "captive portal": [200, "text/html", "<html>Log in to the Wi-Fi</html>"],
  "empty answer": [200, "application/json", ""],
  "no verdicts": [200, "application/json", "{}"],
  "server error": [500, "text/plain", "oops"],
  "too large": [413, "text/html", "<h1>Request entity too large</h1>"],
};

export class Proxy {
  /** What happens to the next syncs, one after the other. */
  faults = [];
  #copies = [];
  #listener;

  constructor(server) {
    this.server = server;
    this.#listener = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  async start() {
    await new Promise((done) => this.#listener.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${this.#listener.address().port}`;
  }

  async end() {
    this.#listener.closeAllConnections();
    await new Promise((done) => this.#listener.close(done));
  }

  /** The copies that were kept arrive at the server now. */
  async deliverCopies() {
    for (const send of this.#copies.splice(0)) await send();
  }

  async #handle(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = chunks.length > 0 ? Buffer.concat(chunks) : undefined;
    const { host: _, connection: __, "content-length": ___, ...headers } = request.headers;
    const send = () => fetch(this.server + request.url, { method: request.method, headers, body });
    const fault = request.url === SYNC ? this.faults.shift() : undefined;
    if (fault === "request lost") return response.destroy();
    if (fault in FAKES) {
      const [status, type, text] = FAKES[fault];
      return response.writeHead(status, { "content-type": type }).end(text);
    }
    if (fault === "copied") this.#copies.push(send);
    if (fault === "sent twice") await send();
    const answer = await send();
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (fault === "answer lost") return response.destroy();
    const type = answer.headers.get("content-type") ?? "application/json";
    response.writeHead(answer.status, { "content-type": type, "content-length": bytes.length });
    if (fault !== "half an answer") return response.end(bytes);
    response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
  }
}
