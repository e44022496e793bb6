import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { type ProxyStore, proxyStore } from "../../src/content-grpc.ts";
import { isUnavailable } from "../../src/errors.ts";

/** The namespace that everything happens in. */
export const NAMESPACE = "bench";

const MAIN = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");

/** How long a service may take to answer first, in milliseconds, and how often it is asked. */
const START_LIMIT_MS = 30_000;
const START_POLL_MS = 100;

/** Plugins that have nothing to do with content, by their names in containerd 1 and 2. */
const DISABLED = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.cri.v1.images",
  "io.containerd.cri.v1.runtime",
  "io.containerd.nri.v1.nri",
];

/** A content service in a process of its own. */
export interface Service extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** Path of the socket. */
  readonly socket: string;
  readonly store: ProxyStore;
}

/** Whether both `containerd` and `ctr` are on the PATH and run. */
export async function hasContainerd(): Promise<boolean> {
  const run = promisify(execFile);
  const asked = ["ctr", "containerd"].map((program) => run(program, ["--version"]));
  return (await Promise.allSettled(asked)).every(({ status }) => status === "fulfilled");
}

/** Starts `drayage serve`. Everything lies below `directory`. */
export async function startDrayage(name: string, directory: string): Promise<Service> {
  const socket = join(directory, "drayage.sock");
  const command = [MAIN, "serve", "--root", join(directory, "drayage"), "--address", `unix://${socket}`];
  return await start(name, { command: [process.execPath, ...command], directory, socket });
}

/** Starts a containerd of its own. Everything lies below `directory`. */
export async function startContainerd(name: string, directory: string): Promise<Service> {
  const socket = join(directory, "containerd.sock");
  const config = join(directory, "containerd.toml");
  await mkdir(join(directory, "containerd"));
  await writeFile(
    config,
    [
      "version = 2",
      `root = "${join(directory, "containerd", "root")}"`,
      `state = "${join(directory, "containerd", "state")}"`,
      `disabled_plugins = ${JSON.stringify(DISABLED)}`,
      `[grpc]\naddress = "${socket}"`,
      `[ttrpc]\naddress = "${socket}.ttrpc"`,
    ].join("\n"),
  );
  return await start(name, { command: ["containerd", "--config", config], directory, socket });
}

interface StartOptions {
  readonly command: readonly string[];
  readonly directory: string;
  readonly socket: string;
}

async function start(name: string, { command, directory, socket }: StartOptions): Promise<Service> {
  const log = join(directory, `${name}.log`);
  const output = openSync(log, "w");
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", output, output] });
  const store = proxyStore({ address: `unix://${socket}`, namespace: NAMESPACE });
  const stop = async (): Promise<void> => {
    await store.close();
    await end(child);
  };
  try {
    await once(child, "spawn");
    await untilReady(store, child);
  } catch (cause) {
    await stop();
    throw new Error(`${name} does not start:\n${await readFile(log, "utf8")}`, { cause });
  }
  return { name, pid: child.pid ?? 0, socket, store, [Symbol.asyncDispose]: stop };
}

async function untilReady(store: ProxyStore, child: ChildProcess): Promise<void> {
  const limit = AbortSignal.timeout(START_LIMIT_MS);
  for (;;) {
    try {
      await store.listStatuses({ signal: limit });
      return;
    } catch (error) {
      if (!isUnavailable(error) || child.exitCode !== null) throw error;
    }
    await pause(START_POLL_MS, undefined, { signal: limit });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}
