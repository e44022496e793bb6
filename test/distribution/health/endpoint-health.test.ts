import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  CONTACT_PATIENCE_MS,
  EndpointHealth,
  FRESH_MS,
} from "../../../src/distribution/health/endpoint-health.ts";
import { MAX_REST_MS, type NewIllness } from "../../../src/distribution/health/illness.ts";
import { ErrCanceled, ErrUnavailable } from "../../../src/errors.ts";
import { FakeClock } from "../../registry/support/fake-clock.ts";
import { memoryLogger } from "../support/memory-logger.ts";
import { until } from "../support/until.ts";

const A = "https://a.test";
const DEAD: NewIllness = { unreachable: true, why: "no connection in time" };
const BROKEN: NewIllness = { unreachable: false, why: "answered 503" };
const NOT_ASKED = { notSent: true, retryable: false, endpoint: A };

let root: string;
let clock: FakeClock;
let opened: EndpointHealth[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-health-"));
  clock = new FakeClock();
  opened = [];
});

afterEach(async () => {
  for (const health of opened) await health.close();
  await rm(root, { recursive: true, force: true });
});

/** As another process has it. */
function open(at = root): EndpointHealth {
  const health = new EndpointHealth({ root: at, logger: memoryLogger(), clock, random: () => 1 });
  opened.push(health);
  return health;
}

/** Turns the clock until the promise settles. */
async function turning<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const noted = promise.finally(() => {
    settled = true;
  });
  noted.catch(() => {});
  await until(async () => {
    clock.advance(5);
    return settled;
  });
  return await promise;
}

/** An endpoint that may be probed. */
async function ill(): Promise<EndpointHealth> {
  const health = open();
  await health.failed(A, DEAD);
  clock.advance(MAX_REST_MS);
  return health;
}

describe("the health of an endpoint", () => {
  it("is one for all processes, and forgotten when it has served", async () => {
    const [one, other] = [open(), open()];
    expect(await one.illnessOf(A)).toBeUndefined();
    await one.failed(A, DEAD);
    expect(await other.illnessOf(A)).toMatchObject({ due: false, illness: { failures: 1, ...DEAD } });
    await other.served(A);
    expect(await one.illnessOf(A)).toBeUndefined();
  });

  it("counts the failures of one rest as one", async () => {
    const [one, other] = [open(), open()];
    await one.failed(A, BROKEN);
    await other.failed(A, BROKEN);
    expect(await one.illnessOf(A)).toMatchObject({ illness: { failures: 1 } });
    await other.failed(A, DEAD); // worse than what was known
    expect(await one.illnessOf(A)).toMatchObject({ illness: { failures: 2, unreachable: true } });
    clock.advance(2_000);
    expect(await other.illnessOf(A)).toMatchObject({ due: true });
    await one.failed(A, DEAD);
    expect(await other.illnessOf(A)).toMatchObject({ due: false, illness: { failures: 3 } });
  });

  it("is due when the clock was set back, and gone when it was set forward", async () => {
    const health = open();
    await health.failed(A, DEAD);
    clock.set(clock.now() - 86_400_000);
    expect(await health.illnessOf(A)).toMatchObject({ due: true });
    clock.set(clock.now() + 10 * 86_400_000);
    expect(await health.illnessOf(A)).toBeUndefined();
  });

  it("is remembered in the process where the root cannot be written", async () => {
    const file = join(root, "file");
    await writeFile(file, "");
    const health = open(file);
    await health.failed(A, DEAD);
    expect(await health.illnessOf(A)).toMatchObject({ illness: DEAD });
    await expect(health.contact(A, {})).rejects.toMatchObject(NOT_ASKED);
    await health.served(A);
    expect(await health.illnessOf(A)).toBeUndefined();
    const release = await health.contact(A, {});
    release();
  });
});

