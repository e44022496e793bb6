import { stat } from "node:fs/promises";
import { basename, isAbsolute, normalize } from "node:path";

/** What a colon may be followed by to be no part of a file's name. */
const MEDIA_TYPE = /^(?<path>.+):(?<mediaType>[\w!#$&^.+-]+\/[\w!#$&^.+-]+)$/s;

/** A file that an argument names. */
export interface NamedFile {
  readonly path: string;
  /** What it is called elsewhere. */
  readonly title: string;
  readonly mediaType: string | undefined;
}

/**
 * The file that `FILE` or `FILE:MEDIATYPE` means; where a file has all of it for its name, that one. It is called by its path, as oras
 * does, or by its last name where the path does not stay below the working directory.
 */
export async function fileArgument(argument: string): Promise<NamedFile> {
  const { path = argument, mediaType } = (await isThere(argument)) ? {} : partsOf(argument);
  return { path, title: titleOf(path), mediaType };
}

function partsOf(argument: string): { readonly path?: string; readonly mediaType?: string } {
  return MEDIA_TYPE.exec(argument)?.groups ?? {};
}

function titleOf(path: string): string {
  const normal = normalize(path);
  return isAbsolute(normal) || normal.startsWith("..") ? basename(normal) : normal;
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false, // what is wrong with it is told by whoever reads it
  );
}
