import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../../../src/digest/digest.ts";
import { type DistributionOptions, openDistribution } from "../../../src/index.ts";
import {
  type Credentials,
  createPushClient,
  createRegistryClient,
  createTransport,
  type Endpoint,
  endpointSend,
} from "../../../src/registry.ts";
import {
  type Answer,
  LAYER,
  loginOf,
  manifest,
  type Received,
  type Scene,
  type SceneRules,
  type SecretName,
  type ServerName,
} from "./secret-scene.ts";

/** One case: what is done, and which servers have seen which secrets in the end. All others have seen none. */
export interface Row {
  readonly rules?: SceneRules;
  /** What is known for each server; by default a password of its own. */
  readonly vault?: Partial<Record<ServerName, Credentials>>;
  readonly does?: (visit: Visit) => Promise<unknown>;
  readonly endpoint?: (scene: Scene) => Partial<Endpoint>;
  readonly connection?: (scene: Scene) => DistributionOptions["connection"];
  readonly sees: Readonly<Record<string, readonly SecretName[]>>;
}

interface Visit {
  readonly scene: Scene;
  readonly row: Row;
}

const EVERY_LOGIN = {
  registry: loginOf("registry"),
  tokens: loginOf("tokens"),
  other: loginOf("other"),
  mirror: loginOf("mirror"),
};
const REPOSITORY = "team/app";
export const HEADERS = { "x-key": "header-s3cret" };

function credentialsOf({ scene, row: { vault = EVERY_LOGIN } }: Visit) {
  return async (host: string) => {
    const name = (Object.keys(scene.hosts) as ServerName[]).find((each) => scene.hosts[each] === host);
    return name && vault[name];
  };
}

/** Works at the registry through the clients of one endpoint. */
async function atEndpoint(
  visit: Visit,
  work: (options: Parameters<typeof createPushClient>[0]) => Promise<unknown>,
) {
  const { scene, row } = visit;
  const transport = createTransport(row.connection?.(scene));
  const endpoint: Endpoint = {
    baseUrl: `${scene.origins.registry}/v2`,
    mirror: false,
    capabilities: ["pull", "resolve", "push", "referrers"],
    credentialHost: scene.hosts.registry,
    ...row.endpoint?.(scene),
  };
  const send = endpointSend({ endpoint, credentials: credentialsOf(visit), send: transport.send });
  try {
    await work({ endpoint, repository: REPOSITORY, send });
  } finally {
    await transport.close();
  }
}

export const pull = (visit: Visit) =>
  atEndpoint(visit, async (options) => {
    const client = createRegistryClient(options);
    await client.headManifest("v1");
    await client.getManifest("v1");
    const { body } = await client.openBlob(digestOf(LAYER));
    await body.pipeTo(() => {});
  });

export const push = (visit: Visit) =>
  atEndpoint(visit, async (options) => {
    const client = createPushClient(options);
    const bytes = Buffer.from(LAYER);
    const read = async function* (offset: number) {
      yield bytes.subarray(offset);
    };
    await client.uploadBlob({ digest: digestOf(LAYER), size: bytes.length, read });
    const { body = "", headers } = manifest();
    const mediaType = String(headers?.["content-type"]);
    await client.putManifest("v1", {
      mediaType,
      bytes: Buffer.from(body),
      digest: digestOf(body),
      size: body.length,
    } as never);
  });

export const listTags = (visit: Visit) =>
  atEndpoint(visit, async (options) => {
    for await (const _ of createRegistryClient(options).listTags());
  });

export const listReferrers = (visit: Visit) =>
  atEndpoint(visit, (options) => createPushClient(options).referrers(digestOf(LAYER)));

/** Pulls through an engine, from the mirror first. */
export function enginePull(options: (scene: Scene) => Partial<DistributionOptions>, auth?: Credentials) {
  return async (visit: Visit) => {
    const { scene } = visit;
    const root = await mkdtemp(join(tmpdir(), "drayage-secrets-"));
    const credentials = credentialsOf(visit);
    try {
      await using engine = await openDistribution({
        root,
        credentials,
        registry: { plainHttp: true },
        ...options(scene),
      });
      const metaHeaders = { "X-Meta-Who": "meta-s3cret" };
      await engine.pull(`${scene.hosts.registry}/team/app:v1`, { auth, metaHeaders });
    } finally {
      await rm(root, { recursive: true });
    }
  };
}

export const throughMirror = enginePull(({ hosts, origins }) => ({
  registry: { plainHttp: true, mirrors: { [hosts.registry]: [origins.mirror] } },
}));

export const basic = () => 'Basic realm="r"';
export const bearerAt = (realm: (scene: Scene) => string) => (scene: Scene) =>
  `Bearer realm="${realm(scene)}",service="s"`;
export const elsewhere = bearerAt(({ origins }) => `${origins.tokens}/token`);
export const own = bearerAt(({ origins }) => `${origins.registry}/token`);
export const atOwn = ({ path }: Received): Answer | undefined =>
  path.startsWith("/token") ? { status: 200, body: '{"token":"access-t0ken"}' } : undefined;

/** Answers requests of `method` whose path has `part` in it, once it knows who asks. */
export function on(method: string, part: string, answer: (scene: Scene) => Answer) {
  return (request: Received, scene: Scene): Answer | undefined =>
    request.authorization !== undefined && request.path.includes(part) && request.method === method
      ? answer(scene)
      : undefined;
}

export function redirect(
  method: string,
  part: string,
  { to, status = 307 }: { readonly to: (scene: Scene) => string; readonly status?: number },
) {
  return on(method, part, (scene) => ({ status, headers: { location: to(scene) } }));
}

export const toOther = ({ origins }: Scene) => `${origins.other}/v2/team/app/blobs/stored`;
export const back = ({ origins }: Scene) => `${origins.registry}/back`;
export const asks = (challenge: string) => (): Answer => ({
  status: 401,
  headers: { "www-authenticate": challenge },
});
export const PASSWORD: Row["sees"] = { registry: ["registry"] };
export const TOKEN: Row["sees"] = { registry: ["access"], tokens: ["registry"] };
export const NOBODY: Row["sees"] = {};
