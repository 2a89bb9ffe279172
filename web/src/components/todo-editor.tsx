"use client";

import { useState, type FormEvent, type KeyboardEvent } from "react";
import type { Todo } from "todo-sync-client";
import { useTodoClient } from "todo-sync-client/react";
import { edit, move, remove, snooze } from "@/lib/actions";
import { editorDraft, readDraft, writeDraft } from "@/lib/drafts";
import { changedFields, changesOf, fieldsIn, fieldsOf, readFields } from "@/lib/editing";
import { notify } from "@/lib/notices";
import { texts } from "@/texts";
import { Icon } from "./icons";

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
  const draft = editorDraft(todo.id);
  const [unsaved] = useState(() => readFields(readDraft(draft)));
  const fields = { ...fieldsOf(opened), ...unsaved };

  const keep = (event: FormEvent<HTMLFormElement>) => {
    const changed = changedFields(fieldsOf(opened), fieldsIn(event.currentTarget));
    writeDraft(draft, Object.keys(changed).length > 0 ? JSON.stringify(changed) : "");
  };
  const close = () => {
    writeDraft(draft, "");
    onClose();
  };
  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const changes = changesOf(opened, fieldsIn(event.currentTarget));
    if (!changes) return notify(texts.edit.badDate);
    if (Object.keys(changes).length === 0 || edit(client, todo.id, changes)) close();
  };
  const keys = (event: KeyboardEvent<HTMLFormElement>) => {
    if (event.key === "Escape") close();
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
    <form className="editor" onSubmit={save} onInput={keep} onKeyDown={keys}>
      {Object.keys(unsaved).length > 0 && (
        <p className="hint wide" role="status">
          {texts.edit.restored}
        </p>
      )}
      <label className="field wide">
        <span>{texts.edit.text}</span>
        <input name="text" defaultValue={fields.text} required autoFocus dir="auto" autoComplete="off" />
      </label>
      <label className="field wide">
        <span>{texts.edit.note}</span>
        <textarea name="note" defaultValue={fields.note} rows={3} maxLength={10_000} dir="auto" />
      </label>
      <label className="field">
        <span>{texts.edit.due}</span>
        <input name="day" type="date" defaultValue={fields.day} />
      </label>
      <label className="field">
        <span>{texts.edit.time}</span>
        <input name="time" type="time" defaultValue={fields.time} />
      </label>
      <label className="field">
        <span>{texts.edit.repeat}</span>
        <select name="repeat" defaultValue={fields.repeat}>
          {Object.entries(texts.repeat.choices).map(([rule, words]) => (
            <option key={rule} value={rule}>
              {words}
            </option>
          ))}
          {!(fields.repeat in texts.repeat.choices) && <option value={fields.repeat}>{fields.repeat}</option>}
        </select>
      </label>
      <label className="field">
        <span>{texts.edit.priority}</span>
        <select name="priority" defaultValue={fields.priority}>
          {texts.edit.priorities.map((words, n) => (
            <option key={words} value={n}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <label className="field">
        <span>{texts.edit.list}</span>
        <input name="list" defaultValue={fields.list} maxLength={100} autoComplete="off" />
      </label>
      <label className="field">
        <span>{texts.edit.tags}</span>
        <input
          name="tags"
          defaultValue={fields.tags}
          placeholder={texts.edit.tagsHint}
          autoComplete="off"
        />
      </label>
      <div className="editor-actions">
        <button type="submit" className="button primary">
          {texts.edit.save}
        </button>
        <button type="button" className="button" onClick={close}>
          {texts.edit.cancel}
        </button>
        {isOrdered && (
          <>
            <button
              type="button"
              className="button quiet"
              aria-label={texts.edit.up}
              title={texts.edit.up}
              onClick={() => shift(true)}
            >
              <Icon name="up" />
            </button>
            <button
              type="button"
              className="button quiet"
              aria-label={texts.edit.down}
              title={texts.edit.down}
              onClick={() => shift(false)}
            >
              <Icon name="down" />
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
        <button type="button" className="button danger last" onClick={() => {
            writeDraft(draft, "");
            remove(client, todo);
          }}>
          {texts.edit.remove}
        </button>
      </div>
    </form>
  );
}
