import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { "@": fileURLToPath(new URL("src", import.meta.url)) } },
  // A zone that changes its clocks, west to east of which the days differ.
  test: { include: ["tests/**/*.test.ts"], env: { TZ: "Europe/Berlin" } },
});
