import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Digest, parseDigest } from "../../../src/digest/digest.ts";
import { type PartOutput, type RunOptions, runPart } from "./run-part.ts";

/** Runs `skopeo` where no policy file says which signatures to trust. */
export function skopeo(args: readonly string[], options?: RunOptions): Promise<PartOutput> {
  return runPart("skopeo", ["--insecure-policy", ...args], options);
}

/** How `skopeo copy` copies. */
export interface CopyOptions extends RunOptions {
  /** `v2s2` makes docker's schema 2 of it; without a format every byte and digest stays what it is. */
  readonly format?: "oci" | "v2s2" | undefined;
  /** `user:password` for the source registry. */
  readonly sourceCredentials?: string | undefined;
  /** `user:password` for the destination registry. */
  readonly destinationCredentials?: string | undefined;
}

/**
 * Copies an image, or an index with all its images, between places in skopeo's words, such as `oci:<folder>:<tag>` and
 * `docker://127.0.0.1:5000/busybox:1`; registries are spoken to in plain HTTP. Returns the digest of the copied manifest.
 */
export async function skopeoCopy(
  source: string,
  destination: string,
  options: CopyOptions = {},
): Promise<Digest> {
  const { format, sourceCredentials, destinationCredentials, ...rest } = options;
  const work = await mkdtemp(join(tmpdir(), "drayage-skopeo-"));
  const digestFile = join(work, "digest");
  const flags = [
    ...(format === undefined ? ["--preserve-digests"] : [`--format=${format}`]),
    ...(source.startsWith("docker:") ? ["--src-tls-verify=false"] : []),
    ...(destination.startsWith("docker:") ? ["--dest-tls-verify=false"] : []),
    ...(sourceCredentials === undefined ? [] : [`--src-creds=${sourceCredentials}`]),
    ...(destinationCredentials === undefined ? [] : [`--dest-creds=${destinationCredentials}`]),
  ];
  try {
    await skopeo(["copy", "--all", `--digestfile=${digestFile}`, ...flags, source, destination], rest);
    return parseDigest((await readFile(digestFile, "utf8")).trim());
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
