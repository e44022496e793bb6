import { execFileSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { inSlices } from "../../../../src/async/slices.ts";
import { findAbilities } from "../../../../src/layer/unpack/find-abilities.ts";
import type { HostAbilities } from "../../../../src/layer/unpack/host-abilities.ts";
import { LayerUnpacker } from "../../../../src/layer/unpack/layer-unpacker.ts";
import { DEFAULT_LIMITS, type UnpackLimits } from "../../../../src/layer/unpack/unpack-limits.ts";
import type { UnpackOutcome } from "../../../../src/layer/unpack/unpack-outcome.ts";
import { type WrittenEntry, writeTestTar } from "../../../tar/support/tar-writer.ts";
import { type TreeEntry, treeOf } from "./tree.ts";

export type Outcome = Omit<UnpackOutcome, "diffId">;

/** How an archive is unpacked in a test. */
export interface RoomOptions {
  readonly limits?: Partial<UnpackLimits>;
  readonly host?: Partial<HostAbilities>;
  /** Bytes that are pushed at once. */
  readonly pieceBytes?: number;
}

let abilities: Promise<HostAbilities> | undefined;

/** A directory for a layer, with others beside it that nobody may touch. */
export class LayerRoom implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "drayage-layer-"));
  readonly directory = join(this.folder, "staging", "fs");
  readonly host: HostAbilities;
  readonly #beside: unknown;

  private constructor(host: HostAbilities) {
    this.host = host;
    chmodSync(this.folder, 0o755);
    mkdirSync(join(this.folder, "outside", "deep"), { recursive: true });
    writeFileSync(join(this.folder, "outside", "secret"), "secret");
    writeFileSync(join(this.folder, "outside", "deep", "file"), "file");
    symlinkSync("secret", join(this.folder, "outside", "link"));
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    this.#beside = this.#besideNow();
  }

  static async open(): Promise<LayerRoom> {
    abilities ??= findAbilities(tmpdir());
    return new LayerRoom(await abilities);
  }

  /** Another one, for the same host. */
  another(): LayerRoom {
    return new LayerRoom(this.host);
  }

  /** Unpacks an archive into the directory; throws what the unpacking throws, and whenever anything outside was touched. */
  async unpack(
    archive: Uint8Array,
    { limits, host, pieceBytes = 4_096 }: RoomOptions = {},
  ): Promise<Outcome> {
    const unpacker = new LayerUnpacker({
      directory: this.directory,
      limits: { ...DEFAULT_LIMITS, ...limits },
      host: { ...this.host, ...host },
    });
    try {
      for (let at = 0; at < archive.byteLength; at += pieceBytes) {
        unpacker.write(Buffer.from(archive.subarray(at, at + pieceBytes)));
      }
      unpacker.endArchive();
      return await inSlices(unpacker.finish(), () => undefined);
    } finally {
      unpacker.close();
      this.expectNothingTouched();
    }
  }

  /** The same for an archive of these entries. */
  async unpackEntries(entries: readonly WrittenEntry[], options?: RoomOptions): Promise<Outcome> {
    return await this.unpack(writeTestTar(entries), options);
  }

  /** What was unpacked, by path. */
  tree(): Record<string, TreeEntry> {
    return treeOf(this.directory);
  }

  /** Types by path. */
  types(): Record<string, string> {
    return Object.fromEntries(
      Object.entries(this.tree())
        .filter(([path]) => path !== ".")
        .map(([path, { type, device }]) => [path.slice(2), device === "" ? type : `${type} ${device}`]),
    );
  }

  /** Two names of one file have one number. */
  inodeOf(path: string): number {
    return lstatSync(join(this.directory, path)).ino;
  }

  /** Compares what is beside the layer with what was there at first. */
  expectNothingTouched(): void {
    expect(this.#besideNow()).toEqual(this.#beside);
  }

  [Symbol.dispose](): void {
    if (process.geteuid?.() !== 0) execFileSync("chmod", ["-R", "u+rwx", this.folder], { stdio: "ignore" });
    rmSync(this.folder, { recursive: true, force: true });
  }

  #besideNow(): unknown {
    const outside = join(this.folder, "outside");
    const names = readdirSync(outside, { recursive: true, encoding: "utf8" }).toSorted();
    return ["", ...names].map((name) => [name, looksOf(join(outside, name))]);
  }
}

/** Everything that a change would show in. */
function looksOf(path: string): unknown {
  const { ino, mode, nlink, uid, gid, size, mtimeMs, ctimeMs } = lstatSync(path);
  return [ino, mode, nlink, uid, gid, size, mtimeMs, ctimeMs];
}
