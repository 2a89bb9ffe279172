"use client";

import { useState } from "react";
import type { Conflict, Json, Rejected } from "todo-sync-client";
import { useConflicts, useRejected } from "todo-sync-client/react";
import { reasonOf } from "@/lib/asking";
import { dueInWords } from "@/lib/format";
import { notify } from "@/lib/notices";
import { texts } from "@/texts";
import { PageFrame } from "./page-frame";

const words = texts.review;

/** A value as the user knows it. */
function shown(name: string, value: Json): string {
  if (name === "completed") return value ? words.yes : words.no;
  if (name === "deleted") return value ? words.deleted : words.there;
  if (value === null || value === "") return words.empty;
  if (name === "metadata.due" || name === "metadata.snooze") return dueInWords(value, new Date()) ?? String(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Whether both texts can stand one after the other. */
const canJoin = (name: string, mine: Json, theirs: Json) =>
  (name === "text" || name === "description") && typeof mine === "string" && typeof theirs === "string";

type Side = "mine" | "theirs" | "both";
type Contested = Conflict["fields"][number];

/** The value that a field gets by this decision. */
function decided({ name, mine, theirs }: Contested, side: Side): Json {
  if (side === "both") return `${String(theirs)}${name === "text" ? " / " : "\n\n"}${String(mine)}`;
  return side === "mine" ? mine : theirs;
}

function ConflictCard({ conflict }: { readonly conflict: Conflict }) {
  const [sides, setSides] = useState<Readonly<Record<string, Side>>>({});
  const sideOf = (name: string) => sides[name] ?? "mine";
  const decide = (decision: Parameters<Conflict["resolve"]>[0]) => {
    try {
      conflict.resolve(decision);
    } catch (error) {
      notify(reasonOf(error));
    }
  };
  const apply = () =>
    decide(Object.fromEntries(conflict.fields.map((field) => [field.name, decided(field, sideOf(field.name))])));
  const title = conflict.theirs?.text || conflict.mine.text || texts.todo.untitled;
  return (
    <article className="card" data-conflict={conflict.id}>
      <h2 dir="auto">{title}</h2>
      {conflict.fields.map((field) => {
        const { name, mine, theirs } = field;
        return (
          <fieldset key={name} className="contested">
            <legend>{words.field(name)}</legend>
            <div className="sides">
              {(["theirs", "mine", ...(canJoin(name, mine, theirs) ? (["both"] as const) : [])] as const).map(
                (side) => (
                  <label key={side} className="side">
                    <input
                      type="radio"
                      name={`${conflict.id}:${name}`}
                      checked={sideOf(name) === side}
                      onChange={() => setSides({ ...sides, [name]: side })}
                    />
                    <span className="side-name">{words[side]}</span>
                    <span className="side-value" dir="auto">
                      {shown(name, decided(field, side))}
                    </span>
                  </label>
                ),
              )}
            </div>
          </fieldset>
        );
      })}
      <div className="dialog-actions">
        <button type="button" className="button primary" onClick={apply}>
          {words.apply}
        </button>
        <button type="button" className="button" onClick={() => decide("mine")}>
          {words.useMine}
        </button>
        <button type="button" className="button" onClick={() => decide("theirs")}>
          {words.useTheirs}
        </button>
      </div>
    </article>
  );
}

function RejectedCard({ rejected }: { readonly rejected: Rejected }) {
  return (
    <article className="card" data-rejected={rejected.id}>
      <h2 dir="auto">{rejected.todo.text || texts.todo.untitled}</h2>
      <p className="problem">
        {words.refused}: {rejected.message}
      </p>
      <div className="dialog-actions">
        <button type="button" className="button primary" onClick={() => rejected.retry()}>
          {words.retry}
        </button>
        <button type="button" className="button danger" onClick={() => void rejected.discard()}>
          {words.discard}
        </button>
      </div>
    </article>
  );
}

/** Conflicts field by field, both sides side by side, and what the server refused, with its reasons. */
export function ReviewPage() {
  const [conflicts, rejected] = [useConflicts(), useRejected()];
  const isEmpty = conflicts.length + rejected.length === 0;
  return (
    <PageFrame title={words.title} wide>
      <p>{isEmpty ? words.none.text : words.intro}</p>
      {conflicts.map((conflict) => (
        <ConflictCard key={conflict.id} conflict={conflict} />
      ))}
      {rejected.map((one) => (
        <RejectedCard key={one.id} rejected={one} />
      ))}
    </PageFrame>
  );
}
