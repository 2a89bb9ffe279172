import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { digest, hash } from "../../src/model/digest.js";
import type { Row } from "../../src/model/entry.js";

interface VectorTodo {
  id: string;
  version: number;
  updated_at: string;
  deleted_at?: string | null;
}
interface Vectors {
  hashes: (VectorTodo & { hash: string })[];
  lists: { todos: VectorTodo[]; digest: string }[];
}

const vectors = JSON.parse(
  readFileSync(new URL("../../../vectors/digest.json", import.meta.url), "utf8"),
) as Vectors;

test("the hash of a todo is the server's", () => {
  expect(vectors.hashes.length).toBeGreaterThan(5);
  for (const { id, version, updated_at: stamp, hash: expected } of vectors.hashes) {
    expect(hash(id, version, stamp).toString(16).padStart(16, "0")).toBe(expected);
  }
});

test("the digest of a list is the server's", () => {
  expect(vectors.lists.length).toBeGreaterThan(2);
  for (const { todos, digest: expected } of vectors.lists) {
    const rows = todos.map((todo): [string, Row] => {
      const deletedAt = todo.deleted_at ?? null;
      const fields = { text: "x", deleted: deletedAt !== null };
      return [
        todo.id,
        {
          version: todo.version,
          stamp: todo.updated_at,
          fields,
          createdAt: "",
          completedAt: null,
          deletedAt,
        },
      ];
    });
    expect(digest(rows)).toBe(expected);
  }
});
