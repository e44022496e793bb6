import { spawnSync } from "node:child_process";
import { afterEach, describe, expect, it, vi } from "vitest";
import { decompress } from "../../src/archive/decompress.ts";
import { ErrDataLoss, ErrNotImplemented, ErrUnavailable } from "../../src/errors/classes.ts";
import { inPieces } from "./support/tar.ts";

const PROGRAMS = ["xz", "bzip2"] as const;
const MAGIC = { xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], bzip2: [0x42, 0x5a, 0x68, 0x39, 0x00, 0x00] };

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

async function failureOf(chunks: AsyncIterable<Uint8Array>): Promise<Error> {
  return await collect(chunks).then(
    () => new TypeError("resolved"),
    (error: Error) => error,
  );
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.each(PROGRAMS)("decompress() of %s", (program) => {
  const isHere = spawnSync(program, ["--version"]).error === undefined;
  const compress = (bytes: Uint8Array): Buffer =>
    spawnSync(program, ["-c"], { input: bytes, maxBuffer: 16 * 1024 * 1024 }).stdout;

  it.runIf(isHere)("gives the bytes", async () => {
    const bytes = Buffer.alloc(3_000_000, "some text ");
    expect((await collect(decompress(inPieces(compress(bytes))))).equals(bytes)).toBe(true);
  });

  it.runIf(isHere)("says so for bytes that are damaged or cut off", async () => {
    const whole = compress(Buffer.alloc(300_000, "some text "));
    for (const bytes of [whole.subarray(0, whole.length - 20), Buffer.from(MAGIC[program])]) {
      const failure = await failureOf(decompress(inPieces(bytes)));
      expect(failure).toBeInstanceOf(ErrDataLoss);
      expect(failure.message).toContain(`cannot decompress ${program}`);
    }
  });

  it.runIf(isHere)("throws what the source throws, and ends with its reader", async () => {
    const whole = compress(Buffer.alloc(300_000, "some text "));
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield whole.subarray(0, 40);
      throw new ErrUnavailable("the source is gone");
    }
    expect(await failureOf(decompress(broken()))).toBeInstanceOf(ErrUnavailable);
    for await (const chunk of decompress(inPieces(whole))) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
  });

  it("says what to do where the program is not installed", async () => {
    vi.stubEnv("PATH", "/nowhere");
    const failure = await failureOf(decompress(inPieces(Buffer.from(MAGIC[program]))));
    expect(failure).toBeInstanceOf(ErrNotImplemented);
    expect(failure.message).toBe(
      `read archive: compressed with ${program}, and the program ${program} cannot be run; install it, or decompress the archive first`,
    );
  });
});
