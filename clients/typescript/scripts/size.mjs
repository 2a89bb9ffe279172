// Fails if the package, bundled and minified as an application would, is larger than its budget.
// esbuild's longer names cost some 4 % after compression; Vite 8 bundles with Rolldown.
import { gzipSync } from "node:zlib";

import { build } from "esbuild";
import { rolldown } from "rolldown";

const BUDGETS = { rolldown: 20 * 1024, esbuild: 21 * 1024 };
const INPUT = "dist/index.js";

const bundlers = {
  async rolldown(external) {
    const bundle = await rolldown({ input: INPUT, external, platform: "browser" });
    const { output } = await bundle.generate({ format: "esm", minify: true });
    // Annotations tell a bundler what it may drop; what a page loads has none.
    return output[0].code.replaceAll("/* @__PURE__ */ ", "");
  },
  async esbuild(external) {
    const { outputFiles } = await build({
      entryPoints: [INPUT],
      external,
      bundle: true,
      minify: true,
      format: "esm",
      write: false,
    });
    return outputFiles[0].text;
  },
};

for (const [name, budget] of Object.entries(BUDGETS)) {
  const size = async (external) => gzipSync(await bundlers[name](external), { level: 9 }).length;
  const [all, core] = [await size([]), await size(["idb"])];
  console.log(`${name}: ${core} bytes without idb, ${all} with it; budget: ${budget}`);
  if (core > budget) {
    console.error("todo-sync-client is larger than its budget");
    process.exitCode = 1;
  }
}
