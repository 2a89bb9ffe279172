import { headers } from "next/headers";
import { redirect } from "next/navigation";
import { auth } from "@/lib/auth";

/** Sends a request to todo-server as the current user. Without a user, shows the login page. */
export async function todos(path: string, init: RequestInit = {}) {
  const incoming = await headers();
  if (!(await auth.api.getSession({ headers: incoming }))) redirect("/login");
  const { token } = await auth.api.getToken({ headers: incoming });
  const outgoing = new Headers(init.headers);
  outgoing.set("Authorization", `Bearer ${token}`);
  if (init.body) outgoing.set("Content-Type", "application/json");
  return fetch(`${process.env.TODO_URL}${path}`, { ...init, headers: outgoing, cache: "no-store" });
}
