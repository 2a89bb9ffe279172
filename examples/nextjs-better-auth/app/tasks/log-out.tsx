"use client";

import { useRouter } from "next/navigation";
import { authClient } from "@/lib/auth-client";

export function LogOut() {
  const router = useRouter();
  async function logOut() {
    await authClient.signOut();
    router.push("/login");
  }
  return (
    <button className="quiet" type="button" onClick={logOut}>
      Log out
    </button>
  );
}
