import { accessSync, constants } from "node:fs";
import { InvalidArgumentError } from "commander";
import type { Docker } from "../docker-api.ts";
import type { PlaceCliOptions } from "./place.ts";

/** Where docker listens unless `DOCKER_HOST` says otherwise. */
const DOCKER_ADDRESS = "unix:///var/run/docker.sock";

/** Where containerd listens. */
const CONTAINERD_ADDRESS = "unix:///run/containerd/containerd.sock";

/** The engine that an image is to go to. */
export interface Into {
  /** A containerd, which then stands for the data root; empty where there is none. */
  readonly place: PlaceCliOptions;
  /** A docker that keeps images itself, or in a containerd that cannot be reached. */
  readonly docker: Docker | undefined;
}

/** Which engine a text means. */
type Wanted =
  | { readonly kind: "docker"; readonly address: string }
  | { readonly kind: "containerd"; readonly place: PlaceCliOptions };

/** `docker://[/PATH]` or `containerd://[/PATH][?namespace=NAME&snapshotter=NAME]`. Throws for anything else. */
export function parseInto(text: string): Wanted {
  const [, kind, path, query = ""] = /^(docker|containerd):\/\/(\/[^?]*)?(?:\?(.*))?$/.exec(text) ?? [];
  if (kind === "docker" && query === "") {
    const { DOCKER_HOST = "" } = process.env;
    return { kind, address: path ? `unix://${path}` : DOCKER_HOST || DOCKER_ADDRESS };
  }
  const parameters = new URLSearchParams(query);
  const isKnown = [...parameters.keys()].every((name) => ["namespace", "snapshotter"].includes(name));
  if (kind !== "containerd" || !isKnown) {
    throw new InvalidArgumentError(
      "wanted docker://[/PATH] or containerd://[/PATH][?namespace=NAME&snapshotter=NAME]",
    );
  }
  const [namespace, snapshotter] = [parameters.get("namespace"), parameters.get("snapshotter")];
  const place = {
    containerd: path ? `unix://${path}` : CONTAINERD_ADDRESS,
    ...(namespace !== null && { namespace }),
    ...(snapshotter !== null && { snapshotter }),
  };
  return { kind, place };
}

/** Finds out how images get into the engine that `--into` names. Throws as `openDocker` does. */
export async function openInto(text: string | undefined, signal: AbortSignal): Promise<Into | undefined> {
  if (text === undefined) return undefined;
  const wanted = parseInto(text);
  if (wanted.kind === "containerd") return { place: wanted.place, docker: undefined };
  const { openDocker } = await import("../docker-api.ts");
  const docker = await openDocker({ address: wanted.address, signal });
  const { containerd } = docker;
  if (!containerd || !isReachable(containerd.address)) return { place: {}, docker };
  const { address, namespace, snapshotter } = containerd;
  return { place: { containerd: address, namespace, snapshotter }, docker: undefined };
}

/** Docker's containerd need not be of this machine, or open to whoever may use docker. */
function isReachable(address: string): boolean {
  try {
    accessSync(address.replace(/^unix:\/\//, ""), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
