import type { Digest } from "../../../src/digest/digest.ts";
import type { Descriptor } from "../../../src/images.ts";
import { endpointSend } from "../../../src/registry/endpoint-send.ts";
import { lookupEndpoints } from "../../../src/registry/endpoints/lookup-endpoints.ts";
import { createRegistryClient } from "../../../src/registry/pull/registry-client.ts";
import { createPushClient } from "../../../src/registry/push/create-push-client.ts";
import { createTransport } from "../../../src/registry/transport/transport.ts";
import {
  type BuiltImage,
  buildImage,
  buildIndex,
  type ProfileName,
  profileOf,
  TestRegistry,
} from "../../../src/testing.ts";
import { type Engine, NO_WAIT, openEngine } from "./engine.ts";

/** The repository that has everything, and those that are pushed to. */
export const APP = "team/app";

/** Every account that there is. */
export const ACCOUNT = { username: "user", password: "pa:ss" };

/** Bytes of a layer that goes in three parts: two of 32 MiB and a rest. */
export const LARGE_BYTES = 2 * 32 * 1024 * 1024 + 1_000_000;

const PLATFORMS = ["amd64", "arm64"].map((architecture) => ({ os: "linux", architecture }));

/** A registry that behaves like a product, with images in it, and an engine that knows the account. */
export interface ProfileSite extends AsyncDisposable {
  readonly registry: TestRegistry;
  readonly engine: Engine;
  readonly image: BuiltImage;
  readonly index: Descriptor;
  /** `repository` in full. */
  named(repository: string): string;
  tags(): Promise<readonly string[]>;
  referrers(repository: string, digest: Digest): Promise<readonly Descriptor[]>;
}

/** Whether the product asks anybody who he is. */
export function hasAccounts(profile: ProfileName): boolean {
  return profileOf(profile).habits.challenge?.scheme !== "none";
}

/** Starts a site. With an account nobody else may do anything. */
export async function profileSite(
  profile: ProfileName,
  { account }: { account: boolean },
): Promise<ProfileSite> {
  const isPrivate = account && hasAccounts(profile);
  const registry = await TestRegistry.start({ profile, ...(isPrivate && { access: ACCOUNT }) });
  const image = await buildImage(registry, APP, { tag: "v1", layers: [2_000, 3_000] });
  const images = await Promise.all(
    PLATFORMS.map((platform, at) => buildImage(registry, APP, { layers: [4_000 + at], platform })),
  );
  const index = buildIndex(registry, APP, { tag: "multi", images });
  const credentials = async () => (account ? ACCOUNT : undefined);
  const engine = await openEngine({ credentials, backoff: NO_WAIT });
  const transport = createTransport();
  async function client(path: string) {
    const [endpoint] = await lookupEndpoints({ domain: registry.host, path }, { plainHttp: true }, "push");
    if (!endpoint) throw new TypeError("the registry has no endpoint");
    const send = endpointSend({ endpoint, credentials, send: transport.send });
    return { endpoint, send, repository: path };
  }
  return {
    registry,
    engine,
    image,
    index,
    named: (repository) => `${registry.host}/${repository}`,
    async tags() {
      const tags: string[] = [];
      for await (const tag of createRegistryClient(await client(APP)).listTags()) tags.push(tag);
      return tags;
    },
    async referrers(repository, digest) {
      return await createPushClient(await client(repository)).referrers(digest);
    },
    async [Symbol.asyncDispose]() {
      await registry.close();
      await engine[Symbol.asyncDispose]();
      await transport.close();
    },
  };
}
