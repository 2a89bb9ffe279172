// Writes out/sw.js: the service worker, with the list of the app's files and their hashes.

import { rm } from "node:fs/promises";
import { injectManifest } from "@serwist/build";
import { build } from "esbuild";

const bundle = ".next/service-worker.js";
await build({
  entryPoints: ["src/service-worker.ts"],
  outfile: bundle,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  define: { "process.env.NODE_ENV": '"production"' },
});
const { count, size, warnings } = await injectManifest({
  swSrc: bundle,
  swDest: "out/sw.js",
  globDirectory: "out",
  globPatterns: ["**/*.{html,js,css,txt,svg,png,webmanifest,woff2}"],
  globIgnores: ["sw.js", "404.html", "_not-found*", "_not-found/**"],
  // Their names change with their content.
  dontCacheBustURLsMatching: /^_next\/static\//,
});
await rm(bundle);
for (const warning of warnings) console.warn(warning);
console.log(`service worker: ${count} files, ${Math.round(size / 1024)} KiB`);
