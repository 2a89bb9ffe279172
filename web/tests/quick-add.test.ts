/** What the quick-add field understands, and what it leaves alone. */

import { describe, expect, test } from "vitest";
import { findDate } from "@/lib/find-date";
import { understand } from "@/lib/quick-add";

/** A Thursday in winter time; noon. */
const NOW = new Date("2026-01-15T12:00:00+01:00");
const read = (line: string, now = NOW) => understand(line, now, findDate).todo;

describe("dates", () => {
  test.each([
    ["Call Ann today", "Call Ann", "2026-01-15"],
    ["Call Ann tomorrow", "Call Ann", "2026-01-16"],
    ["Call Ann TOMORROW!", "Call Ann !", "2026-01-16"],
    ["Report by Friday", "Report", "2026-01-16"],
    ["Report on Monday please", "Report please", "2026-01-19"],
    ["Report next week", "Report", "2026-01-22"],
    ["Pay in 3 days", "Pay", "2026-01-18"],
    ["Pay 2 weeks from now", "Pay", "2026-01-29"],
    ["Party on 24 December", "Party", "2026-12-24"],
    ["Renew the passport on 2031-05-06", "Renew the passport", "2031-05-06"],
    ["Leap on 29 February 2028", "Leap", "2028-02-29"],
    ["Call Ann tomorrow 9am", "Call Ann", "2026-01-16T09:00:00+01:00"],
    ["Call Ann on 1 July at 9:30", "Call Ann", "2026-07-01T09:30:00+02:00"],
  ])("%s", (line, text, due) => {
    expect(read(line)).toEqual({ text, metadata: { due } });
  });

  test.each([
    "Read tomorrow's paper",
    "Visit May",
    "Buy sun cream",
    "March for peace",
    "A second chance",
    "Rent a car for 2 days",
    "Buy two weeks of food",
    "Swim 30 min",
    "Sleep 8h",
    "Read the last year in review",
    "Sum up this month",
    "Call room 12",
    "Pre-Monday blues",
    "Sundayish",
  ])("no date stands in: %s", (line) => expect(read(line)).toEqual({ text: line, metadata: {} }));

  test.each([
    "Meet on 31 February",
    "Meet on 2026-02-30",
    "Meet on 30/02/2026",
    "Leap on 29 February 2026",
    "Meet on 32 January",
  ])("a date that does not exist stays a text: %s", (line) =>
    expect(read(line)).toEqual({ text: line, metadata: {} }),
  );

  test("a day in the hour that the clocks skip, and a time after it", () => {
    const evening = new Date("2026-03-28T23:30:00+01:00");
    expect(read("Brunch tomorrow", evening)).toEqual({ text: "Brunch", metadata: { due: "2026-03-29" } });
    expect(read("Brunch tomorrow 11am", evening)).toEqual({
      text: "Brunch",
      metadata: { due: "2026-03-29T11:00:00+02:00" },
    });
  });

  test("a clock that is a year off moves dates with it, and breaks nothing", () => {
    const now = new Date("2027-01-15T12:00:00+01:00");
    expect(read("Call Ann tomorrow", now)).toEqual({ text: "Call Ann", metadata: { due: "2027-01-16" } });
  });

  test("before the library of dates is loaded, today and tomorrow are understood", () => {
    const { todo } = understand("Call Ann tomorrow by train", NOW, null);
    expect(todo).toEqual({ text: "Call Ann by train", metadata: { due: "2026-01-16" } });
    expect(understand("Call Ann on Friday", NOW, null).todo).toEqual({ text: "Call Ann on Friday", metadata: {} });
  });
});

