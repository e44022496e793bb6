import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { status as Code } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  AbortRequestSchema,
  DeleteContentRequestSchema,
  InfoRequestSchema,
  ListContentRequestSchema,
  ListStatusesRequestSchema,
  ReadContentRequestSchema,
  StatusRequestSchema,
  UpdateRequestSchema,
  WriteAction,
  type WriteContentResponse,
} from "../../../src/content/grpc/content_pb.ts";
import { contentMethods } from "../../../src/content/grpc/content-methods.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { type Outcome, RawClient } from "./support/raw-client.ts";
import { type Service, startService } from "./support/service.ts";

const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

let service: Service;
let client: RawClient;

beforeAll(async () => {
  service = await startService({ lockWaitMs: 1 });
  client = new RawClient(service.address);
});

afterAll(async () => {
  client[Symbol.dispose]();
  await service.dispose();
});

/** What every blob on the disk must be. */
async function expectOnlyRightBlobs(): Promise<void> {
  const folder = join(service.folder, "root", "blobs");
  for (const algorithm of await readdir(folder).catch(() => [])) {
    for (const hex of await readdir(join(folder, algorithm))) {
      const bytes = await readFile(join(folder, algorithm, hex));
      expect(createHash(algorithm).update(bytes).digest("hex")).toBe(hex);
    }
  }
}

/** Statuses that a client can be blamed for, or that tell the state of the store. */
const EXPECTED = [
  Code.OK,
  Code.INVALID_ARGUMENT,
  Code.NOT_FOUND,
  Code.ALREADY_EXISTS,
  Code.FAILED_PRECONDITION,
  Code.OUT_OF_RANGE,
  Code.UNAVAILABLE,
];

function expectStatus({ code, details }: Outcome<unknown>): void {
  expect(EXPECTED, `${Code[code]}: ${details}`).toContain(code);
}

const piece = fc.constantFrom("", "a", "foo", "foobar").map((text) => Buffer.from(text));
const digest = fc.oneof(
  { weight: 6, arbitrary: fc.constant("") },
  { weight: 3, arbitrary: fc.constantFrom("", "a", "foo", "foobar", "afoo").map((text) => digestOf(text)) },
  { weight: 1, arbitrary: fc.constantFrom(digestOf("foo", "sha512"), digestOf("never"), "sha256:0", "x:y") },
  { weight: 1, arbitrary: fc.string() },
);
const total = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0n) },
  fc.bigInt({ min: -1n, max: 12n }),
  fc.bigInt(INT64),
);
const action = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.constantFrom(WriteAction.STAT, WriteAction.WRITE, WriteAction.WRITE, WriteAction.COMMIT),
  },
  { weight: 1, arbitrary: fc.integer({ min: -2, max: 5 }).map((value) => value as WriteAction) },
);
/** Where to write: at the current offset, from the start, or anywhere. */
const place = fc.oneof(
  { weight: 8, arbitrary: fc.constant("current" as const) },
  { weight: 2, arbitrary: fc.constant(0n) },
  { weight: 1, arbitrary: fc.bigInt({ min: -1n, max: 12n }) },
  { weight: 1, arbitrary: fc.bigInt(INT64) },
);
const labels = fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }), { maxKeys: 2 });
const step = fc.record({ action, place, data: piece, expected: digest, total, labels });
const session = fc.record({
  ref: fc.oneof({ weight: 9, arbitrary: fc.constantFrom("r", "s") }, fc.string()),
  steps: fc.array(step, { minLength: 1, maxLength: 6 }),
  end: fc.constantFrom("half-close", "cancel"),
});

function expectEnd(
  outcome: Outcome<unknown>,
  committed: WriteContentResponse | undefined,
  expected: string,
): void {
  expectStatus(outcome);
  expect(outcome.code === 0).toBe(committed !== undefined);
  if (committed && expected !== "") expect(committed.digest).toBe(expected);
}

type Play = typeof session extends fc.Arbitrary<infer T> ? T : never;

/** Sends the steps one by one, as far as the stream goes. */
async function play({ ref, steps, end }: Play): Promise<void> {
  const stream = client.write();
  let current = 0n;
  for (const { place: at, ...rest } of steps) {
    const offset = at === "current" ? current : at;
    const response = await stream.exchange({ ref, offset, ...rest }).catch(() => undefined);
    if (!response || rest.action === WriteAction.COMMIT) {
      const outcome = await stream.ended();
      return expectEnd(outcome, response, rest.expected);
    }
    expect(response.action).toBe(rest.action);
    current = response.offset;
  }
  if (end === "half-close") expectStatus(await stream.end());
  else stream.cancel();
}

describe("Write", () => {
  it("ends every stream with a status, and never publishes what is not what it claims", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(session, { minLength: 1, maxLength: 3 }), async (sessions) => {
        await Promise.all(sessions.map(play));
        await expectOnlyRightBlobs();
      }),
      { numRuns: 150 },
    );
  });
});

describe("the other methods", () => {
  const texts = fc.oneof(fc.string(), fc.string({ unit: "binary" }), digest);
  const path = fc.oneof(fc.constantFrom("labels", "labels.a", "labels.", "size", "digest"), fc.string());
  const filters = fc.array(
    fc.oneof(
      fc.string(),
      fc.constantFrom(
        "digest==",
        "labels.a",
        'labels."a/b"!=c',
        "ref~=(a+)+$",
        "ref~=(",
        "a,,b",
        'x=="\\u12"',
      ),
      fc.tuple(fc.string(), fc.constantFrom("==", "!=", "~="), fc.string()).map((parts) => parts.join("")),
    ),
    { maxLength: 3 },
  );

  it("answer anything that is a message with a status", async () => {
    await fc.assert(
      fc.asyncProperty(
        texts,
        labels,
        fc.array(path),
        filters,
        fc.bigInt(INT64),
        async (text, label, paths, some, number) => {
          const outcomes = await Promise.all([
            client.call(contentMethods.info, create(InfoRequestSchema, { digest: text })),
            client.call(
              contentMethods.update,
              create(UpdateRequestSchema, { info: { digest: text, labels: label }, updateMask: { paths } }),
            ),
            client.call(contentMethods.list, create(ListContentRequestSchema, { filters: some })),
            client.call(
              contentMethods.read,
              create(ReadContentRequestSchema, { digest: text, offset: number, size: ~number }),
            ),
            client.call(contentMethods.status, create(StatusRequestSchema, { ref: text })),
            client.call(contentMethods.listStatuses, create(ListStatusesRequestSchema, { filters: some })),
            client.call(contentMethods.abort, create(AbortRequestSchema, { ref: text })),
            client.call(contentMethods.delete, create(DeleteContentRequestSchema, { digest: text })),
          ]);
          outcomes.forEach(expectStatus);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("answer any bytes with a status", async () => {
    const methods = fc.constantFrom(...Object.values(contentMethods));
    await fc.assert(
      fc.asyncProperty(methods, fc.uint8Array({ maxLength: 60 }), async (method, bytes) => {
        const { code } = await client.send(method.path, Buffer.from(bytes));
        expect([...EXPECTED, Code.INTERNAL]).toContain(code);
      }),
      { numRuns: 500 },
    );
    await expectOnlyRightBlobs();
  });
});
