import type { NextConfig } from "next";

const config: NextConfig = {
  // Plain files, which todo-server or any other web server can serve.
  output: "export",
  reactStrictMode: true,
  // One worker is enough for a dozen pages, and leaves a small machine usable.
  experimental: { cpus: 1 },
};

export default config;
