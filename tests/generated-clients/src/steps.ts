// What both walk-throughs share: the server's address, an account, and ids.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

export const baseUrl = process.env["BASE_URL"] ?? "";
assert.notEqual(baseUrl, "", "BASE_URL is not set: it names the running server, for example http://127.0.0.1:8000");

export const account = () => ({ email: `${randomUUID()}@example.com`, password: `Correct-horse-${randomUUID().slice(0, 8)}` });
