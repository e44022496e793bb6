import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Progress, watchProgress } from "../../src/index.ts";
import { type BuiltImage, buildImage } from "../../src/testing.ts";
import { layerOf, sizeOf } from "./support/built-image.ts";
import { EMPTY, putManifest } from "./support/documents.ts";
import { failureOf } from "./support/engine.ts";
import { type PushSite, pushSite, REPOSITORY, uploadedBytes } from "./support/push-site.ts";
import { type StatusLog, statusLog } from "./support/status-lines.ts";
import { until } from "./support/until.ts";
import { expectWhole } from "./support/whole-progress.ts";

const LAYERS = [300_000, 5_000];

let site: PushSite;
let image: BuiltImage;

beforeEach(async () => {
  site = await pushSite();
  image = await site.pulled({ layers: LAYERS });
});

afterEach(async () => {
  await site[Symbol.asyncDispose]();
});

/** Both ways in which an image comes to the target. That what each of them tells adds up is checked by `openEngine`. */
const WAYS = [
  {
    what: "a push",
    move: (to: string, onProgress: (progress: Progress) => void) =>
      site.engine.push(`${site.from}:v1`, { target: to, onProgress }),
  },
  {
    what: "a copy",
    move: (to: string, onProgress: (progress: Progress) => void) =>
      site.engine.copy(`${site.from}:v1`, to, { onProgress }),
  },
];

describe.each(WAYS)("the progress of $what", ({ move }) => {
  async function moved(to = `${site.to}:v1`): Promise<StatusLog> {
    const log = statusLog();
    await move(to, log.sink);
    return log;
  }

  it("is a plan, the steps of each content, and summaries, the last one of everything", async () => {
    const told: Progress[] = [];
    const watched = watchProgress((onProgress) => move(`${site.to}:v1`, onProgress));
    for await (const progress of watched) told.push(progress);
    expectWhole(told, image);
    expect(uploadedBytes(site.target, REPOSITORY) + image.descriptor.size).toBe(sizeOf(image));
  });

  it("finds everything there when nothing has changed", async () => {
    await moved();
    const { plans, summaries } = await moved();
    expect(plans[0]).toMatchObject({ totalBytes: sizeOf(image), bytesHere: 0 });
    expect(plans.at(-1)).toMatchObject({ totalBytes: sizeOf(image), bytesHere: sizeOf(image) });
    expect(summaries.at(-1)).toMatchObject({ bytesMoved: 0, bytesDone: sizeOf(image), phases: { done: 4 } });
  });

  it("counts as there what is mounted", async () => {
    await moved();
    const { plans } = await moved(`${site.target.host}/team/other:v1`);
    const documents = image.descriptor.size;
    expect(plans.at(-1)).toMatchObject({ bytesHere: sizeOf(image) - documents });
    expect(uploadedBytes(site.target, "team/other")).toBe(0);
  });

  it("says of what somebody else is bringing that it is coming", async () => {
    const { digest } = layerOf(image);
    const { promise, resolve: release } = Promise.withResolvers<void>();
    site.target.fault({ kind: "upload", method: "PUT", digest }, { hold: promise });
    const first = moved();
    await site.target.waitFor(({ method, digest: of }) => method === "PUT" && of === digest);
    const log = statusLog();
    const second = move(`${site.to}:v1`, log.sink);
    await until(() => log.plans.length > 0);
    release();
    await Promise.all([first, second]);
    const coming = log.plans[0]?.contents.filter(({ isComing }) => isComing).map((item) => item.digest);
    expect(coming).toContain(digest);
  });

  it("ends where it has come to when it fails", async () => {
    const { digest } = layerOf(image);
    site.target.fault({ kind: "upload", method: "PUT", digest, times: 99 }, { status: 400 });
    const log = statusLog();
    await failureOf(move(`${site.to}:v1`, log.sink));
    const { bytesDone = 0, bytesTotal = 0 } = log.summaries.at(-1) ?? {};
    expect(bytesTotal).toBe(sizeOf(image));
    expect(bytesDone).toBeLessThan(bytesTotal);
  });
});

describe("the plan of a push", () => {
  it("grows with each tag of several, and counts what they share once", async () => {
    const other = await buildImage(site.source, REPOSITORY, { tag: "v2", layers: [7_000, 5_000] });
    await site.engine.pull(`${site.from}:v2`);
    const log = statusLog();
    await site.engine.push(site.from, { target: site.to, allTags: true, onProgress: log.sink });
    const shared = image.layers.filter(({ descriptor }) =>
      other.layers.some((layer) => layer.descriptor.digest === descriptor.digest),
    );
    const twice = shared.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    expect(log.plans[0]?.totalBytes).toBe(sizeOf(image));
    expect(log.plans.at(-1)?.totalBytes).toBe(sizeOf(image) + sizeOf(other) - twice);
  });

  it("grows with what refers to a copied image", async () => {
    await site.source.putBlob(REPOSITORY, Buffer.from("{}"));
    const { mediaType, digest, size } = image.descriptor;
    const about = { artifactType: "application/vnd.example.note", subject: { mediaType, digest, size } };
    const note = putManifest(
      site.source,
      { repository: REPOSITORY },
      { ...about, config: EMPTY, layers: [] },
    );
    const log = statusLog();
    await site.engine.copy(`${site.from}:v1`, `${site.to}:v1`, { referrers: true, onProgress: log.sink });
    expect(log.plans[0]?.totalBytes).toBe(sizeOf(image));
    expect(log.plans.at(-1)?.totalBytes).toBe(sizeOf(image) + note.size + EMPTY.size);
    expect(log.plans.at(-1)?.contents.find((item) => item.digest === EMPTY.digest)?.kind).toBe("config");
  });
});
