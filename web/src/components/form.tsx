"use client";

import type { FormEvent, InputHTMLAttributes, ReactNode } from "react";
import { useInBrowser } from "@/lib/hooks";
import { texts } from "@/texts";

/** A labelled input, with a hint that screen readers read too. */
export function Field({
  label,
  hint,
  ...input
}: { readonly label: string; readonly hint?: string } & InputHTMLAttributes<HTMLInputElement>) {
  const id = input.id ?? `field-${input.name}`;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input {...input} id={id} aria-describedby={hint ? `${id}-hint` : undefined} />
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

interface FormProps {
  readonly submit: string;
  readonly isBusy: boolean;
  readonly problem: string | null;
  readonly onSubmit: (value: (name: string) => string) => void;
  readonly children?: ReactNode;
  /** What follows the button, such as another way to go on. */
  readonly after?: ReactNode;
  /** How the button looks; `primary` by default. */
  readonly tone?: "primary" | "plain" | "danger";
}

/** A form with a button that sends it, and with the reason if the server refused it. */
export function Form({ submit, isBusy, problem, onSubmit, children, after, tone = "primary" }: FormProps) {
  // Without the scripts the browser would send the form itself, with what it says in the address.
  const isAlive = useInBrowser();
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    onSubmit((name) => String(data.get(name) ?? ""));
  };
  return (
    <form className="form" onSubmit={send}>
      {children}
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <button type="submit" className={`button ${tone}`} disabled={isBusy || !isAlive}>
        {isBusy ? texts.account.working : submit}
      </button>
      {after}
    </form>
  );
}
