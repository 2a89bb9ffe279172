"use client";

import { useEffect, useState, type ChangeEvent } from "react";
import { useSession, useStorage, useTodoClient } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { save } from "@/lib/download";
import { useInBrowser } from "@/lib/hooks";
import { missing, readList } from "@/lib/import-file";
import { texts } from "@/texts";

const words = texts.settings;

/** The key under which an earlier app of many tutorials keeps its list. */
const OLD_LIST = "simple_todos_v1";

const size = (bytes: number) => {
  const mebibytes = bytes / 1_048_576;
  const [value, unit] = mebibytes < 1024 ? [mebibytes, "MiB"] : [mebibytes / 1024, "GiB"];
  return `${value.toLocaleString(undefined, { maximumFractionDigits: 1 })} ${unit}`;
};

function useOldList(): [boolean, () => void] {
  const [isThere, setThere] = useState(false);
  const look = () => {
    try {
      setThere(localStorage.getItem(OLD_LIST) !== null);
    } catch {
      setThere(false);
    }
  };
  useEffect(look, []);
  return [isThere, look];
}

/** Export, import, and how safe this browser's storage is. */
export function DataSection({ isLoggedIn }: { readonly isLoggedIn: boolean }) {
  const client = useTodoClient();
  const { session } = useSession();
  const storage = useStorage();
  const { isBusy, problem, ask } = useAsking();
  // A file that is chosen before the scripts have arrived would be shown and not taken.
  const isAlive = useInBrowser();
  const [result, setResult] = useState("");
  const [hasOldList, lookAgain] = useOldList();

  const importOld = () =>
    ask(async () => {
      const { created, existing, rejected } = await client.importLocalStorage(OLD_LIST);
      setResult(words.imported(created, existing, rejected.length));
      lookAgain();
    });
  const importFile = (event: ChangeEvent<HTMLInputElement>) => {
    const [file] = event.target.files ?? [];
    if (!file) return;
    ask(async () => {
      const list = readList(await file.text());
      if (!list) return setResult(words.importFailed);
      const todos = missing(list.todos, client.get);
      // Told only when the browser has stored them all.
      await Promise.all(client.addMany(todos).map(({ stored }) => stored));
      const leftOut = list.leftOut > 0 ? words.leftOut(list.leftOut) : "";
      setResult(`${words.imported(todos.length, list.todos.length - todos.length, 0)}${leftOut}`);
    });
    event.target.value = "";
  };

  return (
    <section className="card">
      <h2>{words.data}</h2>
      {hasOldList && (
        <p>
          {words.importText} {isLoggedIn ? "" : words.needsLogin}
        </p>
      )}
      <div className="dialog-actions">
        {hasOldList && (
          <button type="button" className="button primary" disabled={!isLoggedIn || isBusy} onClick={importOld}>
            {words.importOld}
          </button>
        )}
        <button
          type="button"
          className="button"
          disabled={!isAlive}
          onClick={() => save("todos.json", client.exportLocal())}
        >
          {words.exportDevice}
        </button>
        {isLoggedIn && (
          <button
            type="button"
            className="button"
            disabled={isBusy}
            onClick={() => ask(async () => save("account.json", await session.exportAccount()))}
          >
            {words.exportAccount}
          </button>
        )}
      </div>
      <div className="field">
        <label htmlFor="import-file">{words.importFile}</label>
        <input
          id="import-file"
          type="file"
          accept=".json,.txt,application/json,text/plain"
          disabled={!isAlive}
          onChange={importFile}
          aria-describedby="import-hint"
        />
        <p className="hint" id="import-hint">
          {words.importHint}
        </p>
      </div>
      <p role="status">{result}</p>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <h3>{words.storage}</h3>
      <p>
        {storage.kind === "memory" ? texts.sync.memory : storage.persisted ? words.persisted : words.notPersisted}{" "}
        {storage.usage !== null &&
          storage.quota !== null &&
          words.used(size(storage.usage), size(storage.quota))}
      </p>
      {!isLoggedIn && <p>{texts.sync.localText}</p>}
    </section>
  );
}
