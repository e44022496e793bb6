import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isTemporary } from "../../../../src/disk/temporary-files.ts";

/** What is known of the layers of images. */
export interface KnownLayers {
  /** Chain IDs of an image's layers by the digest of its config, lowest first. */
  readonly ofConfig: ReadonlyMap<string, readonly string[]>;
  /** The one file in a layer, by chain ID. */
  readonly files: ReadonlyMap<string, { readonly name: string; readonly bytes: number }>;
}

/** Names below `path`; none when it is not there. */
export function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Chain IDs of the layers that can be seen. */
function layersOf(root: string): readonly string[] {
  return namesIn(join(root, "layers", "sha256")).map((hex) => `sha256:${hex}`);
}

interface Use {
  readonly user: string;
  readonly chainId: string;
}

function usesOf(root: string): readonly Use[] {
  const folder = join(root, "layers", "uses");
  return namesIn(folder)
    .filter((name) => !isTemporary(name))
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Use);
}

/** Those that are images whose config `needed` has, and whoever is no image. */
function livingUses(root: string, needed: ReadonlySet<string>): readonly Use[] {
  return usesOf(root).filter(
    ({ user }) => !user.startsWith("image:") || needed.has(user.slice("image:".length)),
  );
}

interface Seen {
  readonly parent?: string | undefined;
  readonly isWhole: boolean;
}

function look(root: string, chainId: string, { files }: KnownLayers): Seen {
  const directory = join(root, "layers", chainId.replace(":", "/"));
  try {
    const { parent, ...record } = JSON.parse(readFileSync(join(directory, "layer.json"), "utf8"));
    const file = files.get(chainId);
    const names = readdirSync(join(directory, "fs"));
    const isWhole =
      record.chainId === chainId &&
      names.join() === file?.name &&
      lstatSync(join(directory, "fs", file.name)).size === file.bytes;
    return { parent, isWhole };
  } catch {
    return { isWhole: false };
  }
}

/**
 * Layers that can be seen and are not whole, and what of the layers is gone that somebody keeps.
 *
 * @param needed content that names and namespaces need
 * @param alone configs of names that need no blobs
 */
export function lostLayers(
  root: string,
  { needed, alone }: { readonly needed: ReadonlySet<string>; readonly alone: readonly string[] },
  known: KnownLayers,
): readonly string[] {
  const seen = new Map(layersOf(root).map((chainId) => [chainId, look(root, chainId, known)]));
  const violations: string[] = [];
  for (const [chainId, { isWhole }] of seen)
    if (!isWhole) violations.push(`layer ${chainId} can be seen and is not whole`);
  for (const config of alone) {
    const gone = known.ofConfig.get(config)?.filter((chainId) => !seen.has(chainId)) ?? [];
    violations.push(...gone.map((chainId) => `layer ${chainId} is gone, of which ${config} has no blob`));
  }
  for (const { user, chainId } of livingUses(root, needed)) {
    let at: string | undefined = chainId;
    for (; at !== undefined && seen.has(at); at = seen.get(at)?.parent);
    if (at !== undefined) violations.push(`${user} keeps ${chainId}, and layer ${at} is gone`);
  }
  return violations;
}

/** Which layers that were unpacked within a lease are not there any more before its end, or are not kept by their image. */
export function unkept(root: string, unpacked: ReadonlyArray<readonly string[]>): readonly string[] {
  const seen = new Set(layersOf(root));
  const images = usesOf(root).filter(({ user }) => user.startsWith("image:"));
  const kept = new Set(images.map(({ chainId }) => chainId));
  return unpacked.flatMap((chain) => {
    const gone = chain.filter((chainId) => !seen.has(chainId)).map((chainId) => `layer ${chainId} is gone`);
    const top = chain.at(-1);
    const isKept = top === undefined || kept.has(top);
    const violations = [...gone, ...(isKept ? [] : [`no image keeps layer ${top}`])];
    return violations.map((violation) => `${violation} within the lease in which it was unpacked`);
  });
}

/** What is left of layers in a root that was pruned, although nobody keeps it. */
export function leftLayers(root: string, needed: ReadonlySet<string>, known: KnownLayers): readonly string[] {
  const kept = new Set<string>();
  const living = livingUses(root, needed);
  for (const { chainId } of living)
    for (let at: string | undefined = chainId; at !== undefined; at = look(root, at, known).parent)
      kept.add(at);
  const left = layersOf(root).filter((chainId) => !kept.has(chainId));
  const dead = usesOf(root).filter(({ user }) => !living.some((use) => use.user === user));
  const folders = ["staging", "replaced"].flatMap((folder) =>
    namesIn(join(root, "layers", folder)).map((name) => `layers/${folder}/${name} is left`),
  );
  return [
    ...left.map((chainId) => `layer ${chainId} is left`),
    ...dead.map(({ user }) => `user ${user} of layers is left`),
    ...folders,
  ];
}

/** Whether a file in `locks` says who uses a layer that can be seen. */
export function isLockOfLayer(root: string, name: string): boolean {
  const [, hex] = /^layer-use-sha256-(\w{64})$/.exec(name) ?? [];
  return hex !== undefined && layersOf(root).includes(`sha256:${hex}`);
}
