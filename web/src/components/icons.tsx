/** Icons of 24 units, drawn with the colour of their text. Decoration only: their buttons have names. */

const PATHS = {
  today: "M7 3v3M17 3v3M4 9h16M5 5h14a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1Zm5 9h4v3h-4z",
  upcoming:
    "M7 3v3M17 3v3M4 9h16M5 5h14a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1Zm4 9h6m-2.5-2.5L15 14l-2.5 2.5",
  all: "M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01",
  overdue: "M12 7v5l3 2M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Z",
  done: "m8 12.5 2.8 2.8L16.5 9.5M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Z",
  snoozed: "M20 14.5A8 8 0 1 1 9.5 4a6.5 6.5 0 0 0 10.5 10.5Z",
  list: "M5 5h14v14H5zM9 10h6M9 14h4",
  tag: "M9.5 4 7.5 20M16.5 4l-2 16M4.5 9h16M3.5 15h16",
  menu: "M4 7h16M4 12h16M4 17h16",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M14 4.5v5M10 14.5v5",
  search: "m20 20-4.5-4.5M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13Z",
  plus: "M12 5v14M5 12h14",
  grip: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
  close: "m6 6 12 12M18 6 6 18",
  repeat: "M5 12V9a3 3 0 0 1 3-3h11m-3-3 3 3-3 3M19 12v3a3 3 0 0 1-3 3H5m3 3-3-3 3-3",
  note: "M6 7h12M6 12h12M6 17h7",
  flag: "M6 21V4m0 1h11l-2 4 2 4H6",
  up: "M12 19V5m-6 6 6-6 6 6",
  down: "M12 5v14m-6-6 6 6 6-6",
  back: "M19 12H5m6-6-6 6 6 6",
  wait: "M12 19V6m-5 5 5-5 5 5",
  cloud: "M7 18a4 4 0 0 1-.5-8A6 6 0 0 1 18 9.5a4.3 4.3 0 0 1-.5 8.5Z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
