/** Chromium, driven against pages that load the built package from the server's origin. */

import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";

import { build } from "esbuild";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const EXECUTABLES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export async function startChromium(): Promise<Browser> {
  const executablePath = EXECUTABLES.find((path) => existsSync(path));
  if (!executablePath) throw new Error("Chromium is needed: `apt-get install chromium`");
  const args = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP plain.test 127.0.0.1",
  ];
  return chromium.launch({ executablePath, args });
}

/**
 * Serves one page with the client, and hands requests for the API on, so that all is one origin.
 */
export class Site {
  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(api: string): Promise<Site> {
    const entry = {
      contents: 'export * from "./src/index.ts";',
      resolveDir: new URL("../..", import.meta.url).pathname,
      loader: "ts" as const,
    };
    const { outputFiles } = await build({
      stdin: entry,
      bundle: true,
      format: "iife",
      globalName: "todoSync",
      write: false,
      target: "es2022",
    });
    const script = outputFiles[0]?.text ?? "";
    const server = createServer((request, response) => {
      const path = request.url ?? "/";
      if (path === "/client.js")
        return void response.setHeader("Content-Type", "text/javascript").end(script);
      if (!path.startsWith("/api/"))
        return void response
          .setHeader("Content-Type", "text/html")
          .end('<!doctype html><title>x</title><script src="/client.js"></script>');
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const headers = {
          "Content-Type": "application/json",
          ...(request.headers.authorization && { Authorization: request.headers.authorization }),
        };
        const body = chunks.length > 0 ? { body: Buffer.concat(chunks) } : {};
        fetch(api + path, { method: request.method ?? "GET", headers, ...body }).then(
          async (answer) => {
            response.statusCode = answer.status;
            response.setHeader("Content-Type", "application/json");
            response.end(Buffer.from(await answer.arrayBuffer()));
          },
          () => response.destroy(),
        );
      });
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const address = server.address();
    return new Site(server, typeof address === "object" && address ? address.port : 0);
  }

  /** `localhost` is a secure context; any other name over plain http is not. */
  url(host: "localhost" | "plain.test" = "localhost"): string {
    return `http://${host}:${this.port}/`;
  }

  async open(
    context: BrowserContext,
    host: "localhost" | "plain.test" = "localhost",
  ): Promise<Page> {
    const page = await context.newPage();
    await page.goto(this.url(host));
    await page.evaluate(() => {
      const { todoSync } = window as unknown as { todoSync: typeof import("../../src/index.js") };
      Object.assign(window, {
        client: todoSync.createTodoClient({ WebSocket: null, pollSeconds: 1 }),
      });
    });
    await page.evaluate(() => (window as unknown as PageWindow).client.ready);
    return page;
  }

  async end(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

export interface PageWindow {
  client: import("../../src/index.js").TodoClient;
}

/** Ends the process of a page in the middle of whatever it does. */
export async function kill(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent("crash", { timeout: 200_000 });
  // Nobody is left to answer.
  session.send("Page.crash").catch(() => undefined);
  await crashed;
}

/** Limits what the page's origin may store, in bytes; null lifts the limit. */
export async function limitStorage(page: Page, bytes: number | null): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { origin } = new URL(page.url());
  await session.send("Storage.overrideQuotaForOrigin", {
    origin,
    ...(bytes !== null && { quotaSize: bytes }),
  });
}

/** Freezes a page as the browser does with pages in the background, or lets it go on. */
export async function setFrozen(page: Page, isFrozen: boolean): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Page.enable");
  await session.send("Page.setWebLifecycleState", { state: isFrozen ? "frozen" : "active" });
}
