import { execFileSync } from "node:child_process";
import { gzipSync } from "node:zlib";
import { digestOf } from "../../../src/digest/digest.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import type { TestRegistry } from "../../../src/testing.ts";
import { OCI, type Place, putBlob, putManifest } from "../../distribution/support/documents.ts";
import { writeTestTar } from "../../tar/support/tar-writer.ts";
import type { Layers } from "./layered-image.ts";

/** What the image says when it is run. */
export const SHELL_SAYS = "this is /bin/sh\n";

/** What a shell image has beside the shell. */
export interface ShellImageOptions {
  /** What the shell is told. Default: what says `SHELL_SAYS`. */
  readonly script?: string;
  /** Entries of the layers above the one with the shell. */
  readonly above?: Layers;
}

/** Puts an image into a registry that runs: the shell of this machine, with what it needs. */
export async function putShellImage(
  registry: TestRegistry,
  place: Place,
  { script = "echo this is $0", above = [] }: ShellImageOptions = {},
): Promise<Descriptor> {
  const libraries = execFileSync("ldd", ["/bin/sh"], { encoding: "utf8" }).match(/\/\S+/g) ?? [];
  const paths = ["bin/sh", ...libraries.map((path) => path.slice(1))];
  const shell = execFileSync("tar", ["-ch", "--mtime=@0", "-C", "/", ...paths], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const archives = [shell, ...above.map((entries) => writeTestTar(entries))];
  const put = (content: Uint8Array | string, mediaType: string): Promise<Descriptor> =>
    putBlob(registry, place.repository, { content, mediaType });
  const config = {
    os: "linux",
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    config: { Cmd: ["/bin/sh", "-c", script] },
    rootfs: { type: "layers", diff_ids: archives.map((archive) => digestOf(archive)) },
  };
  return putManifest(registry, place, {
    config: await put(JSON.stringify(config), OCI.config),
    layers: await Promise.all(archives.map((archive) => put(gzipSync(archive), OCI.layer))),
  });
}
