// Fails if the package, bundled and minified as apps do it, is larger than its budget.
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const BUDGET = 20.5 * 1024;

async function size(entry, external) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    write: false,
    external,
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const all = await size("dist/index.js", []);
const core = await size("dist/index.js", ["idb"]);
console.log(`with everything: ${all} bytes; without idb: ${core} bytes; budget: ${BUDGET}`);
if (core > BUDGET) {
  console.error("todo-sync-client is larger than its budget");
  process.exit(1);
}
