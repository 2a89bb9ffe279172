"use client";

import { useCallback, useDeferredValue, useEffect, useMemo, useState } from "react";
import { useTodoClient } from "todo-sync-client/react";
import { editedTodos } from "@/lib/drafts";
import { show, useInBrowser, useNow, useSnapshot, useView } from "@/lib/hooks";
import { useKeys } from "@/lib/keys";
import { clearNotice } from "@/lib/notices";
import { addressOf, homeOf, isOrdered, select, shows, titleOf, type View } from "@/lib/views";
import { texts } from "@/texts";
import { Icon } from "./icons";
import { KeysDialog } from "./keys-dialog";
import { BottomBar, Sidebar, useEntries } from "./navigation";
import { Palette } from "./palette";
import { QuickAdd } from "./quick-add";
import { SyncSign } from "./sync-sign";
import { TodoList } from "./todo-list";

function Empty({ view, isFirst }: { readonly view: View; readonly isFirst: boolean }) {
  const { title, text } = texts.empty[isFirst ? "first" : view.kind];
  return (
    <div className="empty">
      <h2>{title}</h2>
      <p>{text}</p>
    </div>
  );
}

/** The list: one view of it, the field that adds, and the search. */
export function ListPage() {
  const client = useTodoClient();
  const { todos, ready, sync } = useSnapshot();
  // A page is prerendered without a store: it must not say that the list is empty.
  const isReady = useInBrowser() && ready;
  const [view, now] = [useView(), useNow()];
  const [search, setSearch] = useState("");
  const [editing, setEditing] = useState<string | null>(null);
  const [dialog, setDialog] = useState<"keys" | "palette" | null>(null);
  const words = useDeferredValue(search.trim());
  const address = addressOf(view);
  const entries = useEntries(todos, now);
  const shown = useMemo(() => select(todos, view, words, now), [todos, address, words, now]);

  const edit = useCallback((id: string | null) => {
    if (id !== null) clearNotice();
    setEditing((before) => {
      // The focus goes back to the row that was edited.
      if (id === null && before)
        requestAnimationFrame(() =>
          document.querySelector<HTMLElement>(`[data-todo="${before}"] [data-open]`)?.focus(),
        );
      return id;
    });
  }, []);
  const openKeys = useCallback(() => setDialog("keys"), []);
  const close = useCallback(() => setDialog(null), []);
  useKeys({
    client,
    isOrdered: isOrdered(view) && words === "",
    edit,
    openKeys,
    openPalette: () => setDialog("palette"),
  });
  // What was being edited when the page was closed is opened again.
  useEffect(() => {
    if (isReady) setEditing(editedTodos().find((id) => shown.some((todo) => todo.id === id)) ?? null);
  }, [isReady]);
  useEffect(() => {
    setEditing((id) => (shown.some((todo) => todo.id === id) ? id : null));
    document.title = `${titleOf(view)} · ${texts.app.name}`;
  }, [address]);

  return (
    <div className="shell" data-local={sync.status === "local" || undefined}>
      <a className="skip" href="#list">
        {texts.app.skip}
      </a>
      <Sidebar entries={entries} current={view} onKeys={openKeys} />
      <main className="main" id="list">
        <header className="head">
          <h1 dir="auto">{titleOf(view)}</h1>
          <SyncSign />
          <div className="search" role="search">
            <Icon name="search" />
            <input
              id="search"
              type="search"
              value={search}
              onChange={(event) => setSearch(event.target.value)}
              aria-label={texts.search.label}
              placeholder={texts.search.placeholder}
              autoComplete="off"
              dir="auto"
            />
          </div>
        </header>
        <QuickAdd view={view} />
        <TodoList key={`${address} ${words}`} todos={shown} view={view} now={now} editing={editing} onEdit={edit} />
        {isReady &&
          shown.length === 0 &&
          (words ? (
            <p className="empty">{texts.search.none(words)}</p>
          ) : (
            <Empty view={view} isFirst={todos.length === 0} />
          ))}
        {shown.length > 0 && <p className="list-count">{texts.count(shown.length)}</p>}
      </main>
      <BottomBar entries={entries} current={view} onKeys={openKeys} />
      {dialog === "keys" && <KeysDialog onClose={close} />}
      {dialog === "palette" && (
        <Palette
          todos={todos}
          onClose={close}
          onKeys={openKeys}
          onEdit={(todo) => {
            setSearch("");
            if (!shows(view, todo, now)) show(homeOf(todo, now));
            edit(todo.id);
          }}
        />
      )}
    </div>
  );
}
