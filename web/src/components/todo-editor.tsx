"use client";

import { useState, type FormEvent, type KeyboardEvent } from "react";
import type { Json, Todo, TodoChanges } from "todo-sync-client";
import { useTodoClient } from "todo-sync-client/react";
import { edit, move, remove, snooze } from "@/lib/actions";
import { instantWithOffset, readDue, startOf } from "@/lib/day";
import { notify } from "@/lib/notices";
import { firstDay } from "@/lib/recurrence";
import { listOf, priorityOf, tagsOf } from "@/lib/views";
import { texts } from "@/texts";

/** The day and the time of a `due`, as the fields of a form have them. */
function dueFields(todo: Todo): { day: string; time: string } {
  const due = readDue(todo.metadata.due);
  return { day: due?.day ?? "", time: due?.at ? instantWithOffset(due.at).slice(11, 16) : "" };
}

/** A form's day and time as a `due`; undefined if the calendar does not have it. */
function dueFrom(day: string, time: string): string | null | undefined {
  if (day === "") return null;
  if (!startOf(day)) return undefined;
  return time === "" ? day : instantWithOffset(new Date(`${day}T${time}`));
}

/** The tags of a text, without the signs before them. */
const readTags = (text: string) =>
  text
    .split(/[\s,]+/)
    .map((tag) => tag.replace(/^#+/, ""))
    .filter((tag) => tag !== "" && tag.length <= 60);

/** What the form changes; only the keys that the user changed. Null if the date does not exist. */
function changesOf(todo: Todo, form: FormData): TodoChanges | null {
  const value = (name: string) => String(form.get(name) ?? "");
  const metadata: Record<string, Json> = {};
  const before = dueFields(todo);
  if (value("day") !== before.day || value("time") !== before.time) {
    const due = dueFrom(value("day"), value("time"));
    if (due === undefined) return null;
    metadata.due = due;
  }
  const repeat = value("repeat");
  if (repeat !== (todo.metadata.repeat ?? "")) {
    metadata.repeat = repeat || null;
    if (repeat && value("day") === "") metadata.due = firstDay(repeat, instantWithOffset(new Date()).slice(0, 10));
  }
  const [priority, list] = [Number(value("priority")), value("list").trim()];
  if (priority !== priorityOf(todo)) metadata.priority = priority || null;
  if (list !== (listOf(todo) ?? "")) metadata.list = list || null;
  const [had, has] = [new Set(tagsOf(todo)), new Set(readTags(value("tags")))];
  for (const tag of had) if (!has.has(tag)) metadata[`tag:${tag}`] = null;
  for (const tag of has) if (!had.has(tag)) metadata[`tag:${tag}`] = true;
  const [text, note] = [value("text"), value("note").trim() === "" ? null : value("note")];
  return {
    ...(text !== todo.text ? { text } : {}),
    ...(note !== todo.description ? { description: note } : {}),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  };
}

/** All fields of a todo, in its place in the list. */
export function TodoEditor({
  todo,
  isOrdered,
  onClose,
}: {
  readonly todo: Todo;
  readonly isOrdered: boolean;
  readonly onClose: () => void;
}) {
  const client = useTodoClient();
  // The values that the form began with: a change from elsewhere must not be taken back by saving.
  const [opened] = useState(todo);
  const due = dueFields(opened);
  const repeat = typeof opened.metadata.repeat === "string" ? opened.metadata.repeat : "";

  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const changes = changesOf(opened, new FormData(event.currentTarget));
    if (!changes) return notify(texts.edit.badDate);
    if (Object.keys(changes).length === 0 || edit(client, todo.id, changes)) onClose();
  };
  const keys = (event: KeyboardEvent<HTMLFormElement>) => {
    if (event.key === "Escape") onClose();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
    else return;
    event.stopPropagation();
    event.preventDefault();
  };
  const neighbour = (direction: "previousElementSibling" | "nextElementSibling") => {
    const row = document.querySelector(`[data-todo="${todo.id}"]`)?.[direction];
    return row instanceof HTMLElement ? (row.dataset.todo ?? null) : null;
  };
  const shift = (up: boolean) => {
    const other = neighbour(up ? "previousElementSibling" : "nextElementSibling");
    if (other) move(client, todo.id, up ? { before: other } : { after: other });
  };

  return (
    <form className="editor" onSubmit={save} onKeyDown={keys}>
      <label className="field wide">
        <span>{texts.edit.text}</span>
        <input name="text" defaultValue={opened.text} required autoFocus dir="auto" autoComplete="off" />
      </label>
      <label className="field wide">
        <span>{texts.edit.note}</span>
        <textarea name="note" defaultValue={opened.description ?? ""} rows={3} maxLength={10_000} dir="auto" />
      </label>
      <label className="field">
        <span>{texts.edit.due}</span>
        <input name="day" type="date" defaultValue={due.day} />
      </label>
      <label className="field">
        <span>{texts.edit.time}</span>
        <input name="time" type="time" defaultValue={due.time} />
      </label>
      <label className="field">
        <span>{texts.edit.repeat}</span>
        <select name="repeat" defaultValue={repeat}>
          {Object.entries(texts.repeat.choices).map(([rule, words]) => (
            <option key={rule} value={rule}>
              {words}
            </option>
          ))}
          {!(repeat in texts.repeat.choices) && <option value={repeat}>{repeat}</option>}
        </select>
      </label>
      <label className="field">
        <span>{texts.edit.priority}</span>
        <select name="priority" defaultValue={priorityOf(opened)}>
          {texts.edit.priorities.map((words, n) => (
            <option key={words} value={n}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <label className="field">
        <span>{texts.edit.list}</span>
        <input name="list" defaultValue={listOf(opened) ?? ""} maxLength={100} autoComplete="off" />
      </label>
      <label className="field">
        <span>{texts.edit.tags}</span>
        <input
          name="tags"
          defaultValue={tagsOf(opened).join(" ")}
          placeholder={texts.edit.tagsHint}
          autoComplete="off"
        />
      </label>
      <div className="editor-actions">
        <button type="submit" className="button primary">
          {texts.edit.save}
        </button>
        <button type="button" className="button" onClick={onClose}>
          {texts.edit.cancel}
        </button>
        {isOrdered && (
          <>
            <button type="button" className="button quiet" onClick={() => shift(true)}>
              {texts.edit.up}
            </button>
            <button type="button" className="button quiet" onClick={() => shift(false)}>
              {texts.edit.down}
            </button>
          </>
        )}
        {todo.metadata.snooze ? (
          <button type="button" className="button quiet" onClick={() => snooze(client, todo, null)}>
            {texts.edit.unsnooze}
          </button>
        ) : (
          <button type="button" className="button quiet" onClick={() => snooze(client, todo, 1)}>
            {texts.edit.snooze}
          </button>
        )}
        <button type="button" className="button danger" onClick={() => remove(client, todo)}>
          {texts.edit.remove}
        </button>
      </div>
    </form>
  );
}
