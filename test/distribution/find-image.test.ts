import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { namesMeant } from "../../src/cli/names-meant.ts";
import { ErrFailedPrecondition, ErrNotFound } from "../../src/errors.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";

const keep = closingAfterEach();
let registry: TestRegistry;
let engine: Engine;
let image: BuiltImage;
let name: string;
let shortId: string;

beforeEach(async () => {
  registry = keep(await TestRegistry.start());
  engine = keep(await openEngine());
  image = await buildImage(registry, "team/app", { tag: "v1", layers: [5_000] });
  name = `${registry.host}/team/app:v1`;
  shortId = image.config.digest.slice("sha256:".length, 19);
  await engine.pull(name);
});

describe("images.find()", () => {
  it("tells the ID, the target and all names of an image", async () => {
    await engine.tag(name, "copy");
    const names = [name, "docker.io/library/copy:latest"].toSorted();
    const { digest: id } = image.config;
    const found = { id, target: { digest: image.descriptor.digest }, names };
    for (const text of [id, shortId, image.descriptor.digest]) {
      expect(await engine.images.find(text)).toMatchObject({ ...found, name: names[0] });
    }
    expect(await engine.images.find("copy")).toMatchObject({ ...found, name: names[1] ?? names[0] });
    expect(await engine.images.identify()).toMatchObject([found]);
  });

  it("refuses what is no text, and works no longer after close()", async () => {
    const wrong = { text: name } as unknown as string;
    expect((await failureOf(engine.images.find(wrong))).message).toContain("find image");
    await engine.close();
    expect((await failureOf(engine.images.find(name))).message).toContain("closed");
  });
});

describe("an ID", () => {
  it("stands for the image wherever one that is here is wanted", async () => {
    const { name: tagged } = await engine.tag(shortId, "copy");
    expect(tagged).toBe("docker.io/library/copy:latest");
    await engine.export(shortId, join(engine.root, "image.tar"));
    const { name: extracted } = await engine.extract(shortId, join(engine.root, "files"));
    expect(extracted).toBe(name);
    const { digest } = await engine.push(shortId, { target: `${registry.host}/other/app:v2` });
    expect(digest).toBe(image.descriptor.digest);
    expect(registry.manifest("other/app", "v2")?.digest).toBe(digest);
  });

  it("says nothing of where an image is to be pushed", async () => {
    for (const id of [shortId, image.config.digest]) {
      expect((await failureOf(engine.push(id))).message).toContain("wanted a name at the registry as well");
    }
    const { reference } = await engine.push(`${registry.host}/team/app@${image.descriptor.digest}`);
    expect(reference).toBe(`${registry.host}/team/app@${image.descriptor.digest}`);
  });

  it("that is none here is not found, without advice to pull it", async () => {
    const missing = `sha256:${"0".repeat(64)}`;
    const failure = await failureOf(engine.extract(missing, join(engine.root, "files")));
    expect(failure).toBeInstanceOf(ErrNotFound);
    expect(failure.message).toBe(`image ${missing}: not found`);
  });
});

const meant = (text: string, force = false) => namesMeant(engine.images, text, { force });

describe("namesMeant()", () => {
  it("takes a name for itself, and an ID for all names of one repository", async () => {
    const second = `${registry.host}/team/app:v2`;
    await engine.tag(name, second);
    expect(await meant(second)).toEqual([second]);
    expect(await meant(shortId)).toEqual([name, second]);
    expect(await meant(`${registry.host}/team/app@${image.descriptor.digest}`)).toEqual([name, second]);
  });

  it("wants --force for an ID with names of several repositories", async () => {
    await engine.tag(name, "copy");
    const failure = await failureOf(meant(shortId));
    expect(failure).toBeInstanceOf(ErrFailedPrecondition);
    expect(failure.message).toContain("wanted --force");
    expect(await meant(shortId, true)).toHaveLength(2);
    expect(await meant(`${registry.host}/team/app@${image.descriptor.digest}`)).toEqual([name]);
  });
});