describe("recurrence", () => {
  test.each([
    ["Water plants every Monday", "Water plants", "FREQ=WEEKLY;BYDAY=MO", "2026-01-19"],
    ["Water plants every Monday and Thursday", "Water plants", "FREQ=WEEKLY;BYDAY=MO,TH", "2026-01-15"],
    ["Stand-up every weekday", "Stand-up", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-01-15"],
    ["Stretch daily", "Stretch", "FREQ=DAILY", "2026-01-15"],
    ["Rent every month", "Rent", "FREQ=MONTHLY", "2026-01-15"],
    ["Bins every other week", "Bins", "FREQ=WEEKLY;INTERVAL=2", "2026-01-15"],
    ["Filter every 3 months", "Filter", "FREQ=MONTHLY;INTERVAL=3", "2026-01-15"],
    ["Gym every Mon, Wed and Fri", "Gym", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "2026-01-16"],
    ["Gym every tues & thurs", "Gym", "FREQ=WEEKLY;BYDAY=TU,TH", "2026-01-15"],
    ["Bins every second Tuesday", "Bins", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "2026-01-20"],
    ["Bins every other Monday and Friday", "Bins", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "2026-01-16"],
    ["Pay rent on the 1st of every month", "Pay rent", "FREQ=MONTHLY;BYMONTHDAY=1", "2026-02-01"],
    ["Pay rent every month on the 31st", "Pay rent", "FREQ=MONTHLY;BYMONTHDAY=31", "2026-01-31"],
  ])("%s", (line, text, repeat, due) => {
    expect(read(line)).toEqual({ text, metadata: { repeat, due } });
  });

  test.each(["Every now and then", "Try every 0 days", "Everyday heroes", "The daily-mail archive"])(
    "none stands in: %s",
    (line) => expect(read(line).metadata).toEqual({}),
  );

  test.each([
    ["Water plants every Monday 8am", "FREQ=WEEKLY;BYDAY=MO", "2026-01-19T08:00:00+01:00"],
    ["Water plants every Thursday 8am", "FREQ=WEEKLY;BYDAY=TH", "2026-01-22T08:00:00+01:00"],
    ["Water plants every Thursday at 18:00", "FREQ=WEEKLY;BYDAY=TH", "2026-01-15T18:00:00+01:00"],
    ["Water plants every Monday and Wednesday 7pm", "FREQ=WEEKLY;BYDAY=MO,WE", "2026-01-19T19:00:00+01:00"],
    ["Water plants every weekday 9:30", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-01-16T09:30:00+01:00"],
    ["Water plants every month on the 1st at 9am", "FREQ=MONTHLY;BYMONTHDAY=1", "2026-02-01T09:00:00+01:00"],
    ["Water plants daily 8am", "FREQ=DAILY", "2026-01-16T08:00:00+01:00"],
    ["Water plants every day 8pm", "FREQ=DAILY", "2026-01-15T20:00:00+01:00"],
  ])("it begins at the next such time: %s", (line, repeat, due) => {
    expect(read(line)).toEqual({ text: "Water plants", metadata: { repeat, due } });
  });

  test.each(["Say thanks every 32nd time", "Thaw every sundae", "Every monkey"])("no day stands in: %s", (line) =>
    expect(read(line).metadata).toEqual({}),
  );

  test("a date beside it is its first day", () => {
    expect(read("Bins every week from tomorrow").metadata).toEqual({ repeat: "FREQ=WEEKLY", due: "2026-01-16" });
  });
});

describe("priorities, tags and lists", () => {
  test("each is taken once, wherever it stands", () => {
    expect(read("!1 Call Ann #home @family #phone")).toEqual({
      text: "Call Ann",
      metadata: { priority: 1, "tag:home": true, "tag:phone": true, list: "family" },
    });
  });

  test("letters of all scripts are letters", () => {
    expect(read("חלב #בית @市場")).toEqual({ text: "חלב", metadata: { "tag:בית": true, list: "市場" } });
  });

  test.each(["Win!1", "Write to ann@example.com", "C# and F#", "!5 stars", "Issue#7", "100 %", "# heading", "@"])(
    "nothing stands in: %s",
    (line) => expect(read(line)).toEqual({ text: line, metadata: {} }),
  );

  test("a line of nothing but signs is a text", () => {
    expect(read("#home")).toEqual({ text: "#home" });
    expect(read("tomorrow")).toEqual({ text: "tomorrow" });
    expect(read("  every day !1 ")).toEqual({ text: "every day !1" });
  });
});

test("a long text is no line with a date", () => {
  const text = `${"word ".repeat(300)}tomorrow`;
  expect(read(text)).toEqual({ text });
});
