import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrFailedPrecondition, ErrInvalidArgument, ErrNotFound } from "../../src/errors.ts";
import type { PushOptions } from "../../src/index.ts";
import { layerIdOf, layerOf } from "./support/built-image.ts";
import { failureOf } from "./support/engine.ts";
import { type PushSite, pushSite, REPOSITORY, written } from "./support/push-site.ts";
import { statusLog } from "./support/status-lines.ts";

let site: PushSite;

beforeEach(async () => {
  site = await pushSite();
});

afterEach(async () => {
  await site[Symbol.asyncDispose]();
});

describe("push() of what cannot be", () => {
  const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

  it.each<[string, string, PushOptions, new (message: string) => Error, RegExp]>([
    ["a name that is not here", ":v9", {}, ErrNotFound, /v9/],
    [
      "a malformed target",
      ":v1",
      { target: "registry.example/App" },
      ErrInvalidArgument,
      /must be lowercase/,
    ],
    ["a malformed platform", ":v1", { platform: "linux//v8" }, ErrInvalidArgument, /platform/],
    ["all tags of a tag", ":v1", { allTags: true }, ErrInvalidArgument, /tag can't be used with all tags/],
    [
      "all tags under one tag",
      "",
      { allTags: true, target: "registry.example/app:v1" },
      ErrInvalidArgument,
      /tag can't be used with all tags/,
    ],
    [
      "another digest",
      ":v1",
      { target: `127.0.0.1:1/app@${digest}` },
      ErrInvalidArgument,
      /got sha256:\w+ to push/,
    ],
    [
      "a header that is not the client's to set",
      ":v1",
      { metaHeaders: { authorization: "Basic c2VjcmV0" } },
      ErrInvalidArgument,
      /^check meta header: got "authorization", wanted X-Meta-\*$/,
    ],
    [
      "a header value with a line break",
      ":v1",
      { metaHeaders: { "X-Meta-A": "c2VjcmV0\r\nB: c" } },
      ErrInvalidArgument,
      /^check meta header "X-Meta-A": not a header value$/,
    ],
  ])("refuses %s", async (_, suffix, options, errorClass, message) => {
    await site.pulled({ layers: [1_000] });
    const before = site.source.requests.length;
    const failure = await failureOf(site.engine.push(site.from + suffix, options));
    expect(failure).toBeInstanceOf(errorClass);
    expect(failure.message).toMatch(message);
    expect(failure.message).not.toContain("c2VjcmV0");
    expect(site.source.requests).toHaveLength(before);
  });

  it("refuses all tags of a repository that has none here", async () => {
    const failure = await failureOf(site.engine.push(site.from, { allTags: true }));
    expect(failure).toBeInstanceOf(ErrNotFound);
    expect(failure.message).toBe(`no tags to push for ${site.from}`);
  });

  it("refuses everything once the distribution is closed", async () => {
    await site.pulled({ layers: [1_000] });
    await site.engine.close();
    const failure = await failureOf(site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` }));
    expect(failure).toBeInstanceOf(ErrFailedPrecondition);
    expect(site.target.requests).toEqual([]);
  });
});

describe("push() of names", () => {
  it("goes by the local name without a target, `latest` without a tag, and tells it as an event", async () => {
    const image = await site.pulled({ layers: [1_000] });
    await site.engine.images.tag(`${site.to}:latest`, image.descriptor);
    const events: unknown[] = [];
    site.engine.events.on("push", (event) => events.push(event));
    const { reference, digest } = await site.engine.push(site.to);
    expect(reference).toBe(`${site.to}:latest`);
    expect(site.target.tags(REPOSITORY)).toEqual(["latest"]);
    expect(events).toMatchObject([{ name: reference, digest, target: { digest }, cause: "push" }]);
  });

  it("makes no tag for a digest", async () => {
    const { descriptor } = await site.pulled({ layers: [1_000] });
    const target = `${site.to}@${descriptor.digest}`;
    const { reference } = await site.engine.push(`${site.from}:v1`, { target });
    expect(reference).toBe(target);
    expect(site.target.tags(REPOSITORY)).toEqual([]);
    expect(site.target.manifests(REPOSITORY)).toEqual([descriptor.digest]);
  });

  it("sends meta headers with every request", async () => {
    await site.pulled({ layers: [1_000] });
    const metaHeaders = { "X-Meta-Who": "the client" };
    await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1`, metaHeaders });
    expect(site.target.requests.map(({ headers }) => headers["x-meta-who"])).toEqual(
      site.target.requests.map(() => "the client"),
    );
  });

  it("pushes all tags in lexical order, each blob asked for once", async () => {
    for (const tag of ["v2", "v10", "a"])
      await site.pulled({ tag, layers: [5_000, Buffer.alloc(3_000, tag)] });
    const image = await site.pulled({ tag: "v2", layers: [5_000, Buffer.alloc(3_000, "v2")] });
    const shared = layerOf(image);
    const log = statusLog();

    const { images, digest } = await site.engine.push(site.from, {
      target: site.to,
      allTags: true,
      onProgress: log.sink,
    });

    const names = ["a", "v10", "v2"].map((tag) => `${site.to}:${tag}`);
    expect(images.map(({ name }) => name)).toEqual(names);
    expect(digest).toBe(images.at(-1)?.target.digest);
    const puts = written(site.target).filter((line) => line.startsWith("PUT manifest"));
    expect(puts).toEqual(["PUT manifest a", "PUT manifest v10", "PUT manifest v2"]);
    const heads = written(site.target).filter((line) => line === `HEAD blob ${shared.digest}`);
    expect(heads).toHaveLength(1);
    expect(log.actions(layerIdOf(image)).at(-1)).toBe("Layer already exists");
    const done = log.lines().filter((line) => line.includes(": digest: "));
    expect(done).toEqual(
      images.map(
        ({ name, target }) => `${name.split(":").at(-1)}: digest: ${target.digest} size: ${target.size}`,
      ),
    );
  });
});

describe("statuses of push()", () => {
  it("are docker's", async () => {
    const image = await site.pulled({ layers: [300_000] });
    const id = layerIdOf(image);
    const target = `${site.to}:v1`;
    const first = statusLog();
    const second = statusLog();
    const third = statusLog();
    await site.engine.push(`${site.from}:v1`, { target, onProgress: first.sink });
    await site.engine.push(`${site.from}:v1`, { target, onProgress: second.sink });
    await site.engine.push(`${site.from}:v1`, {
      target: `${site.target.host}/team/other:v1`,
      onProgress: third.sink,
    });

    const { digest, size } = image.descriptor;
    expect(first.lines()[0]).toBe(`The push refers to repository [${site.to}]`);
    expect(first.lines().at(-1)).toBe(`v1: digest: ${digest} size: ${size}`);
    expect(first.actions(id)).toEqual(["Preparing", "Pushing", "Pushed"]);
    expect(second.actions(id)).toEqual(["Preparing", "Layer already exists"]);
    expect(third.actions(id)).toEqual(["Preparing", `Mounted from ${REPOSITORY}`]);
    const shown = new Set(first.progress.map((item) => item.id));
    expect([...shown]).toEqual(["", id]); // the config has no line
  });
});
