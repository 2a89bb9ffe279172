import { defineConfig } from "vitest/config";

const source = (file: string): string => new URL(`src/${file}`, import.meta.url).pathname;

export default defineConfig({
  // The examples name the package as applications do.
  resolve: {
    alias: {
      "todo-sync-client/react": source("react/index.tsx"),
      "todo-sync-client/tanstack-db": source("tanstack-db/index.ts"),
      "todo-sync-client": source("index.ts"),
    },
  },
  test: {
    include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"],
    chaiConfig: { truncateThreshold: 0 },
    testTimeout: 300_000,
    hookTimeout: 300_000,
    fileParallelism: false,
    silent: "passed-only",
  },
});
