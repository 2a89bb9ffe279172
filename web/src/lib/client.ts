/** The one client of this page. */

import { createTodoClient, type Snapshot, type TodoClient } from "todo-sync-client";

/** Where the server is: the page's own origin, unless the build names another one. */
const baseUrl = process.env.NEXT_PUBLIC_TODO_SERVER;

let client: TodoClient | undefined;
let first: Snapshot | undefined;

/** The client; made at the first call, also while a page is prerendered. */
export function todoClient(): TodoClient {
  client ??= createTodoClient({ ...(baseUrl ? { baseUrl } : {}), deviceName: deviceName() });
  first ??= client.getSnapshot();
  return client;
}

/** What the client showed before the store was read: that is what a page is prerendered with. */
export const firstSnapshot = (): Snapshot => first ?? todoClient().getSnapshot();

/** A name under which the user recognises this device in the settings. */
function deviceName(): string {
  if (typeof navigator === "undefined") return "web";
  const agent = navigator.userAgent;
  const browser = ["Firefox", "Edg", "Chrome", "Safari"].find((name) => agent.includes(name)) ?? "Browser";
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"].find((name) => agent.includes(name));
  return [browser === "Edg" ? "Edge" : browser, system].filter(Boolean).join(" on ");
}
