"use client";

import Link from "next/link";
import { useEffect, useState } from "react";
import { useSession } from "todo-sync-client/react";
import { useInBrowser } from "@/lib/hooks";
import { readTheme, setTheme, THEMES, type Theme } from "@/lib/theme";
import { texts } from "@/texts";
import { PageFrame } from "../page-frame";
import { AccountSection } from "./account-section";
import { DataSection } from "./data-section";
import { DeleteSection } from "./delete-section";
import { DevicesSection } from "./devices-section";
import { LogOutSection } from "./log-out-section";
import { ProvidersSection } from "./providers-section";

const words = texts.settings;

function Appearance() {
  const [theme, choose] = useState<Theme>("system");
  useEffect(() => choose(readTheme()), []);
  // A choice that is made before the scripts have arrived would be shown and not taken.
  const isAlive = useInBrowser();
  return (
    <section className="card">
      <h2>{words.appearance}</h2>
      <fieldset className="choices" disabled={!isAlive}>
        <legend>{words.theme}</legend>
        {THEMES.map((name) => (
          <label key={name} className="choice">
            <input
              type="radio"
              name="theme"
              checked={theme === name}
              onChange={() => {
                setTheme(name);
                choose(name);
              }}
            />
            {words.themes[name]}
          </label>
        ))}
      </fieldset>
    </section>
  );
}

/** Everything about the account, this device and the looks. */
export function SettingsPage() {
  const { status } = useSession();
  const isKnown = useInBrowser();
  const isLoggedIn = isKnown && status === "loggedIn";
  return (
    <PageFrame title={words.title} wide>
      <Appearance />
      {isLoggedIn && <AccountSection />}
      {isKnown && !isLoggedIn && (
        <section className="card">
          <h2>{words.account}</h2>
          <p>{status === "expired" ? texts.sync.loggedOutText : words.anonymous}</p>
          <div className="dialog-actions">
            <Link className="button primary" href="/login">
              {texts.account.logIn.title}
            </Link>
            <Link className="button" href="/register">
              {texts.account.register.title}
            </Link>
          </div>
        </section>
      )}
      {isLoggedIn && <DevicesSection />}
      {isLoggedIn && <ProvidersSection />}
      <DataSection isLoggedIn={isLoggedIn} />
      {isKnown && status !== "anonymous" && <LogOutSection />}
      {isLoggedIn && <DeleteSection />}
    </PageFrame>
  );
}
