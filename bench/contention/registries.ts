import { startChild } from "../support/child.ts";
import type { Asked } from "../support/image-server.ts";

/** The registries of the bench, each `host:port`. */
export interface Hosts {
  readonly healthy: string;
  /** Cannot give one layer. */
  readonly broken: string;
  /** Answers 429 and asks to be left alone for 30 s. */
  readonly busy: string;
  /** Stops in the middle of every blob. */
  readonly stuck: string;
}

/** Registries in a process of their own. */
export interface Registries extends AsyncDisposable {
  readonly hosts: Hosts;
  /** What was asked since the last time. */
  asked(): Promise<Asked>;
}

/** Starts the registries; the caller disposes of them. */
export async function startRegistries(): Promise<Registries> {
  const child = startChild("contention/registry-child.ts");
  const hosts = JSON.parse(await child.line()) as Hosts;
  return {
    hosts,
    asked: async () => JSON.parse(await child.ask()) as Asked,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
