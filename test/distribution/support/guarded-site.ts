import { basename } from "node:path";
import { buffer } from "node:stream/consumers";
import { type BuiltImage, buildImage, type FaultMatch, TestRegistry } from "../../../src/testing.ts";
import { type ScriptedAnswer, type Tapped, tap, tappedServer } from "./servers.ts";

/** Everything that must not be seen where it does not belong. */
export const SECRETS = {
  username: "the-user",
  password: "p4ssw0rd-of-the-registry",
  identityToken: "identity-t0ken",
  registryToken: "registry-t0ken",
  accessToken: "access-t0ken",
  signature: "s1gnature-of-the-url",
} as const;

/** `user:password` as Basic authorization has it. */
export const BASIC: string = Buffer.from(`${SECRETS.username}:${SECRETS.password}`).toString("base64");

/** The secrets, in every form in which they travel; the name of the user is none. */
export const SECRET_STRINGS: readonly string[] = [
  SECRETS.password,
  BASIC,
  SECRETS.identityToken,
  SECRETS.registryToken,
  SECRETS.accessToken,
  SECRETS.signature,
];

/** How a site differs from one where all goes well. */
export interface SiteOptions {
  /** What the token server answers. */
  readonly token?: ScriptedAnswer | undefined;
  /** What the storage answers; default the blob. */
  readonly storage?: ScriptedAnswer | undefined;
  /** What the registry has in its storage; default the blobs. */
  readonly redirected?: FaultMatch | undefined;
}

/** A registry with a token server and a storage, each of its own origin, and a mirror; all are tapped. */
export interface GuardedSite extends AsyncDisposable {
  readonly image: BuiltImage;
  readonly registry: Tapped;
  readonly tokenServer: Tapped;
  readonly storage: Tapped;
  readonly mirror: Tapped;
  /** The registry behind the tap. */
  readonly behind: TestRegistry;
}

const REPOSITORY = "team/app";

/**
 * Starts a site with the image `team/app:v1`. The registry wants any bearer token, and sends to the storage for blobs; the
 * mirror has the image, for those who know its own password.
 */
export async function guardedSite({
  token,
  storage: answer,
  redirected = { kind: "blob" },
}: SiteOptions = {}): Promise<GuardedSite> {
  const behind = await TestRegistry.start();
  const image = await buildImage(behind, REPOSITORY, { tag: "v1", layers: [20_000] });
  const manifest = behind.manifest(REPOSITORY, "v1")?.bytes ?? new Uint8Array();
  const contents = new Map<string, Uint8Array>([
    [image.descriptor.digest, manifest],
    ["v1", manifest],
  ]);
  for (const { digest } of [image.config, ...image.layers.map((layer) => layer.descriptor)]) {
    contents.set(digest, await buffer(behind.readBlob(REPOSITORY, digest)));
  }
  const storage = await tappedServer(
    ({ pathname }) =>
      answer ?? {
        status: 200,
        headers: { "content-type": image.descriptor.mediaType },
        body: contents.get(basename(pathname)) ?? "",
      },
  );
  const granted = { status: 200, body: JSON.stringify({ token: SECRETS.accessToken, expires_in: 300 }) };
  const tokenServer = await tappedServer(() => token ?? granted);
  const registry = await tap(behind.host);
  const challenge = `Bearer realm="${tokenServer.url}/token",service="site"`;
  const always = { times: Number.POSITIVE_INFINITY };
  behind.fault(
    { ...always, when: ({ authorization }) => authorization === undefined },
    { status: 401, headers: { "www-authenticate": challenge } },
  );
  behind.fault(
    { ...always, ...redirected },
    { redirect: ({ path }) => `${storage.url}${path}?X-Amz-Signature=${SECRETS.signature}` },
  );
  const guarded = await TestRegistry.start({
    auth: { basic: { username: "mirror", password: "of the mirror" } },
  });
  await buildImage(guarded, REPOSITORY, { tag: "v1", layers: [20_000] });
  const mirror = await tap(guarded.host);
  return {
    image,
    registry,
    tokenServer,
    storage,
    mirror,
    behind,
    async [Symbol.asyncDispose]() {
      for (const each of [registry, mirror, tokenServer, storage, behind, guarded]) {
        await each[Symbol.asyncDispose]();
      }
    },
  };
}
