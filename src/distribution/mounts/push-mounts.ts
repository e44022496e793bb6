import type { Manager } from "../../content/store.ts";
import type { Digest } from "../../digest/digest.ts";
import { findError, isNotFound, isUnauthenticated } from "../../errors/predicates.ts";
import { sourceLabelKey, sourcesOf } from "../../images/source-label.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Credentials } from "../../registry/credentials/credentials.ts";
import type { MountSources } from "../../remotes/registry-pusher.ts";
import type { Logger } from "../api/logger.ts";
import { credentialsHmac } from "./credentials-hmac.ts";
import { type MountTarget, mountCandidates, mountTries } from "./mount-candidates.ts";
import type { MountSource, MountSourceStore } from "./mount-source-store.ts";

/** What the mounts of one push go by. */
export interface PushMountsContext {
  readonly content: Manager;
  readonly sources: MountSourceStore;
  readonly target: MountTarget;
  /** Path of a repository of the same registry that has all of it, and is asked first. Default: nobody knows one. */
  readonly from?: string | undefined;
  /** Of the target's registry, as this push uses them. */
  readonly credentials: () => Promise<Credentials | undefined>;
  readonly logger: Logger;
}

/**
 * Mount sources for one push: what it was told, what pushes remembered, then what pulls wrote on the blobs' labels. They are hints: one that
 * cannot be read or written is a warning and no reason to fail.
 */
export function pushMounts(context: PushMountsContext): MountSources {
  const mounts = knownMounts(context);

  async function attempt<T>(work: Promise<T>, fallback: T): Promise<T> {
    try {
      return await work;
    } catch (error) {
      context.logger.warn({ err: error }, "mount sources cannot be used");
      return fallback;
    }
  }

  const { from, target } = context;
  const first = from === undefined || from === target.path ? [] : [from];
  return {
    async candidates(descriptor) {
      const others = await attempt(mounts.candidates(descriptor), []);
      return [...first, ...others.filter((path) => path !== from)];
    },
    succeeded: (descriptor) => attempt(mounts.succeeded(descriptor), undefined),
    failed: (descriptor, from, error) => attempt(mounts.failed(descriptor, from, error), undefined),
  };
}

function knownMounts({ content, sources, target, credentials }: PushMountsContext): MountSources {
  const hmacFor = async (digest: Digest, repository: string): Promise<string> =>
    credentialsHmac(await credentials(), digest, repository);
  const labelKey = sourceLabelKey(target.domain);

  async function known(digest: Digest): Promise<readonly MountSource[]> {
    const labelled = sourcesOf(await labelsOf(content, digest), target.domain);
    const pulled = labelled.map((path) => ({ repository: `${target.domain}/${path}`, hmac: "" }));
    return [...(await sources.list(digest)), ...pulled];
  }

  async function forget(digest: Digest, { repository, hmac }: MountSource): Promise<void> {
    await sources.remove(digest, { repository, hmac });
    const path = repository.slice(target.domain.length + 1);
    const paths = sourcesOf(await labelsOf(content, digest), target.domain);
    if (hmac !== "" || !paths.includes(path)) return;
    const value = paths.filter((other) => other !== path).join(",");
    await content.update({ digest, labels: { [labelKey]: value } }, [`labels.${labelKey}`]);
  }

  return {
    async candidates({ digest, size }) {
      const all = await known(digest);
      const ours = await Promise.all(
        all.map(async (source) => source.hmac === (await hmacFor(digest, source.repository))),
      );
      const isOurs = (source: MountSource): boolean => ours[all.indexOf(source)] === true;
      const best = mountCandidates(all, { target, isOurs, max: mountTries(size) });
      return best.map(({ repository }) => repository.slice(target.domain.length + 1));
    },
    async succeeded({ digest }) {
      const repository = `${target.domain}/${target.path}`;
      await sources.add(digest, { repository, hmac: await hmacFor(digest, repository) });
    },
    async failed({ digest }: Descriptor, from, error) {
      // Without credentials a refusal says nothing about the blob; seen by other credentials, it may still be there.
      if (findError(error) && isUnauthenticated(error) && !(await credentials())) return;
      const repository = `${target.domain}/${from}`;
      const hmac = await hmacFor(digest, repository);
      await forget(digest, { repository, hmac });
      if (hmac !== "") await forget(digest, { repository, hmac: "" });
    },
  };
}

async function labelsOf(content: Manager, digest: Digest): Promise<Readonly<Record<string, string>>> {
  try {
    return (await content.info(digest)).labels;
  } catch (error) {
    if (isNotFound(error)) return {};
    throw error;
  }
}
