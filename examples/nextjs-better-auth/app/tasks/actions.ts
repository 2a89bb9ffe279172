"use server";

import { refresh } from "next/cache";
import { todos } from "@/lib/todos";

export async function addTask(form: FormData) {
  await change("", { method: "POST", body: JSON.stringify({ title: form.get("title") }) });
}

export async function completeTask(id: number, completed: boolean) {
  await change(`/${Number(id)}/complete`, { method: "PATCH", body: JSON.stringify({ completed }) });
}

export async function deleteTask(id: number) {
  await change(`/${Number(id)}`, { method: "DELETE" });
}

async function change(path: string, init: RequestInit) {
  const response = await todos(`/api/tasks${path}`, init);
  // 404: another device has deleted the task, and the refreshed page shows that it is gone.
  if (!response.ok && response.status !== 404) throw new Error((await response.json()).detail);
  refresh();
}
