import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requirePart } from "./parts.ts";

/** What a command in a root file system may see: no more than it needs to run. */
const MOUNTS = [
  { destination: "/proc", type: "proc", source: "proc" },
  { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=64k"] },
];

/** How a container is run. */
export interface RunInRootfs {
  /** An empty directory that whoever runs it may write to. */
  readonly bundle: string;
  readonly rootfs: string;
  readonly args: readonly string[];
  /** What stands in front of the command: who runs it. */
  readonly identity: readonly string[];
  /** A command of the shell that is run before, in the same mount namespace. */
  readonly before?: string | undefined;
}

/**
 * Runs a command in a root file system by crun, and gives what it prints. It is run where no cgroup can be seen: crun refuses those of
 * some machines, and needs none.
 */
export function runInRootfs({ bundle, rootfs, args, identity, before = "true" }: RunInRootfs): string {
  mkdirSync(join(bundle, "run"));
  chmodSync(join(bundle, "run"), 0o777);
  const namespaces = ["pid", "ipc", "uts", "mount"].map((type) => ({ type }));
  const process_ = {
    user: { uid: 0, gid: 0 },
    cwd: "/",
    args,
    env: ["PATH=/usr/bin:/bin"],
    noNewPrivileges: true,
  };
  const spec = {
    ociVersion: "1.0.2",
    process: process_,
    root: { path: rootfs, readonly: true },
    hostname: "test",
    mounts: MOUNTS,
    linux: { namespaces },
  };
  writeFileSync(join(bundle, "config.json"), JSON.stringify(spec));
  const { path, env } = requirePart("crun");
  const crun = `${path} --root ${bundle}/run --cgroup-manager=disabled run --bundle ${bundle} test`;
  const inside = [...identity, "sh", "-c", `{ ${before}; } && exec ${crun}`];
  const command = inside.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const outside = `mount -t tmpfs none /sys/fs/cgroup && exec ${command}`;
  return execFileSync("unshare", ["-m", "sh", "-c", outside], {
    encoding: "utf8",
    env: { ...process.env, ...env, XDG_RUNTIME_DIR: bundle },
    stdio: ["ignore", "pipe", "pipe"],
  });
}
