"use client";

import { useRouter } from "next/navigation";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import type { Todo } from "todo-sync-client";
import { useTodoClient } from "todo-sync-client/react";
import { undo } from "@/lib/actions";
import { show } from "@/lib/hooks";
import { FIXED, groups, titleOf, type View } from "@/lib/views";
import { texts } from "@/texts";
import { Dialog } from "./dialog";

interface Command {
  readonly name: string;
  readonly run: () => void;
}

/** At most so many todos are offered beside the commands. */
const TODOS = 8;

/** Every command, view and todo by a few letters. */
export function Palette(props: {
  readonly todos: readonly Todo[];
  readonly onClose: () => void;
  readonly onKeys: () => void;
  readonly onEdit: (todo: Todo) => void;
}) {
  const { todos, onClose, onKeys, onEdit } = props;
  const client = useTodoClient();
  const router = useRouter();
  const [words, setWords] = useState("");
  const [chosen, setChosen] = useState(0);
  const option = useRef<HTMLDivElement>(null);
  useEffect(() => {
    option.current?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  const commands = useMemo<readonly Command[]>(() => {
    const go = (view: View) => ({ name: titleOf(view), run: () => show(view) });
    const { lists, tags } = groups(todos);
    return [
      ...FIXED.map((kind) => go({ kind })),
      ...lists.map(([name]) => ({ ...go({ kind: "list", name }), name: `@${name}` })),
      ...tags.map(([name]) => go({ kind: "tag", name })),
      { name: texts.done.undo, run: () => undo(client) },
      { name: texts.nav.settings, run: () => router.push("/settings") },
      { name: texts.nav.review, run: () => router.push("/review") },
      { name: texts.nav.keys, run: onKeys },
    ];
  }, [todos, client, router, onKeys]);
  const wanted = words.trim().toLowerCase();
  const found = [
    ...commands.filter(({ name }) => name.toLowerCase().includes(wanted)),
    ...(wanted === "" ? [] : todos.filter(({ text }) => text.toLowerCase().includes(wanted)).slice(0, TODOS)).map(
      (todo) => ({ name: todo.text, run: () => onEdit(todo) }),
    ),
  ];
  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter") run(found[chosen]);
    else if (event.key === "ArrowDown") setChosen(Math.min(chosen + 1, found.length - 1));
    else if (event.key === "ArrowUp") setChosen(Math.max(chosen - 1, 0));
    else return;
    event.preventDefault();
  };
  return (
    <Dialog label={texts.palette.label} className="palette" onClose={onClose}>
      <input
        autoFocus
        value={words}
        onChange={(event) => {
          setWords(event.target.value);
          setChosen(0);
        }}
        onKeyDown={keys}
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-found"
        aria-activedescendant={found[chosen] ? `palette-${chosen}` : undefined}
        aria-label={texts.palette.placeholder}
        placeholder={texts.palette.placeholder}
        autoComplete="off"
      />
      <div id="palette-found" role="listbox" aria-label={texts.palette.label} className="palette-found">
        {found.map((command, n) => (
          <div
            key={`${n}:${command.name}`}
            id={`palette-${n}`}
            ref={n === chosen ? option : undefined}
            role="option"
            aria-selected={n === chosen}
            className="palette-option"
            onPointerMove={() => setChosen(n)}
            onClick={() => run(command)}
            dir="auto"
          >
            {command.name}
          </div>
        ))}
      </div>
      {found.length === 0 && <p className="hint">{texts.palette.none}</p>}
    </Dialog>
  );
}
