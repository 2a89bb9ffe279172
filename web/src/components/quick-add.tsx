"use client";

import {
  useDeferredValue,
  useEffect,
  useMemo,
  useRef,
  useState,
  type ClipboardEvent,
  type FormEvent,
  type KeyboardEvent,
} from "react";
import type { NewTodo } from "todo-sync-client";
import { useTodoClient } from "todo-sync-client/react";
import { addTodos, short } from "@/lib/actions";
import { dayOf } from "@/lib/day";
import { NEW_TODO, readDraft } from "@/lib/drafts";
import { beyond, clean, fitting, isVisible, lines, MOST_LINES } from "@/lib/fitting";
import { dueInWords } from "@/lib/format";
import { useDraft, useNow } from "@/lib/hooks";
import { notify } from "@/lib/notices";
import { understand, type FindDate, type Part } from "@/lib/quick-add";
import { inWords } from "@/lib/recurrence";
import type { View } from "@/lib/views";
import { texts } from "@/texts";
import { Icon } from "./icons";

/** The library of dates, once somebody types. */
function useFindDate(wanted: boolean): FindDate | null {
  const [findDate, setFindDate] = useState<FindDate | null>(null);
  useEffect(() => {
    if (!wanted || findDate) return;
    // Without it, offline before the first complete visit, "today" and "tomorrow" are understood.
    import("@/lib/find-date").then(
      (module) => setFindDate(() => module.findDate),
      () => undefined,
    );
  }, [wanted, findDate]);
  return findDate;
}

/** What a new todo of this view has from the view itself. */
function fromView(view: View, todo: NewTodo, now: Date): NewTodo {
  const metadata = todo.metadata ?? {};
  if (view.kind === "list") return { ...todo, metadata: { list: view.name, ...metadata } };
  if (view.kind === "tag") return { ...todo, metadata: { [`tag:${view.name}`]: true, ...metadata } };
  if (view.kind === "today") return { ...todo, metadata: { due: dayOf(now), ...metadata } };
  return todo;
}

function partInWords({ kind, value }: Part, now: Date): string {
  if (kind === "due") return dueInWords(value, now) ?? value;
  if (kind === "repeat") return inWords(value) ?? value;
  if (kind === "priority") return texts.todo.priority(value);
  return `${kind === "tag" ? "#" : "@"}${value}`;
}

/** The field that adds todos, and shows what it understood while one types. */
export function QuickAdd({ view }: { readonly view: View }) {
  const client = useTodoClient();
  const now = useNow();
  const input = useRef<HTMLInputElement>(null);
  const [line, setLine] = useDraft(NEW_TODO);
  const [isLiteral, setLiteral] = useState(false);
  const findDate = useFindDate(line !== "");
  const deferred = useDeferredValue(line);
  const understood = useMemo(() => understand(deferred, now, findDate), [deferred, now, findDate]);
  // What was typed before the scripts had arrived follows what an earlier visit left.
  useEffect(() => {
    const typed = input.current?.value;
    if (typed) setLine([readDraft(NEW_TODO), typed].filter(Boolean).join(" "));
  }, [setLine]);

  const add = (event: FormEvent) => {
    event.preventDefault();
    const typed = clean(line).trim();
    if (!isVisible(typed)) return;
    const length = beyond(typed);
    if (length !== null) return notify(texts.add.beyond(length));
    const { todo } = isLiteral ? { todo: { text: typed } } : understand(typed, new Date(), findDate);
    const fitted = fitting(todo);
    const text = fitted === todo ? texts.add.added(short(todo.text)) : texts.add.shortened;
    if (addTodos(client, [fromView(view, fitted, now)], text)) {
      setLine("");
      setLiteral(false);
    }
  };

  /** Many pasted lines become many todos. What is too much stays in the clipboard. */
  const paste = (event: ClipboardEvent) => {
    const pasted = lines(event.clipboardData.getData("text/plain"));
    const tooLong = pasted.filter((text) => beyond(text) !== null).length;
    if (pasted.length < 2 && tooLong === 0) return;
    event.preventDefault();
    if (tooLong > 0) return notify(texts.add.beyondMany(tooLong));
    if (pasted.length > MOST_LINES) return notify(texts.add.many(pasted.length));
    const plain = pasted.map((text) => ({ text }));
    const fitted = plain.map(fitting);
    const long = fitted.filter((todo, n) => todo !== plain[n]).length;
    const text = [texts.add.addedMany(fitted.length), long > 0 ? texts.add.tooLong(long) : ""]
      .filter(Boolean)
      .join(". ");
    addTodos(
      client,
      fitted.map((todo) => fromView(view, todo, now)),
      text,
    );
  };

  const escape = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    if (line !== "" && !isLiteral && understood.parts.length > 0) setLiteral(true);
    else input.current?.blur();
  };

  return (
    <form className="quick-add" onSubmit={add}>
      <div className="quick-add-line">
        <Icon name="plus" />
        <input
          ref={input}
          id="quick-add"
          value={line}
          onChange={(event) => setLine(event.target.value)}
          onPaste={paste}
          onKeyDown={escape}
          aria-label={texts.add.label}
          aria-describedby="quick-add-understood"
          placeholder={texts.add.placeholder}
          autoComplete="off"
          enterKeyHint="done"
          dir="auto"
        />
        <button type="submit" className="button primary" disabled={line.trim() === ""}>
          {texts.add.submit}
        </button>
      </div>
      <p id="quick-add-understood" className="understood" aria-live="polite">
        {line === "" ? (
          <span className="hint">{texts.add.hint}</span>
        ) : isLiteral ? (
          <button type="button" className="link" onClick={() => setLiteral(false)}>
            {texts.add.literalNow}. {texts.add.useAgain}
          </button>
        ) : (
          understood.parts.length > 0 && (
            <>
              {understood.parts.map((part) => (
                <span className="chip" key={`${part.kind}:${part.value}`}>
                  {partInWords(part, now)}
                </span>
              ))}
              <span className="hint">{texts.add.literal}</span>
            </>
          )
        )}
      </p>
    </form>
  );
}
