/**
 * Knows each value that a user typed, and what that user had seen then: no value is silently gone.
 */

import type { Todo } from "../../src/index.js";

type Token = number;

interface Typed {
  readonly id: string;
  readonly field: string;
  /** Null for a key of metadata that was removed. */
  readonly value: string | null;
  /** The values that the user saw when typing this one. */
  readonly knows: Set<Token>;
  /** Whether the user gave it up, or it never reached a store. */
  isGivenUp: boolean;
}

/** The texts of a todo by field. */
export function textsOf(todo: Todo | undefined): Map<string, string> {
  const texts = new Map<string, string>();
  if (!todo) return texts;
  texts.set("text", todo.text);
  if (todo.description !== null) texts.set("description", todo.description);
  for (const [key, value] of Object.entries(todo.metadata))
    if (typeof value === "string") texts.set(`metadata.${key}`, value);
  return texts;
}

export class Oracle {
  private readonly typed: Typed[] = [];
  private readonly byValue = new Map<string, Token>();
  private readonly deletions = new Map<string, Set<Token>[]>();

  /** A value that nobody typed before. */
  newValue(): string {
    return `w${this.typed.length + 1}`;
  }

  /** The user gave a field a value, looking at `seen` of the todo. */
  type(id: string, field: string, value: string | null, seen: Iterable<string>): Token {
    const known = [...seen].flatMap((text) => this.byValue.get(text) ?? []);
    // Who saw nothing may have seen that a key was removed.
    const knows = new Set(known.length > 0 ? known : this.removals(id, field));
    const token = this.typed.push({ id, field, value, knows, isGivenUp: false }) - 1;
    if (value !== null) this.byValue.set(value, token);
    return token;
  }

  /** The user deleted the todo as it was shown. */
  delete(id: string, seen: Iterable<string>): void {
    const known = new Set([...seen].flatMap((text) => this.byValue.get(text) ?? []));
    this.deletions.set(id, [...(this.deletions.get(id) ?? []), known]);
  }

  /** The user gave the values up, and so what they had replaced. */
  giveUp(values: Iterable<string>): void {
    for (const value of values) this.giveUpToken(this.byValue.get(value) ?? -1);
  }

  /** The user wanted removed keys back; all keys of the todo by default. */
  giveUpRemovals(id: string, field?: string): void {
    for (const typed of this.typed) {
      const concerns = typed.id === id && (field === undefined || typed.field === field);
      if (typed.value === null && concerns) typed.isGivenUp = true;
    }
  }

  giveUpToken(token: Token): void {
    for (const known of this.closure([token])) {
      const typed = this.typed[known];
      if (typed) typed.isGivenUp = true;
    }
  }

  /** What the user who typed `value` also knew, by the way of another value. */
  alsoKnows(value: string, others: Iterable<string>): void {
    const typed = this.typed[this.byValue.get(value) ?? -1];
    for (const other of others) {
      const token = this.byValue.get(other);
      if (typed && token !== undefined) typed.knows.add(token);
    }
  }

  private closure(tokens: Iterable<Token>): Set<Token> {
    const found = new Set<Token>();
    const waiting = [...tokens];
    for (let token = waiting.pop(); token !== undefined; token = waiting.pop()) {
      if (found.has(token)) continue;
      found.add(token);
      waiting.push(...(this.typed[token]?.knows ?? []));
    }
    return found;
  }

  private removals(id: string, field: string): Token[] {
    const isRemoval = (typed: Typed): boolean =>
      typed.id === id && typed.field === field && typed.value === null;
    return this.typed.flatMap((typed, token) => (isRemoval(typed) ? [token] : []));
  }

  /** The keys that are back although their remover knew them, and nobody wanted them back. */
  back(todos: readonly Todo[]): string[] {
    const live = new Map(todos.map((todo) => [todo.id, textsOf(todo)]));
    return this.typed.flatMap(({ id, field, value, isGivenUp }, token) => {
      const final = live.get(id)?.get(field);
      if (isGivenUp || value !== null || final === undefined) return [];
      const holder = this.byValue.get(final) ?? -1;
      if (!this.closure([token]).has(holder)) return [];
      return [`${id} ${field}=${final} is back`];
    });
  }

  /** The values that are gone although no user saw them go. */
  lost(todos: readonly Todo[]): string[] {
    const live = new Map(todos.map((todo) => [todo.id, textsOf(todo)]));
    return this.typed.flatMap(({ id, field, value, isGivenUp }, token) => {
      if (isGivenUp || value === null) return [];
      const texts = live.get(id);
      const final = texts?.get(field);
      // Who removed a key knew what went, also where somebody else gives it a value later.
      const holders = this.removals(id, field);
      if (final !== undefined) holders.push(this.byValue.get(final) ?? -1);
      if (this.closure(holders).has(token)) return [];
      const deletions = this.deletions.get(id) ?? [];
      if (deletions.some((known) => this.closure(known).has(token))) return [];
      const found = texts ? `the todo has ${final ?? "nothing"}` : "there is no such todo";
      return [`${id} ${field}=${value}: ${found}`];
    });
  }
}
