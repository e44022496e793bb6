import { spawn } from "node:child_process";
import { once } from "node:events";
import { pipeline } from "node:stream/promises";
import { ErrDataLoss, ErrNotImplemented } from "../errors/classes.ts";
import { isDrayageError } from "../errors/drayage-error.ts";

/** Most of what a program says about its failure that is kept, in characters. */
const MAX_WORDS = 512;

/**
 * `source` decompressed by the program of the compression's name, as moby does it for xz. The program gets bytes on stdin and
 * nothing else, and ends with the generator. Throws `ErrNotImplemented` when it is not installed, `ErrDataLoss` with its words
 * when it fails, and what the source throws.
 */
export async function* decompressByProgram(
  program: "xz" | "bzip2",
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const child = spawn(program, ["-dc"], { stdio: ["pipe", "pipe", "pipe"] });
  const ended = once(child, "close").catch((cause: unknown) => {
    throw notInstalled(program, cause);
  });
  ended.catch(() => {}); // it is looked at when the output has ended
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = `${words}${text}`.slice(0, MAX_WORDS);
  });
  let sourceError: unknown;
  const fed = pipeline(source, child.stdin).catch((error: unknown) => {
    if (isDrayageError(error)) sourceError = error;
    child.stdout.destroy(); // no more can come than what came
  });
  try {
    yield* outputOf(child.stdout);
    await fed;
    if (sourceError !== undefined) throw sourceError;
    const [status, signal] = (await ended) as [number | null, string | null];
    if (status !== 0) {
      const reason = words.trim() || `ended with ${status ?? signal}`;
      throw new ErrDataLoss(`read archive: cannot decompress ${program}: ${reason}`);
    }
  } finally {
    child.kill("SIGKILL");
  }
}

/** A pipe that is destroyed because its source failed has ended; why is known elsewhere. */
async function* outputOf(stdout: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
}

function notInstalled(program: string, cause: unknown): ErrNotImplemented {
  return new ErrNotImplemented(
    `read archive: compressed with ${program}, and the program ${program} cannot be run; install it, or decompress the archive first`,
    { cause },
  );
}
