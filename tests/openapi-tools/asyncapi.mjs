// Parses and validates the AsyncAPI document that the argument names. Exits with 1 if the parser finds an error or a warning.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
// Severities: 0 error, 1 warning, 2 information.
const faults = diagnostics.filter(({ severity }) => severity < 2);
for (const { code, message, path } of faults) {
  console.error(`${path.join(".")}: ${message} (${code})`);
}
if (document === undefined || faults.length > 0) {
  process.exit(1);
}
console.log(`${document.info().title()}: ${document.messages().length} messages, ${document.operations().length} operations`);
