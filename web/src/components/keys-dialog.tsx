"use client";

import { texts } from "@/texts";
import { Dialog } from "./dialog";

/** All keys. */
export function KeysDialog({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog label={texts.keys.title} onClose={onClose}>
      <h2>{texts.keys.title}</h2>
      <dl className="keys">
        {texts.keys.rows.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          {texts.keys.close}
        </button>
      </div>
    </Dialog>
  );
}