describe("contact()", () => {
  it("lets one in, and all others once it stands", async () => {
    const health = open();
    const release = await health.contact(A, {});
    const others = [health.contact(A, {}), health.contact(A, {})];
    health.reached(A);
    release();
    release();
    await Promise.all(others);
    clock.advance(FRESH_MS);
    const again = await health.contact(A, {});
    again();
  });

  it("refuses all who wait when it does not stand, of every process", async () => {
    const [one, other] = [open(), open()];
    const release = await one.contact(A, {});
    const waiting = [one.contact(A, {}), one.contact(A, {}), other.contact(A, {}), other.contact(A, {})];
    const outcomes = Promise.all(waiting.map((each) => expect(each).rejects.toMatchObject(NOT_ASKED)));
    await one.failed(A, DEAD);
    release();
    await turning(outcomes);
    clock.advance(MAX_REST_MS); // it is due, and still nothing that a request with a choice should find out
    await expect(other.contact(A, {})).rejects.toThrow(`${A}: not asked: no connection in time`);
  });

  it("refuses those who have waited long enough, and leaves the first alone", async () => {
    const [one, other] = [open(), open()];
    const release = await one.contact(A, {});
    const started = clock.elapsed();
    await turning(expect(one.contact(A, {})).rejects.toThrow(ErrUnavailable));
    expect(clock.elapsed() - started).toBeGreaterThanOrEqual(CONTACT_PATIENCE_MS);
    await turning(expect(other.contact(A, {})).rejects.toThrow("somebody else is waiting for a connection"));
    release();
    (await other.contact(A, {}))();
  });

  it("lets the next one in when the first is gone without an outcome", async () => {
    const [one, other] = [open(), open()];
    const release = await one.contact(A, {});
    const [second, third] = [one.contact(A, {}), other.contact(A, {})];
    release();
    await turning(Promise.all([second, third].map(async (next) => (await next)())));
  });

  it("ends when the signal fires", async () => {
    const health = open();
    const release = await health.contact(A, {});
    const abort = new AbortController();
    const waiting = health.contact(A, { signal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toThrow(ErrCanceled);
    release();
    await expect(health.contact(A, { signal: abort.signal })).rejects.toThrow(ErrCanceled);
  });

  it("lets in who comes to an endpoint that answers badly", async () => {
    const health = open();
    await health.failed(A, BROKEN);
    (await health.contact(A, {}))();
  });
});

describe("probe()", () => {
  it("is made once, and gives a healthy endpoint its place back", async () => {
    const [one, other] = [await ill(), open()];
    let probes = 0;
    const answer = Promise.withResolvers<undefined>();
    const probe = (): Promise<undefined> => {
      probes++;
      return answer.promise;
    };
    for (const health of [one, other, one]) health.probe(A, probe);
    await until(async () => probes > 0);
    answer.resolve(undefined);
    await until(async () => (await other.illnessOf(A)) === undefined);
    expect(probes).toBe(1);
    (await turning(other.contact(A, {})))();
    await one.failed(A, DEAD);
    expect(await other.illnessOf(A)).toMatchObject({ illness: { failures: 2 } });
  });

  it("makes the rest longer when it fails", async () => {
    const health = await ill();
    health.probe(A, async () => DEAD);
    await until(async () => (await health.illnessOf(A))?.illness.failures === 2);
    expect(await health.illnessOf(A)).toMatchObject({ due: false });
    health.probe(A, () => expect.unreachable("it rests"));
  });

  it("ends with the engine, and changes nothing then", async () => {
    const health = await ill();
    let signal: AbortSignal | undefined;
    health.probe(A, (given) => {
      signal = given;
      return new Promise((resolve) => given.addEventListener("abort", () => resolve(DEAD)));
    });
    await until(async () => signal !== undefined);
    await health.close();
    health.probe(A, () => expect.unreachable("closed"));
    expect(await open().illnessOf(A)).toMatchObject({ due: true, illness: { failures: 1 } });
  });
});
