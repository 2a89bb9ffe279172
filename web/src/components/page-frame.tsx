"use client";

import Link from "next/link";
import { useEffect, type ReactNode } from "react";
import { texts } from "@/texts";
import { Icon } from "./icons";

/** A page beside the list: a way back, a heading, and one column. */
export function PageFrame({
  title,
  wide,
  children,
}: {
  readonly title: string;
  readonly wide?: boolean;
  readonly children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · ${texts.app.name}`;
  }, [title]);
  return (
    <main className={wide ? "page wide" : "page"}>
      <Link className="back" href="/">
        <Icon name="back" />
        {texts.settings.back}
      </Link>
      <h1>{title}</h1>
      {children}
    </main>
  );
}
