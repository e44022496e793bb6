import type { AbortOptions } from "../../async/abort.ts";
import type { Distribution } from "../../distribution/api/distribution.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import { isJsonObject, ownField } from "../../oci/json-object.ts";
import { checkOptions } from "../../options/check-options.ts";
import { type RulesOf, required } from "../../options/rule.ts";
import { aSignal, aString } from "../../options/rules.ts";
import { DockerClient, objectIn, textIn } from "./docker-client.ts";
import { type DockerPull, type DockerPullOptions, pullIntoDocker } from "./pull-into-docker.ts";

/** Which docker. */
export interface DockerOptions extends AbortOptions {
  /**
   * `unix:///PATH` or `tcp://HOST:PORT`: what `DOCKER_HOST` holds.
   * @example address: "unix:///var/run/docker.sock"
   */
  readonly address: string;
}

const OPTIONS: RulesOf<DockerOptions> = { address: required(aString), signal: aSignal };

/** Where a docker keeps its images when it keeps them in a containerd: what `openContainerd` takes. */
export interface DockersContainerd {
  readonly address: string;
  readonly namespace: string;
  readonly snapshotter: string;
}

/** A running docker as a place to pull to. It holds no connection. */
export interface Docker {
  /** The containerd in which it keeps images; `undefined` where it keeps them itself. */
  readonly containerd: DockersContainerd | undefined;
  /**
   * Has docker load an image, of which only the layers move that docker has not: from the registry through this process, verified,
   * and nothing is kept here. Throws as `Distribution.plan` and `openBlob` do, `ErrUnavailable` when docker cannot be reached, and
   * the class of the status that it refuses with.
   */
  pull(distribution: Distribution, reference: string, options?: DockerPullOptions): Promise<DockerPull>;
}

/** Asks a running docker how it keeps images. Throws `ErrInvalidArgument` for options that cannot be, and `ErrUnavailable`. */
export async function openDocker(options: DockerOptions): Promise<Docker> {
  checkOptions("open docker", options, OPTIONS);
  const client = new DockerClient(options.address);
  const info = await client.get("/info", { signal: options.signal });
  if (info === undefined)
    throw new ErrNotFound(`ask docker at ${options.address}: it tells nothing of itself`);
  return {
    containerd: containerdOf(info),
    pull: (distribution, reference, wanted = {}) =>
      pullIntoDocker(client, { distribution, reference }, wanted),
  };
}

/** A docker with an image store of containerd's names its snapshotter's kind; others have a containerd for containers only. */
function containerdOf(info: unknown): DockersContainerd | undefined {
  const containerd = objectIn(info, "Containerd");
  const address = textIn(containerd, "Address");
  const snapshotter = textIn(info, "Driver");
  const status: unknown = isJsonObject(info) ? ownField(info, "DriverStatus") : undefined;
  const isStore = JSON.stringify(status ?? null).includes("io.containerd.snapshotter.v1");
  if (!isStore || address === undefined || snapshotter === undefined) return undefined;
  const namespace = textIn(objectIn(containerd, "Namespaces"), "Containers") ?? "moby";
  return { address: address.startsWith("/") ? `unix://${address}` : address, namespace, snapshotter };
}
