"use client";

import { useEffect, useState } from "react";
import { texts } from "@/texts";

/** Whether the user is in the middle of something that a reload would disturb. */
function isBusy(): boolean {
  const active = document.activeElement;
  const isTyping = active instanceof HTMLElement && active.matches("input:not([type=checkbox]), textarea, select");
  return isTyping || document.querySelector("dialog[open], [data-editing]") !== null;
}

/** Registers the service worker, and puts a new version to use when nothing is being typed. */
export function Updates() {
  const [waiting, setWaiting] = useState<ServiceWorker | null>(null);

  useEffect(() => {
    if (process.env.NODE_ENV !== "production" || !("serviceWorker" in navigator)) return;
    // The first worker takes over a page that runs already; only a later one brings a new version.
    const hadWorker = navigator.serviceWorker.controller !== null;
    const reload = () => {
      if (hadWorker) window.location.reload();
    };
    navigator.serviceWorker.addEventListener("controllerchange", reload);
    navigator.serviceWorker.register("/sw.js").then(
      (registration) => {
        const look = () => setWaiting(navigator.serviceWorker.controller ? registration.waiting : null);
        look();
        registration.addEventListener("updatefound", () =>
          registration.installing?.addEventListener("statechange", look),
        );
      },
      () => undefined, // Without a worker, the app needs the network to start.
    );
    return () => navigator.serviceWorker.removeEventListener("controllerchange", reload);
  }, []);

  useEffect(() => {
    if (!waiting) return;
    const useWhenHidden = () => {
      if (document.hidden && !isBusy()) waiting.postMessage({ type: "SKIP_WAITING" });
    };
    document.addEventListener("visibilitychange", useWhenHidden);
    return () => document.removeEventListener("visibilitychange", useWhenHidden);
  }, [waiting]);

  if (!waiting) return null;
  return (
    <div className="update" role="status">
      {texts.update.ready}
      <button type="button" className="notice-action" onClick={() => waiting.postMessage({ type: "SKIP_WAITING" })}>
        {texts.update.reload}
      </button>
    </div>
  );
}
