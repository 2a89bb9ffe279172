"use client";

import Link from "next/link";
import { useMemo, useState, type MouseEvent } from "react";
import type { Todo } from "todo-sync-client";
import { useConflicts, useRejected, useSession } from "todo-sync-client/react";
import { show } from "@/lib/hooks";
import { addressOf, FIXED, groups, isSame, shows, titleOf, type View } from "@/lib/views";
import { texts } from "@/texts";
import { Dialog } from "./dialog";
import { Icon, type IconName } from "./icons";

interface Entry {
  readonly view: View;
  readonly count: number;
}

interface Entries {
  readonly fixed: readonly Entry[];
  readonly lists: readonly Entry[];
  readonly tags: readonly Entry[];
}

/** The views that the navigation leads to, with their counts. */
export function useEntries(todos: readonly Todo[], now: Date): Entries {
  return useMemo(() => {
    const count = (view: View) => ({ view, count: todos.filter((todo) => shows(view, todo, now)).length });
    const snoozed = count({ kind: "snoozed" });
    const { lists, tags } = groups(todos);
    return {
      fixed: [...FIXED.map((kind) => count({ kind })), ...(snoozed.count > 0 ? [snoozed] : [])],
      lists: lists.map(([name, count]) => ({ view: { kind: "list", name }, count })),
      tags: tags.map(([name, count]) => ({ view: { kind: "tag", name }, count })),
    };
  }, [todos, now]);
}

function ViewLink({
  entry,
  current,
  onGo,
}: {
  readonly entry: Entry;
  readonly current: View;
  readonly onGo?: (() => void) | undefined;
}) {
  const go = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(entry.view);
    onGo?.();
  };
  const isLate = entry.view.kind === "overdue" && entry.count > 0;
  return (
    <li>
      <a
        href={addressOf(entry.view)}
        onClick={go}
        aria-current={isSame(entry.view, current) ? "page" : undefined}
        className="nav-link"
      >
        <Icon name={entry.view.kind as IconName} />
        <span className="nav-name" dir="auto">
          {titleOf(entry.view)}
        </span>
        {entry.count > 0 && entry.view.kind !== "done" && (
          <span className={isLate ? "nav-count late" : "nav-count"}>{entry.count.toLocaleString()}</span>
        )}
      </a>
    </li>
  );
}

function Group({
  title,
  entries,
  ...rest
}: {
  readonly title?: string;
  readonly entries: readonly Entry[];
  readonly current: View;
  readonly onGo?: () => void;
}) {
  if (entries.length === 0) return null;
  return (
    <>
      {title && <h2 className="nav-title">{title}</h2>}
      <ul className="nav-list">
        {entries.map((entry) => (
          <ViewLink key={addressOf(entry.view)} entry={entry} {...rest} />
        ))}
      </ul>
    </>
  );
}

interface NavigationProps {
  readonly entries: Entries;
  readonly current: View;
  readonly onKeys: () => void;
}

/** Links that are no views: what waits for a decision, settings, the account, and the keys. */
function Others({ onKeys }: { readonly onKeys: () => void }) {
  const { status } = useSession();
  const waiting = useConflicts().length + useRejected().length;
  return (
    <ul className="nav-list nav-others">
      {waiting > 0 && (
        <li>
          <Link className="nav-link" href="/review">
            <Icon name="flag" />
            <span className="nav-name">{texts.nav.review}</span>
            <span className="nav-count late">{waiting}</span>
          </Link>
        </li>
      )}
      {status !== "loggedIn" && (
        <li>
          <Link className="nav-link" href="/login">
            <Icon name="cloud" />
            <span className="nav-name">{texts.nav.logIn}</span>
          </Link>
        </li>
      )}
      <li>
        <Link className="nav-link" href="/settings">
          <Icon name="settings" />
          <span className="nav-name">{texts.nav.settings}</span>
        </Link>
      </li>
      <li className="keys-link">
        <button type="button" className="nav-link" onClick={onKeys}>
          <kbd>?</kbd>
          <span className="nav-name">{texts.nav.keys}</span>
        </button>
      </li>
    </ul>
  );
}

/** The column of views, where there is room for one. */
export function Sidebar({ entries, current, onKeys }: NavigationProps) {
  const { fixed, lists, tags } = entries;
  return (
    <nav className="sidebar" aria-label={texts.nav.label}>
      <Group entries={fixed} current={current} />
      <Group title={texts.nav.lists} entries={lists} current={current} />
      <Group title={texts.nav.tags} entries={tags} current={current} />
      <Others onKeys={onKeys} />
    </nav>
  );
}

/** The bar of views at the thumb, on a phone; the rest is behind its last button. */
export function BottomBar({ entries, current, onKeys }: NavigationProps) {
  const [isOpen, setOpen] = useState(false);
  const { fixed, lists, tags } = entries;
  const close = () => setOpen(false);
  return (
    <nav className="bottom-bar" aria-label={texts.nav.label}>
      <ul>
        {fixed.slice(0, 3).map((entry) => (
          <ViewLink key={entry.view.kind} entry={entry} current={current} />
        ))}
        <li>
          <button type="button" className="nav-link" onClick={() => setOpen(true)} aria-haspopup="dialog">
            <Icon name="menu" />
            <span className="nav-name">{texts.nav.menu}</span>
          </button>
        </li>
      </ul>
      {isOpen && (
        <Dialog label={texts.nav.menu} className="sheet" onClose={close}>
          <Group entries={fixed.slice(3)} current={current} onGo={close} />
          <Group title={texts.nav.lists} entries={lists} current={current} onGo={close} />
          <Group title={texts.nav.tags} entries={tags} current={current} onGo={close} />
          <Others onKeys={onKeys} />
        </Dialog>
      )}
    </nav>
  );
}
