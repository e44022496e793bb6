import { describe, expect, it } from "vitest";
import { timeMarks, timeText } from "../../src/timeline/time-axis.ts";
import { xmlText } from "../../src/timeline/xml-text.ts";
import { type Timeline, type TimelineItem, timelineSvg } from "../../src/timeline.ts";

const HOSTILE = `</text><script>alert("1")</script>&amp;' \u0000\u001b[31m\ud800\ufffe`;

function timeline(items: readonly TimelineItem[], more: Partial<Timeline> = {}): Timeline {
  const operation = {
    verb: "pull",
    reference: "registry.example/app:v1",
    operation: "id",
    startMs: 0,
    endMs: 90,
  } as const;
  return {
    version: 1,
    startedAt: "2026-01-02T03:04:05.678Z",
    durationMs: 100,
    operations: [operation],
    items,
    omitted: 0,
    ...more,
  };
}

/** Fails unless every element is closed in its turn, and every reference is one of XML's own. */
function expectWellFormed(svg: string): void {
  const open: string[] = [];
  for (const [, end, tag = "", attributes = "", empty] of svg.matchAll(
    /<(\/?)([\w]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
  )) {
    if (end) expect(open.pop()).toBe(tag);
    else if (!empty) open.push(tag);
    expect(attributes).not.toMatch(/\son\w+=/);
  }
  expect(open).toEqual([]);
  expect(svg.match(/</g)?.length).toBe(svg.match(/<\/?[\w]+(?:\s+[\w:-]+="[^"<]*")*\s*\/?>/g)?.length);
  expect(svg.replace(/&(?:amp|lt|gt|quot|apos);/g, "")).not.toContain("&");
}

describe("timelineSvg()", () => {
  it("has a row for each item, with the place and the tooltip of each of its spans", () => {
    const item: TimelineItem = {
      kind: "content",
      name: `sha256:${"ab".repeat(32)}`,
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      size: 2_500_000,
      spans: [
        {
          phase: "request",
          startMs: 0,
          endMs: 25,
          endpoint: "https://a.example",
          request: "GET https://a.example/x",
          status: 200,
        },
        {
          phase: "bytes",
          startMs: 25,
          endMs: 75,
          endpoint: "https://a.example",
          bytes: 2_500_000,
          hashMs: 12,
          writeMs: 3.25,
        },
      ],
    };
    const svg = timelineSvg(timeline([item]));
    expectWellFormed(svg);
    expect(svg).toContain("layer  abababababab  2.50 MB");
    expect(svg).toContain(
      "<title>request: 25 ms, from 0 ms to 25 ms\nGET https://a.example/x\nstatus 200</title>",
    );
    expect(svg).toContain("2.50 MB in 50 ms, hash 12 ms, write 3.3 ms");
    const [, x, width] =
      /x="([\d.]+)" y="\d+" width="([\d.]+)" height="9" fill="#3b82c4"><title>/.exec(svg) ?? [];
    expect([Number(x), Number(width)]).toEqual([340 + 750 / 4, 750 / 2]);
  });

  it("lets nothing that a registry says become a part of the document", () => {
    const spans = [
      { phase: "connect", startMs: 1, endMs: 2, endpoint: HOSTILE, request: HOSTILE, failure: HOSTILE },
      { phase: "bytes", startMs: 2, endMs: 3, endpoint: HOSTILE },
    ] as const;
    const kinds = ["name", "token", "content", "shared"] as const;
    const items = kinds.map((kind): TimelineItem => ({ kind, name: HOSTILE, mediaType: HOSTILE, spans }));
    const operation = {
      verb: "pull",
      reference: HOSTILE,
      operation: HOSTILE,
      startMs: 0,
      endMs: 1,
      failure: HOSTILE,
    } as const;
    const svg = timelineSvg(timeline(items, { operations: [operation] }));
    expectWellFormed(svg);
    expect(svg).not.toContain("<script");
    const forbidden = Array.from(svg).filter((character) => /[^\P{C}\n]|[\ufffe\uffff]/u.test(character));
    expect(forbidden).toEqual([]);
    expect(svg.isWellFormed()).toBe(true);
  });

  it("draws a thousand items, and says how many more there are, and how many records were left out", () => {
    const items = Array.from({ length: 1_003 }, (_, at): TimelineItem => {
      return {
        kind: "content",
        name: `sha256:${at}`,
        spans: [{ phase: "bytes", startMs: at / 20, endMs: 60 }],
      };
    });
    const svg = timelineSvg(timeline(items, { omitted: 7 }));
    expect(svg.match(/fill="#3b82c4"/g)).toHaveLength(1_000 + 1); // and one in the legend
    expect(svg).toContain("3 more items are in the JSON; 7 records were left out");
  });

  it("draws nothing as nothing", () => {
    expectWellFormed(timelineSvg(timeline([], { durationMs: 0, operations: [] })));
  });
});

describe("timeMarks()", () => {
  it.each([
    [95, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]],
    [1_234, [0, 200, 400, 600, 800, 1_000, 1_200]],
    [0, [0]],
  ])("are round up to %s ms", (endMs, marks) => {
    expect(timeMarks(endMs, 10)).toEqual(marks);
  });
});

describe("timeText()", () => {
  it.each([
    [0, "0 ms"],
    [0.44, "0.4 ms"],
    [5, "5 ms"],
    [1_234_567.8, "1 234 568 ms"],
  ])("of %s", (ms, text) => {
    expect(timeText(ms)).toBe(text);
  });
});

describe("xmlText()", () => {
  it("escapes what means something to XML, and has a dot for what XML does not allow", () => {
    expect(xmlText(`a<b>&"c"'\u0000\u001b\ud800\ufffe é 🚢`)).toBe(
      "a&lt;b&gt;&amp;&quot;c&quot;&apos;··\ufffd· é 🚢",
    );
  });
});
