import { channel } from "node:diagnostics_channel";
import { describe, expect, it } from "vitest";
import { joinShared, runShared, sharedTrace } from "../../src/async/shared-traces.ts";
import { traced } from "../../src/async/traced.ts";
import { TRACES } from "../../src/progress/tracing.ts";
import { MAX_RECORDS, TraceRecorder } from "../../src/timeline/trace-recorder.ts";

async function ask(url: string): Promise<void> {
  await traced(TRACES.request, {
    contextOf: (startedAtMs) => ({ startedAtMs, method: "GET", url }),
    work: async () => {},
  });
}

describe("TraceRecorder", () => {
  it("keeps what comes in its context, and no more records than there is room for", async () => {
    using recorder = new TraceRecorder();
    await ask("https://before.example/");
    await recorder.run(async () => {
      for (let count = 0; count < MAX_RECORDS + 3; count++) {
        TRACES.request.start.runStores(
          { startedAtMs: 0, method: "GET", url: "https://a.example/" },
          () => {},
        );
      }
    });
    expect(recorder.records).toHaveLength(MAX_RECORDS);
    expect(recorder.omitted).toBe(3);
  });

  it("keeps shared work from the moment on in which it is joined, with what that waits for", async () => {
    using recorder = new TraceRecorder();
    const transfer = sharedTrace("transfer", "layer");
    const token = sharedTrace("token");
    const fetching = runShared(transfer, async () => {
      await joinShared(token, () => runShared(token, () => ask("https://token.example/")));
      await ask("https://blob.example/");
    });
    expect(recorder.records).toEqual([]);
    await recorder.run(() => joinShared(transfer, () => fetching));
    await ask("https://after.example/");
    const asked = recorder.records.flatMap((record) => (record.kind === "request" ? [record.trace.url] : []));
    expect(asked.toSorted()).toEqual(["https://blob.example/", "https://token.example/"]);
  });

  it("makes no trace of shared work where nobody listens", () => {
    expect(sharedTrace("token")).toBeUndefined();
    const recorder = new TraceRecorder();
    expect(sharedTrace("token")).toBeDefined();
    recorder[Symbol.dispose]();
    expect(sharedTrace("token")).toBeUndefined();
    expect(channel("drayage:shared").hasSubscribers).toBe(false);
  });
});
