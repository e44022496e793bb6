import { describe, expect, it } from "vitest";
import { ErrCanceled, ErrInvalidArgument, ErrNotFound } from "../../src/errors.ts";
import type { DeleteEvent, ImageEvent } from "../../src/images.ts";
import type { FailedEvent } from "../../src/index.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";

const keep = closingAfterEach();

interface Site {
  readonly registry: TestRegistry;
  readonly engine: Engine;
  /** `app` at the registry. */
  readonly name: string;
  /** What was told, in order: `event cause name previous`. */
  readonly told: readonly string[];
}

async function opened(): Promise<Site> {
  const registry = await TestRegistry.start();
  const engine = keep(await openEngine());
  keep({ [Symbol.asyncDispose]: () => registry.close() });
  const name = `${registry.host}/app`;
  const told: string[] = [];
  const shown = (event: string, about: ImageEvent | DeleteEvent): void => {
    const previous = "previous" in about && about.previous ? ` was ${about.previous.digest}` : "";
    told.push(`${event} by ${about.cause}: ${about.name.replace(registry.host, "")}${previous}`);
    if ("target" in about) expect(about.target.digest).toBe(about.digest);
  };
  for (const event of ["pull", "tag", "untag", "push"] as const)
    engine.events.on(event, (about) => shown(event, about));
  engine.events.on("delete", (about) => shown("delete", about));
  return { registry, engine, name, told };
}

describe("events of names", () => {
  it("say what caused them, and what a name pointed at before", async () => {
    const { registry, engine, name, told } = await opened();
    const first = await buildImage(registry, "app", { tag: "v1", layers: [1_000] });
    await engine.pull(`${name}:v1`);
    await engine.pull(`${name}:v1`);
    await buildImage(registry, "app", { tag: "v1", layers: [2_000] });
    const { images } = await engine.pull(`${name}:v1`);
    expect(images[0]?.previous?.digest).toBe(first.descriptor.digest);
    await engine.tag(`${name}:v1`, `${name}:v2`);
    await engine.push(`${name}:v2`);
    await engine.images.untag(`${name}:v2`);
    await engine.remove(`${name}:v1`);
    const was = `was ${first.descriptor.digest}`;
    expect(told.filter((line) => !line.startsWith("delete"))).toEqual([
      "tag by pull: /app:v1",
      "pull by pull: /app:v1",
      `tag by pull: /app:v1 ${was}`,
      `pull by pull: /app:v1 ${was}`,
      `tag by pull: /app:v1 ${was}`,
      `pull by pull: /app:v1 ${was}`,
      "tag by tag: /app:v2",
      "push by push: /app:v2",
      "untag by untag: /app:v2",
      "untag by remove: /app:v1",
    ]);
    // First went what the name let go when it moved, then what it was removed with.
    const deleted = told.filter((line) => line.startsWith("delete"));
    expect(new Set(deleted)).toEqual(new Set(["delete by pull: /app:v1", "delete by remove: /app:v1"]));
    expect(deleted).toHaveLength(6);
  });

  it("tell leftovers from what a prune found", async () => {
    const { registry, engine, name, told } = await opened();
    await buildImage(registry, "app", { tag: "v1", layers: [1_000] });
    await failureOf(engine.pull(`${name}:v1`, { verify: () => false }));
    await engine.diskUsage(); // a share, behind which leftovers go
    await using writer = await engine.content.writer({ ref: "own" });
    await writer.write(Buffer.from("own"));
    await writer.commit();
    await engine.prune({ minAgeMs: 0 });
    expect(told.filter((line) => line !== "delete by prune: ")).toEqual([
      "delete by leftover: ",
      "delete by leftover: ",
    ]);
    expect(told.at(-1)).toBe("delete by prune: ");
  });
});

describe("failed", () => {
  it("is told of every verb that fails, with its names and its error, before the caller learns it", async () => {
    const { registry, engine, name } = await opened();
    const seen: FailedEvent[] = [];
    engine.events.on("failed", (event) => void seen.push(event));
    const failures = [
      await failureOf(engine.pull(`${name}:missing`)),
      await failureOf(engine.tag("here:v1", "there:v1")),
      await failureOf(engine.export(["here:v1", "there:v1"], "/nowhere/app.tar")),
      await failureOf(engine.pull("user:secret@app app")),
      await failureOf(engine.list("here:v1")[Symbol.asyncIterator]().next()),
    ];
    expect(seen.map(({ error }) => error)).toEqual(failures);
    expect(seen.map(({ verb, subjects }) => [verb, ...subjects])).toEqual([
      ["pull", `${name}:missing`],
      ["tag", "here:v1", "there:v1"],
      ["export", "here:v1", "there:v1", "/nowhere/app.tar"],
      ["pull", expect.not.stringContaining("secret")],
      ["list", "here:v1"],
    ]);
    expect(failures.map((failure) => failure.constructor)).toEqual([
      ErrNotFound,
      ErrNotFound,
      ErrNotFound,
      ErrInvalidArgument,
      ErrNotFound,
    ]);
    expect(registry.requests.length).toBeGreaterThan(0);
  });

  it("is told of what its caller ends, and of nothing that succeeds", async () => {
    const { registry, engine, name } = await opened();
    await buildImage(registry, "app", { tag: "v1", layers: [1_000] });
    const seen: FailedEvent[] = [];
    engine.events.on("failed", (event) => void seen.push(event));
    await engine.pull(`${name}:v1`);
    for await (const _ of engine.openBlob(`${name}:v1`, (await engine.images.get(`${name}:v1`)).target))
      break;
    expect(seen).toEqual([]);
    const stopped = engine.pull(`${name}:v1`, { signal: AbortSignal.abort() });
    expect(await failureOf(stopped)).toBeInstanceOf(ErrCanceled);
    expect(seen).toMatchObject([{ verb: "pull", error: expect.any(ErrCanceled) }]);
  });

  it("cannot be made another failure by a listener", async () => {
    const { engine } = await opened();
    engine.events.on("failed", () => {
      throw new Error("a listener's own");
    });
    expect(await failureOf(engine.tag("here:v1", "there:v1"))).toBeInstanceOf(ErrNotFound);
  });
});
