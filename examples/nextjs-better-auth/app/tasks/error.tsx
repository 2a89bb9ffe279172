"use client";

export default function TasksError({ retry }: { error: unknown; retry: () => void }) {
  return (
    <main>
      <h1>Tasks</h1>
      <p role="alert">The tasks can&apos;t be shown at the moment. None of them is lost.</p>
      <button type="button" onClick={() => retry()}>
        Try again
      </button>
    </main>
  );
}
