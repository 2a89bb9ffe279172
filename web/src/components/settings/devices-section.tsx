"use client";

import { useCallback, useEffect, useState } from "react";
import type { Session } from "todo-sync-client";
import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { ago } from "@/lib/format";
import { useNow } from "@/lib/hooks";
import { texts } from "@/texts";

const words = texts.settings;
type Device = Awaited<ReturnType<Session["devices"]>>[number];

/** The devices that are logged in. */
export function DevicesSection() {
  const { session } = useSession();
  const { isBusy, problem, ask } = useAsking();
  const [devices, setDevices] = useState<readonly Device[]>([]);
  const now = useNow();
  const load = useCallback(() => ask(async () => setDevices(await session.devices())), [session, ask]);
  useEffect(load, [load]);
  const end = (device: Device) =>
    ask(async () => {
      await session.endDevice(device.id);
      setDevices(await session.devices());
    });
  return (
    <section className="card">
      <h2>{words.devices}</h2>
      {problem && <p className="problem">{problem}</p>}
      <ul className="rows">
        {devices.map((device) => {
          const name = device.name ?? words.unnamed;
          return (
            <li key={device.id}>
              <span>
                <strong>{name}</strong>
                <span className="hint">
                  {device.current ? words.current : words.lastUsed(ago(device.lastUsedAt, now))}
                </span>
              </span>
              {!device.current && (
                <button
                  type="button"
                  className="button"
                  disabled={isBusy}
                  onClick={() => end(device)}
                  aria-label={words.endNamed(name)}
                >
                  {words.end}
                </button>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
