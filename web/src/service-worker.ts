/// <reference lib="webworker" />
/** The service worker: the app's own files, kept by the browser, so that it starts without a network. */

import { Serwist, type PrecacheEntry } from "serwist";

declare const self: ServiceWorkerGlobalScope & { readonly __SW_MANIFEST: (PrecacheEntry | string)[] };

const serwist = new Serwist({
  precacheEntries: self.__SW_MANIFEST,
  precacheOptions: {
    cleanupOutdatedCaches: true,
    // A view is in the query of the one page; so is what Next.js adds to its payloads.
    ignoreURLParametersMatching: [/.*/],
  },
  // A new version waits until the page says that nothing is being typed; it then posts SKIP_WAITING.
  skipWaiting: false,
  clientsClaim: true,
});

serwist.addEventListeners();
