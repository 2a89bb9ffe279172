// Fails if a line has more than 100 columns: the formatter leaves comments and texts as they are.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const files = ["src", "tests", "scripts", "examples"].flatMap((folder) =>
  readdirSync(folder, { recursive: true }).map((file) => join(folder, String(file))),
);
const sources = files.filter((file) => /\.(tsx?|mjs)$/.test(file) && !file.includes("generated"));
const long = sources.flatMap((file) => {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.flatMap((line, index) => ([...line].length > 100 ? [`${file}:${index + 1}`] : []));
});
if (long.length > 0) {
  console.error(`more than 100 columns:\n${long.join("\n")}`);
  process.exit(1);
}
