import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { requirePart } from "./parts.ts";

/** Whether a dockerd can run here: it needs root, and cgroups for its containers. */
export const canRunDockerd =
  process.getuid?.() === 0 && / - cgroup2? /.test(readFileSync("/proc/self/mountinfo", "utf8"));

/** A real dockerd that keeps its images itself, as directories, and connects nothing to a network. */
export interface Dockerd extends AsyncDisposable {
  /** Its socket. */
  readonly socket: string;
}

/** Starts `dockerd`, which starts a containerd of its own, and waits until it answers. It keeps everything in `folder`. */
export async function startDockerd(folder: string): Promise<Dockerd> {
  const { path, env } = requirePart("dockerd");
  await mkdir(folder, { recursive: true });
  const [socket, config] = [join(folder, "docker.sock"), join(folder, "daemon.json")];
  await writeFile(config, "{}");
  const places = { "data-root": "data", "exec-root": "exec", pidfile: "pid" };
  const words = Object.entries(places).map(([name, place]) => `--${name}=${join(folder, place)}`);
  const without = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"];
  const how = ["--storage-driver=vfs", `--config-file=${config}`, `--host=unix://${socket}`];
  const { PATH = "" } = process.env;
  const beside = [dirname(path), join(dirname(path), "..", "bin"), PATH].join(delimiter);
  const child = spawn(path, [...words, ...without, ...how], {
    env: { ...process.env, ...env, PATH: beside },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const exited = once(child, "exit");
  await new Promise<void>((resolve, reject) => {
    const seen: string[] = [];
    createInterface(child.stderr).on("line", (line) => {
      if (line.includes("API listen on")) resolve();
      else if (!/level=(?:info|debug|warning)/.test(line)) seen.push(line);
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`Cannot start dockerd: it ended with ${seen.join("\n")}`)));
  });
  return {
    socket,
    async [Symbol.asyncDispose]() {
      process.off("exit", kill);
      child.kill("SIGTERM");
      await exited;
    },
  };
}
