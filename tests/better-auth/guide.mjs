// Runs the app of docs/better-auth.md without Next.js: writes its files, as printed, to generated/ and serves its two routes.
// Prints its address, reads this server's address as a line from standard input, and exits when standard input closes.

import { AsyncLocalStorage } from "node:async_hooks";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, relative, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { toNodeHandler } from "better-auth/node";
import { renderToStaticMarkup } from "react-dom/server";
import ts from "typescript";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "generated", String(process.pid));
const guide = readFileSync(new URL("../../docs/better-auth.md", import.meta.url), "utf8");

// Stands in for next/headers: the headers of the current request.
globalThis.requests = new AsyncLocalStorage();
write("next-headers.mjs", "export const headers = async () => globalThis.requests.getStore();");
// Stands in for next/navigation: `redirect` throws, and the server below answers with the redirect.
write("next-navigation.mjs", "export const redirect = (to) => { throw Object.assign(new Error(to), { to }); };");
for (const [, path, text] of guide.matchAll(/```tsx?\n\/\/ (\S+)\n(.*?)```/gs)) {
  const target = path.replace(/tsx?$/, "mjs");
  const up = relative(dirname(target), ".") || ".";
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, jsx: ts.JsxEmit.ReactJSX },
    reportDiagnostics: true,
  });
  write(target, outputText.replaceAll(/"@\/([^"]+)"/g, `"${up}/$1.mjs"`).replaceAll(/"next\/(headers|navigation)"/g, `"${up}/next-$1.mjs"`));
}

function write(path, text) {
  const file = resolve(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const server = createServer(async (request, response) => {
  if (request.url.startsWith("/api/auth/")) return toNodeHandler((incoming) => route[incoming.method](incoming))(request, response);
  if (request.url !== "/tasks") return response.writeHead(404).end();
  const page = await requests.run(new Headers(request.headers), Tasks).catch((thrown) => thrown);
  if (page.to) return response.writeHead(307, { location: page.to }).end();
  if (page instanceof Error) throw page;
  response.writeHead(200, { "content-type": "text/html" }).end(renderToStaticMarkup(page));
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
process.env.BETTER_AUTH_URL = `http://127.0.0.1:${server.address().port}`;

const route = await import(resolve(root, "app/api/auth/[...all]/route.mjs"));
const { default: Tasks } = await import(resolve(root, "app/tasks/page.mjs"));

console.log(process.env.BETTER_AUTH_URL);
for await (const line of createInterface(process.stdin)) process.env.TODO_URL = line;
rmSync(root, { recursive: true });
process.exit();
