// Fails if the package, bundled and minified as Vite does it, is larger than its budget.
import { gzipSync } from "node:zlib";

import { rolldown } from "rolldown";

const BUDGET = 20 * 1024;

async function size(input, external) {
  const bundle = await rolldown({ input, external, platform: "browser" });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  // Annotations tell a bundler what it may drop; what a page loads has none.
  const code = output[0].code.replaceAll("/* @__PURE__ */ ", "");
  return gzipSync(code, { level: 9 }).length;
}

const all = await size("dist/index.js", []);
const core = await size("dist/index.js", ["idb"]);
console.log(`with everything: ${all} bytes; without idb: ${core} bytes; budget: ${BUDGET}`);
if (core > BUDGET) {
  console.error("todo-sync-client is larger than its budget");
  process.exit(1);
}
