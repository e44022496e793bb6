import { mkdtemp, rm } from "node:fs/promises";
import {
  namespacedStore,
  openNamespaceMetadata,
  parseDigest,
  readBlob,
  writeBlob,
} from "../../../../src/content.ts";
import type { Distribution } from "../../../../src/index.ts";
import type { Operation, Task } from "./operation.ts";

const PLATFORM = { platform: "linux/amd64" };

/** Layers that are there now, and stay as long as content that was asked for does: by chain ID. */
export type Unpacked = readonly string[];

/** Does one thing with a data root. Resolves with the layers that it has unpacked. */
export async function perform(
  distribution: Distribution,
  { root, chains, meanwhile, layers }: Task,
  operation: Operation,
): Promise<Unpacked> {
  switch (operation.kind) {
    case "pull": {
      const unpack = layers && operation.layers !== "blobs";
      const keepBlobs = !unpack || operation.layers === "both";
      await distribution.pull(operation.name, { ...PLATFORM, unpack, keepBlobs });
      return unpack ? (chains[operation.name] ?? []) : [];
    }
    case "unpack":
      return (await distribution.unpack(operation.name, PLATFORM)).chainIds;
    case "assemble":
      return await assemble(distribution, root, operation.name);
    case "use":
      return await use(distribution, operation);
    case "unuse":
      await distribution.layers?.unuse(operation.user);
      break;
    case "push":
      await distribution.push(operation.name, { target: pushTarget(operation.name) });
      break;
    case "remove":
      await distribution.remove(operation.name);
      break;
    case "tag":
      await distribution.tag(operation.name, operation.target);
      break;
    case "import":
      await distribution.import(operation.archive);
      break;
    case "prune":
      await distribution.prune({ minAgeMs: 0, dryRun: meanwhile === "lease" }); // it would wait for the lease
      break;
    case "delete":
      await distribution.content.delete(parseDigest(operation.digest));
      break;
    case "namespace add":
    case "namespace delete":
      await changeNamespace(distribution, root, operation);
      break;
  }
  return [];
}

async function assemble(distribution: Distribution, root: string, name: string): Promise<Unpacked> {
  const directory = await mkdtemp(`${root}-assembled-`); // goes with the folder of all roots when this process is killed
  try {
    return (await distribution.assemble(name, directory, PLATFORM)).chainIds;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Says that somebody keeps the uppermost layer of an image, if it is there. */
async function use(
  distribution: Distribution,
  { user, name }: { readonly user: string; readonly name: string },
): Promise<Unpacked> {
  const { layers } = distribution;
  const { chainIds } = await distribution.unpack(name, PLATFORM);
  const top = chainIds.at(-1);
  const layer = top && (await layers?.get(top));
  if (!layer) return chainIds;
  await layers?.use(user, layer.chainId);
  await layers?.release(layer);
  return chainIds;
}

async function changeNamespace(
  { content }: Distribution,
  root: string,
  { kind, digest: text }: { readonly kind: string; readonly digest: string },
): Promise<void> {
  using metadata = openNamespaceMetadata({ root });
  const view = namespacedStore(content, metadata, { namespace: "chaos" });
  const digest = parseDigest(text);
  if (kind === "namespace delete") return await view.delete(digest);
  const { size } = await content.info(digest);
  const bytes = await readBlob(content, { digest, size });
  await writeBlob(view, `chaos-${digest}`, Buffer.from(bytes), { digest, size });
}

/** Where a name of a registry is pushed to: beside it. Names of no registry go nowhere. */
function pushTarget(name: string): string {
  return name.replace(/:[^:/]+$/, ":pushed");
}
