import { describe, expect, it } from "vitest";
import { type BandwidthLimit, Timetable } from "../../src/bandwidth/timetable.ts";
import { ErrInvalidArgument } from "../../src/errors/classes.ts";

const NONE = Number.POSITIVE_INFINITY;

/** A moment of the week that begins on Sunday, 1 June 2025, by local time. */
const at = (day: number, hours: number, minutes = 0): number =>
  new Date(2025, 5, 1 + day, hours, minutes).getTime();
const downAt = (limit: BandwidthLimit, ms: number): number => Timetable.of(limit).at(ms).down;

describe("a limit", () => {
  it.each<[BandwidthLimit, number, number]>([
    [1_000, 1_000, 1_000],
    [0, NONE, NONE],
    ["off", NONE, NONE],
    ["OFF", NONE, NONE],
    ["0", NONE, NONE],
    ["512B", 512, 512],
    ["512k", 524_288, 524_288],
    ["512K", 524_288, 524_288],
    ["512Ki", 524_288, 524_288],
    ["512KiB", 524_288, 524_288],
    ["1.5M", 1_572_864, 1_572_864],
    ["2G", 2_147_483_648, 2_147_483_648],
    ["10M:100k", 102_400, 10_485_760],
    ["off:1M", 1_048_576, NONE],
    ["1M:off", NONE, 1_048_576],
    [{ down: "1M" }, 1_048_576, NONE],
    [{ up: 5_000, down: "1k" }, 1_024, 5_000],
  ])("%j is so many bytes per second down and up", (limit, down, up) => {
    expect(Timetable.of(limit).at(0)).toEqual({ down, up });
  });

  it.each<[unknown, string]>([
    ["512", "512B for bytes"],
    ["10Mbit", "wanted one such as"],
    ["10MB/s", "wanted one such as"],
    ["", "wanted one such as"],
    ["-1M", "wanted one such as"],
    ["0.5B", "at least 1"],
    [-1, "at least 1"],
    [Number.NaN, "at least 1"],
    ["1M:2M:3M", "UP:DOWN"],
    ["25:00,1M", "time of day"],
    ["08:60,1M", "time of day"],
    ["Someday-08:00,1M", "day of the week"],
    ["08:00,1M 12:00", "no time and rate"],
    ["08:00,1M,2M", "time and rate"],
    [[], "wanted 1 to"],
    [[{ at: "08:00", rate: "1M", dya: "Mon" }], "unknown name"],
    [[{ at: "08:00", rate: "1M", day: "Monday" }], "day of the week"],
    [{ dwon: "1M" }, "unknown name"],
    [{}, "no rate"],
  ])("%j is refused", (limit, words) => {
    const parse = (): unknown => Timetable.of(limit as BandwidthLimit);
    expect(parse).toThrow(ErrInvalidArgument);
    expect(parse).toThrow(words);
    expect(Timetable.isLimit(limit)).toBe(false);
  });

  it.each([[null], [undefined], [Symbol("x")], [() => 1], [[null]], [{ down: {} }]])(
    "%s is none",
    (value) => {
      expect(Timetable.isLimit(value)).toBe(false);
    },
  );
});

describe("a timetable", () => {
  const DAY = "08:00,512k 12:00,10M 13:00,512k 18:00,30M 23:00,off";

  it.each([
    [0, 7, 59, NONE],
    [0, 8, 0, 512 * 1024],
    [0, 11, 59, 512 * 1024],
    [3, 12, 30, 10 * 1024 * 1024],
    [3, 13, 0, 512 * 1024],
    [6, 22, 59, 30 * 1024 * 1024],
    [6, 23, 0, NONE],
  ])("holds every day: day %d, %d:%d", (day, hours, minutes, rate) => {
    expect(downAt(DAY, at(day, hours, minutes))).toBe(rate);
  });

  it.each([
    [0, 20, NONE],
    [0, 19, 1024 * 1024],
    [1, 0, 512 * 1024],
    [1, 12, 1024 * 1024],
    [6, 23, 1024 * 1024],
  ])("holds on some days, and every day: day %d, %d:00", (day, hours, rate) => {
    expect(downAt("Mon-00:00,512k 12:00,1M sunday-20:00,off", at(day, hours))).toBe(rate);
  });

  it("is the same as a list", () => {
    const list = Timetable.of([
      { at: "12:00", rate: { down: "1M" } },
      { day: "Mon", at: "0:00", rate: 1_000 },
    ]);
    expect(list.at(at(1, 1))).toEqual({ down: 1_000, up: 1_000 });
    expect(list.at(at(1, 13))).toEqual({ down: 1024 * 1024, up: NONE });
    expect(list.at(at(0, 1))).toEqual({ down: 1024 * 1024, up: NONE });
  });
});
