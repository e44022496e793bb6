import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** The registries of the bench, each `host:port`. */
export interface Hosts {
  readonly healthy: string;
  /** Cannot give one layer. */
  readonly broken: string;
  /** Answers 429 and asks to be left alone for 30 s. */
  readonly busy: string;
  /** Stops in the middle of every blob. */
  readonly stuck: string;
  /** Wants a token. */
  readonly guarded: string;
}

/** What registries were asked. */
export interface Asked {
  /** Requests by method and path. */
  readonly asked: Readonly<Record<string, number>>;
  /** Most connections at the same time, over all registries. */
  readonly mostSockets: number;
}

/** Registries in a process of their own. */
export interface Registries extends AsyncDisposable {
  readonly hosts: Hosts;
  /** What was asked since the last time. */
  asked(): Promise<Asked>;
}

const CHILD = new URL("registry-child.ts", import.meta.url).pathname;

/** Starts the registries; the caller disposes of them. */
export async function startRegistries(): Promise<Registries> {
  const child = spawn(process.execPath, ["--no-warnings", CHILD], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error("The registries have ended");
    return value;
  };
  const hosts = JSON.parse(await next()) as Hosts;
  return {
    hosts,
    async asked() {
      child.stdin.write("\n");
      return JSON.parse(await next()) as Asked;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
    },
  };
}
