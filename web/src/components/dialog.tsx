"use client";

import { useEffect, useRef, type ReactNode } from "react";

/** A modal dialog of the browser: focus stays inside, Esc and a click beside it close it. */
export function Dialog(props: {
  readonly label: string;
  readonly className?: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      className={`dialog ${props.className ?? ""}`}
      aria-label={props.label}
      onClose={props.onClose}
      onClick={(event) => event.target === event.currentTarget && props.onClose()}
    >
      <div className="dialog-inside">{props.children}</div>
    </dialog>
  );
}
