import { beforeEach, describe, expect, it } from "vitest";
import { ErrDeadlineExceeded, ErrUnavailable } from "../../src/errors.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { inIdleTime } from "../async/idle-time.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { layerOf } from "./support/built-image.ts";
import { failureOf, openEngine } from "./support/engine.ts";

const REPOSITORY = "team/app";

let registry: TestRegistry;
let image: BuiltImage;
let name: string;

const keep = closingAfterEach();

beforeEach(async () => {
  registry = keep(await TestRegistry.start());
  image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [400_000] });
  name = `${registry.host}/${REPOSITORY}:v1`;
});

/** Holds the layer in its middle until `release`. */
function heldLayer(): { readonly release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  registry.fault({ kind: "blob", digest: layerOf(image).digest }, { afterBytes: 200_000, hold: promise });
  return { release: resolve };
}

describe("the option timeoutMs", () => {
  it("ends a pull whose layer does not come, whatever has come by then, and the next one goes on", async () => {
    const engine = keep(await openEngine());
    const silence = { afterBytes: 200_000, stall: true };
    const fault = registry.fault({ kind: "blob", digest: layerOf(image).digest }, silence);
    const error = await failureOf(engine.pull(name, { timeoutMs: 300 }));
    fault.remove(); // on a busy machine the layer was not asked for yet
    expect(error).toBeInstanceOf(ErrDeadlineExceeded);
    expect(error.message).toBe(`pull ${name}: not complete after 300 ms`);
    expect((await engine.pull(name)).digest).toBe(image.descriptor.digest);
  });

  it("of one pull ends none that shares its layer", async () => {
    const engine = keep(await openEngine());
    const { release } = heldLayer();
    const patient = engine.pull(name);
    await registry.waitFor(({ digest }) => digest === layerOf(image).digest);
    const error = await failureOf(engine.pull(name, { timeoutMs: 1 }));
    expect(error).toBeInstanceOf(ErrDeadlineExceeded);
    release();
    await expect(patient).resolves.toMatchObject({ endpoint: registry.url });
  });

  it("is over with the pull", async () => {
    const engine = keep(await openEngine());
    await expect(engine.pull(name, { timeoutMs: 60_000 })).resolves.toMatchObject({ endpoint: registry.url });
  });

  it("ends a push", async () => {
    const engine = keep(await openEngine());
    await engine.pull(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    const target = keep(await TestRegistry.start());
    target.fault({ kind: "upload" }, { hold: promise });
    const options = { target: `${target.host}/team/other:v1`, timeoutMs: 10_000 };
    const error = await inIdleTime(() => failureOf(engine.push(name, options)));
    resolve();
    expect(error).toBeInstanceOf(ErrDeadlineExceeded);
    expect(error.message).toBe(`push ${name}: not complete after 10000 ms`);
  });
});

describe("the option connection.storeTimeoutMs", () => {
  it("is the time that the end of an upload may take", async () => {
    const engine = keep(await openEngine({ connection: { storeTimeoutMs: 1_000 }, maxDownloadAttempts: 1 }));
    await engine.pull(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    const target = keep(await TestRegistry.start());
    const put = { kind: "upload", method: "PUT", times: Number.POSITIVE_INFINITY } as const;
    target.fault(put, { hold: promise });
    const error = await inIdleTime(() =>
      failureOf(engine.push(name, { target: `${target.host}/team/app:v1` })),
    );
    resolve();
    expect(error).toBeInstanceOf(ErrUnavailable);
    expect(error.message).toMatch(/^PUT http:.*: no answer in time: sent \d+ of \d+ bytes$/);
  });
});
