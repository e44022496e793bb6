import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { requirePart } from "./parts.ts";
import { type RunOptions, runPart } from "./run-part.ts";

/** Whether a containerd can run here: it needs root. */
export const canRunContainerd = process.getuid?.() === 0;

/** How a containerd is started. */
export interface ContainerdOptions {
  /** Where it keeps everything; stays after `stop`. */
  readonly folder: string;
  /** Socket of the content service that it uses instead of its own. */
  readonly contentSocket?: string | undefined;
  /** Whether it collects garbage by itself, that is content which no image, lease or label holds; default true. */
  readonly collectsGarbage?: boolean | undefined;
  /** Whether it fetches a layer in ranges, which it does from 2.1 on where it is told to; default false. */
  readonly ranges?: { readonly atOnce: number; readonly bytes: number } | undefined;
}

/** Which containerd it is: what its content service does differs a little. */
export interface ContainerdVersion {
  readonly major: number;
  readonly minor: number;
}

/** A real containerd with nothing but content, images and the native snapshotter. */
export interface Containerd extends AsyncDisposable {
  readonly version: ContainerdVersion;
  /** Its socket. */
  readonly socket: string;
  /** Ends it as a service manager does and waits until it is gone. Stopping twice is fine. */
  stop(): Promise<void>;
  /** Ends it as a power cut does. */
  kill(): Promise<void>;
}

/** Starts `containerd` and waits until it answers. */
export async function startContainerd(options: ContainerdOptions): Promise<Containerd> {
  const { folder } = options;
  const part = requirePart("containerd");
  const version = await askVersion();
  await mkdir(folder, { recursive: true });
  const config = join(folder, "config.toml");
  await writeFile(config, configuration(options));
  const child = spawn(part.path, ["--config", config], {
    env: { ...process.env, ...part.env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const exited = once(child, "exit");
  const booted = new Promise<void>((resolve, reject) => {
    const seen: string[] = [];
    createInterface(child.stderr).on("line", (line) => {
      if (line.includes("containerd successfully booted")) resolve();
      else if (/level=(?:error|fatal)|^containerd:/.test(line)) seen.push(line);
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`Cannot start containerd: it ended with ${seen.join("\n")}`)));
  });
  await booted;
  async function end(signal: NodeJS.Signals): Promise<void> {
    process.off("exit", kill);
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await exited;
  }
  const stop = (): Promise<void> => end("SIGTERM");
  return {
    version,
    socket: join(folder, "containerd.sock"),
    stop,
    kill: () => end("SIGKILL"),
    [Symbol.asyncDispose]: stop,
  };
}

/** Such as `containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3`. */
async function askVersion(): Promise<ContainerdVersion> {
  const { stdout } = await runPart("containerd", ["--version"]);
  const [, major, minor] = / v?(\d+)\.(\d+)\./.exec(stdout) ?? [];
  if (major === undefined || minor === undefined)
    throw new Error(`Cannot tell containerd's version: ${stdout}`);
  return { major: Number(major), minor: Number(minor) };
}

/** Runs `ctr` on a socket, in the namespace `default`. */
export async function ctr(socket: string, args: readonly string[], options?: RunOptions): Promise<string> {
  return (await runPart("ctr", ["--address", socket, ...args], options)).stdout;
}

function configuration({ folder, contentSocket, collectsGarbage = true, ranges }: ContainerdOptions): string {
  const unwanted = [
    "io.containerd.grpc.v1.cri",
    "io.containerd.internal.v1.opt",
    ...["aufs", "btrfs", "devmapper", "zfs"].map((name) => `io.containerd.snapshotter.v1.${name}`),
    ...(contentSocket === undefined ? [] : ["io.containerd.content.v1.content"]),
  ];
  const plugin = [
    "[proxy_plugins.drayage]",
    'type = "content"',
    `address = ${JSON.stringify(contentSocket)}`,
  ];
  const neverCollect = [
    '[plugins."io.containerd.gc.v1.scheduler"]',
    'startup_delay = "0s"',
    "mutation_threshold = 0",
    "deletion_threshold = 1_000_000_000", // 0 would collect after every deletion
  ];
  const inRanges = [
    '[plugins."io.containerd.transfer.v1.local"]',
    `concurrent_layer_fetch_buffer = ${ranges?.bytes}`,
    `max_concurrent_downloads = ${ranges?.atOnce}`,
  ];
  // From 2.0 on the daemon pulls by itself, and unpacks only for what is configured: by default for overlayfs, which may be absent.
  const unpack = [
    '[[plugins."io.containerd.transfer.v1.local".unpack_config]]',
    `platform = "linux/${process.arch === "x64" ? "amd64" : process.arch}"`,
    'snapshotter = "native"',
  ];
  return [
    "version = 2",
    `root = ${JSON.stringify(join(folder, "root"))}`,
    `state = ${JSON.stringify(join(folder, "state"))}`,
    `disabled_plugins = ${JSON.stringify(unwanted)}`,
    "[grpc]",
    `address = ${JSON.stringify(join(folder, "containerd.sock"))}`,
    "[ttrpc]",
    `address = ${JSON.stringify(join(folder, "containerd.sock.ttrpc"))}`,
    ...(contentSocket === undefined ? [] : plugin),
    ...(collectsGarbage ? [] : neverCollect),
    ...(ranges ? inRanges : []),
    ...unpack,
    "",
  ].join("\n");
}
