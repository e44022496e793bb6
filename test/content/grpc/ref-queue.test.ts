import { describe, expect, it } from "vitest";
import { openWriter } from "../../../src/content/open-writer.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { isAlreadyExists } from "../../../src/errors/predicates.ts";
import { pseudoRandom } from "../support/pseudo-random.ts";
import { type Service, startService } from "./support/service.ts";

/** Far longer than a test may take: whoever had to wait it out would fail. */
const PATIENT = { lockWaitMs: 600_000 };

const open = (service: Service, ref: string) => service.proxy.writer({ ref });

describe("RefQueue", () => {
  it("wakes the next stream as soon as the last one has let go", async () => {
    await using service = await startService(PATIENT);
    const first = await open(service, "r");
    const second = open(service, "r");
    const third = open(service, "r");
    await first.write(Buffer.from("foo"));
    await first.close();
    const writer = await second;
    expect((await writer.status()).offset).toBe(3);
    await writer.write(Buffer.from("bar"));
    await writer.close();
    expect((await (await third).status()).offset).toBe(6);
  });

  it("takes a ref that somebody outside the service has let go meanwhile", async () => {
    await using service = await startService(PATIENT);
    const outside = await service.store.writer({ ref: "r" });
    await outside.write(Buffer.from("foo"));
    const waiting = open(service, "r");
    await service.proxy.listStatuses();
    await outside.close();
    expect((await (await waiting).status()).offset).toBe(3);
  });

  it("forgets who stops waiting", async () => {
    await using service = await startService(PATIENT);
    const first = await open(service, "r");
    const controller = new AbortController();
    const second = service.proxy.writer({ ref: "r", signal: controller.signal });
    const third = open(service, "r");
    await service.proxy.listStatuses();
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: "ERR_CANCELED" });
    await first.close();
    await (await third).close();
  });

  it("gives up in the end, in the words of whoever has the ref", async () => {
    await using service = await startService({ lockWaitMs: 1 });
    const inside = await open(service, "inside");
    await expect(open(service, "inside")).rejects.toThrow(/^ref inside locked for/);
    const outside = await service.store.writer({ ref: "outside" });
    await expect(open(service, "outside")).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });
    await inside.close();
    await outside.close();
    await (await open(service, "inside")).close();
    await (await open(service, "outside")).close();
  });

  it("keeps 64 streams on 64 refs apart", async () => {
    await using service = await startService(PATIENT);
    const digests = await Promise.all(
      Array.from({ length: 64 }, async (_, index) => {
        const bytes = pseudoRandom(`writer ${index}`, 200_000 + index);
        const writer = await open(service, `ref ${index}`);
        for (let at = 0; at < bytes.byteLength; at += 50_000)
          await writer.write(bytes.subarray(at, at + 50_000));
        expect(await writer.commit({ size: bytes.byteLength })).toBe(digestOf(bytes));
        return digestOf(bytes);
      }),
    );
    expect(new Set(digests).size).toBe(64);
    expect(await service.store.listStatuses()).toEqual([]);
  });

  it("lets 16 streams on one ref in one after the other: one commits, the others find it done", async () => {
    await using service = await startService(PATIENT);
    const bytes = pseudoRandom("one for all", 300_000);
    const expected = digestOf(bytes);
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, async () => {
        try {
          const writer = await openWriter(service.proxy, { ref: "r", expected, size: bytes.byteLength });
          for (let { offset } = await writer.status(); offset < bytes.byteLength; offset += 100_000) {
            await writer.write(bytes.subarray(offset, offset + 100_000));
          }
          return await writer.commit({ expected });
        } catch (error) {
          return isAlreadyExists(error) ? "exists" : error;
        }
      }),
    );
    expect(outcomes.map(String).toSorted()).toEqual([
      ...Array.from({ length: 15 }, () => "exists"),
      expected,
    ]);
    expect(await service.store.info(expected)).toMatchObject({ size: 300_000 });
    expect(await service.store.listStatuses()).toEqual([]);
  });
});
