import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../../../src/digest/digest.ts";
import { chainIds } from "../../../src/oci/chain-id.ts";
import type { BuiltImage } from "../../../src/testing.ts";
import { namesOf } from "./invariants.ts";

/** Chain IDs of an image's layers, lowest first. */
export function chainOf({ layers }: BuiltImage): readonly Digest[] {
  return chainIds(layers.map(({ diffId }) => diffId));
}

/** What a visible layer has to be: one file, of so many bytes. */
export type WantedLayers = ReadonlyMap<Digest, { readonly name: string; readonly bytes: number }>;

/** Layers that can be seen and are not what they have to be, and names whose layers are not there. */
export function layerViolations(
  root: string,
  wanted: WantedLayers,
  images: ReadonlyMap<string, BuiltImage>,
): string[] {
  const seen = new Set(layersIn(root));
  const broken = [...seen].filter(
    (chainId) => !isWhole(join(root, "layers", chainId.replace(":", "/")), chainId, wanted),
  );
  const violations = broken.map((chainId) => `layer ${chainId} can be seen and is not whole`);
  for (const name of namesIn(root)) {
    const image = images.get(name);
    const missing = image ? chainOf(image).filter((chainId) => !seen.has(chainId)) : [];
    violations.push(...missing.map((chainId) => `${name} needs layer ${chainId}, which is not here`));
  }
  return violations;
}

/** What is left in `layers` and of its locks, although nobody is at work and everything that can be swept was. */
export function layerLeftovers(root: string): string[] {
  const staged = entries(join(root, "layers", "staging")).map((name) => `layers/staging/${name}`);
  const replaced = entries(join(root, "layers", "replaced")).map((name) => `layers/replaced/${name}`);
  const locks = entries(join(root, "locks")).filter((name) => name.startsWith("layer-"));
  return [...staged, ...replaced, ...locks].map((name) => `${name} is left`);
}

/** Chain IDs of the layers that can be seen. */
export function layersIn(root: string): readonly string[] {
  return entries(join(root, "layers", "sha256")).map((hex) => `sha256:${hex}`);
}

function isWhole(directory: string, chainId: string, wanted: WantedLayers): boolean {
  const file = wanted.get(chainId as Digest);
  const record = JSON.parse(readFileSync(join(directory, "layer.json"), "utf8")) as { chainId: string };
  if (!file || record.chainId !== chainId) return false;
  const names = readdirSync(join(directory, "fs"));
  return names.join() === file.name && lstatSync(join(directory, "fs", file.name)).size === file.bytes;
}

function namesIn(root: string): readonly string[] {
  try {
    return [...namesOf(root).keys()];
  } catch {
    return []; // nothing has a name yet
  }
}

function entries(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
