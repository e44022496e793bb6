import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import { layoutEntries, makeImage } from "../archive/support/image.ts";
import { tarOf } from "../archive/support/tar.ts";
import { blobsOn, type Engine, failureOf, openEngine } from "./support/engine.ts";
import { until } from "./support/until.ts";

const IMAGE = makeImage(["base", "top"]);
const JUNK = { name: "junk.tar", bytes: "nobody needs this" };

let engine: Engine;

beforeEach(async () => {
  engine = await openEngine();
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
});

it("an import leaves nothing of an archive that its images do not need", async () => {
  const archive = await tarOf([JUNK, ...layoutEntries([["app:1", IMAGE]])]);
  await engine.import(Readable.from([archive]));
  await until(async () => !(await blobsOn(engine.root)).includes(digestOf(JUNK.bytes)));
  expect(await blobsOn(engine.root)).toEqual([...IMAGE.blobs.keys()].toSorted());
});

it("an import that fails leaves neither content nor ingests", async () => {
  const failure = await failureOf(engine.import(Readable.from([await tarOf([JUNK])])));
  expect(failure.message).toContain("neither an OCI layout");
  await until(async () => (await blobsOn(engine.root)).length === 0);
  expect(await engine.content.listStatuses()).toEqual([]);
});
