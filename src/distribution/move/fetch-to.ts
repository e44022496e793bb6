import type { Writable } from "node:stream";
import { writeStream } from "../../archive/write-stream.ts";
import { exists } from "../../content/exists.ts";
import { isReplaceable } from "../../disk/is-replaceable.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import type { BlobOptions, FetchedBlob } from "../api/moving.ts";
import { withinTime } from "../operations/within-time.ts";
import { cloneFile } from "./clone-file.ts";
import { FileTarget } from "./file-target.ts";
import { type MoveEngine, usingContent } from "./move-engine.ts";
import { streamBlob } from "./stream-blob.ts";
import { type AskedBlob, bringWanted, type WantedContent, wantedContent } from "./wanted-blob.ts";

/** What `Moving.fetchTo` does. */
export async function fetchTo(
  engine: MoveEngine,
  asked: AskedBlob,
  target: string | Writable,
  options: BlobOptions,
): Promise<FetchedBlob> {
  if (typeof target === "string") return await fetchToFile(engine, wantedContent(asked), target, options);
  const { chunks, fetched } = streamBlob(engine, asked, options);
  await writeStream(chunks, target, options);
  return await fetched;
}

async function fetchToFile(
  engine: MoveEngine,
  wanted: WantedContent,
  path: string,
  options: BlobOptions,
): Promise<FetchedBlob> {
  return await withinTime(`fetch ${wanted.blob.digest}`, options, (timed) =>
    usingContent(engine, timed, (own) => bringToFile(engine, wanted, path, own)),
  );
}

/** Makes a file of one content, as `Moving.fetchTo` does, within an operation that is counted already. */
export async function bringToFile(
  engine: MoveEngine,
  wanted: WantedContent,
  path: string,
  options: BlobOptions,
): Promise<FetchedBlob> {
  const { blob } = wanted;
  if (!(await isReplaceable("write file", path)))
    throw new ErrInvalidArgument(
      `write file "${path}": got something else there, wanted nothing or a regular file`,
    );
  const isHere = await exists(engine.content, blob, options);
  if (isHere && (await cloneFile(engine.content, blob, path, options))) {
    return { endpoint: undefined, passedOver: [] };
  }
  return await bringWanted(engine, wanted, new FileTarget(blob, path), options);
}
