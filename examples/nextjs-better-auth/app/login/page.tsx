"use client";

import { useRouter } from "next/navigation";
import { useState, type FormEvent } from "react";
import { authClient } from "@/lib/auth-client";

export default function Login() {
  const router = useRouter();
  const [isNew, setNew] = useState(false);
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);

  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [name, email, password] = ["name", "email", "password"].map((field) => String(form.get(field) ?? ""));
    setBusy(true);
    const { error } = isNew
      ? await authClient.signUp.email({ name, email, password })
      : await authClient.signIn.email({ email, password });
    setBusy(false);
    if (error) setProblem(error.message ?? "The app can't be reached.");
    else router.push("/tasks");
  }

  return (
    <main>
      <h1>{isNew ? "Create an account" : "Log in"}</h1>
      <form className="fields" onSubmit={send}>
        {isNew && (
          <label>
            Name <input name="name" autoComplete="name" required />
          </label>
        )}
        <label>
          Email <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          Password{" "}
          <input
            name="password"
            type="password"
            autoComplete={isNew ? "new-password" : "current-password"}
            minLength={8}
            required
          />
        </label>
        {problem && <p role="alert">{problem}</p>}
        <button disabled={isBusy}>{isNew ? "Sign up" : "Log in"}</button>
      </form>
      <button className="quiet" type="button" onClick={() => setNew(!isNew)}>
        {isNew ? "I have an account" : "I have no account yet"}
      </button>
    </main>
  );
}
