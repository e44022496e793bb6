import { execFile } from "node:child_process";
import { lstatSync } from "node:fs";
import { constants, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { inSlices, Slices, type Steps } from "../../async/slices.ts";
import { diskError, diskErrorInWords } from "../../disk/disk-error.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { TarReader } from "../../tar/tar-reader.ts";
import { findGnuTar } from "./find-gnu-tar.ts";
import type { HostAbilities, XattrNamespace } from "./host-abilities.ts";
import { trySideTar } from "./run-side-tar.ts";
import type { SideArchive } from "./side-archive.ts";

const run = promisify(execFile);

/** How long the program may take to say who it is, in milliseconds. */
const PROGRAM_TIMEOUT_MS = 10_000;

/** A capability for nothing, in the form that the kernel takes (version 2): cap_net_bind_service. */
const CAPABILITY = "\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

const NOTHING: Pick<HostAbilities, "devices" | "fifos" | "xattrs" | "overlay"> = {
  devices: false,
  fifos: false,
  xattrs: [],
  overlay: "none",
};

/**
 * Finds out what this process can do to files in `directory`, by doing it there, in a directory of its own that is gone afterwards.
 * It depends on the process and on the file system, so it is asked once for both. Throws the classes of `diskError` when nothing
 * can be made there at all.
 */
export async function findAbilities(directory: string): Promise<HostAbilities> {
  const base = { isRoot: process.geteuid?.() === 0, owners: await findOwners() };
  const tar = await findGnuTar();
  if (tar === undefined) return { ...base, ...NOTHING };
  const made = await probe(directory, { owners: base.owners, tar }).catch((cause: unknown) => {
    throw diskError("find out what can be made in", directory, cause);
  });
  return { ...base, ...made, tar };
}

async function findOwners(): Promise<HostAbilities["owners"]> {
  if (process.geteuid?.() !== 0) return "own";
  const map = await readFile("/proc/self/uid_map", "latin1").catch(() => "");
  return /^\s*0\s+0\s+4294967295\s*$/.test(map) ? "any" : "mapped";
}

type Host = Pick<HostAbilities, "owners"> & { readonly tar: string };

async function probe(directory: string, host: Host): Promise<typeof NOTHING> {
  const place = await mkdtemp(join(directory, ".abilities-"));
  try {
    const handle = await open(place, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      const trying = trySideTar({ directory: `/proc/self/fd/${handle.fd}`, host, write: writeProbes });
      const { isGood, words } = await inSlices(trying, new Slices().pause);
      const byDisk = isGood ? undefined : diskErrorInWords("GNU tar", words); // which says nothing of what can be made when there is room
      if (byDisk) throw byDisk;
    } finally {
      await handle.close();
    }
    const attributes = await readAttributes(place, host);
    const canHide = isCharacterDevice(join(place, "whiteout"));
    return {
      devices: isCharacterDevice(join(place, "device")),
      fifos: lstatSync(join(place, "fifo"), { throwIfNoEntry: false })?.isFIFO() === true,
      xattrs: namespacesOf(attributes),
      overlay: canHide ? overlayOf(attributes) : "none",
    };
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** One entry for each ability: GNU tar goes on behind those that fail. */
function* writeProbes(archive: SideArchive): Steps<void> {
  const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const file = { type: "0", mode: 0o600, ...own };
  yield* archive.add({ name: "device", type: "3", mode: 0o600, deviceMajor: 1, deviceMinor: 3, ...own });
  yield* archive.add({ name: "whiteout", type: "3", mode: 0, deviceMajor: 0, deviceMinor: 0, ...own });
  yield* archive.add({ name: "fifo", type: "6", mode: 0o600, ...own });
  yield* archive.add({ ...file, name: "security", xattrs: new Map([["security.capability", CAPABILITY]]) });
  yield* archive.add({ ...file, name: "trusted", xattrs: new Map([["trusted.drayage", "y"]]) });
  yield* archive.add({ ...file, name: "user", xattrs: new Map([["user.drayage", "y"]]) });
  for (const namespace of ["trusted", "user"]) {
    const xattrs = new Map([[`${namespace}.overlay.opaque`, "y"]]);
    yield* archive.add({ name: `opaque-${namespace}`, type: "5", mode: 0o700, xattrs, ...own });
  }
}

/** The attributes that are there now: Node.js cannot read them either. */
async function readAttributes(place: string, { tar }: Host): Promise<ReadonlySet<ByteString>> {
  const args = ["-c", "--format=posix", "--xattrs", "--xattrs-include=*", "-C", place, "."];
  const options = { encoding: "buffer", timeout: PROGRAM_TIMEOUT_MS, env: { LC_ALL: "C" } } as const;
  const archive = await run(tar, args, options).then(
    ({ stdout }) => stdout,
    () => Buffer.alloc(0),
  );
  const found = new Set<ByteString>();
  const reader = new TarReader({
    begin: ({ xattrs = new Map<ByteString, ByteString>() }) => {
      for (const name of xattrs.keys()) found.add(name);
    },
    content: () => {},
    end: () => {},
  });
  reader.write(archive);
  return found;
}

function namespacesOf(attributes: ReadonlySet<ByteString>): XattrNamespace[] {
  const probes = { security: "security.capability", trusted: "trusted.drayage", user: "user.drayage" };
  return (["security", "trusted", "user"] as const).filter((namespace) => attributes.has(probes[namespace]));
}

function overlayOf(attributes: ReadonlySet<ByteString>): HostAbilities["overlay"] {
  if (attributes.has("trusted.overlay.opaque")) return "trusted";
  return attributes.has("user.overlay.opaque") ? "user" : "none";
}

function isCharacterDevice(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isCharacterDevice() === true;
}
