import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { requirePart } from "./parts.ts";
import { type PartOutcome, partOutcome, type RunOptions, runPart } from "./run-part.ts";

/** Docker's command line, at one address, with a configuration of its own. */
export interface DockerCli extends AsyncDisposable {
  /** The environment in which it finds both. */
  readonly env: Readonly<Record<string, string>>;
  /** What it prints on stdout. Throws when its exit status is not 0. */
  run(args: readonly string[], options?: RunOptions): Promise<string>;
  /** How it ends, whatever that is. */
  outcome(args: readonly string[], options?: RunOptions): Promise<PartOutcome>;
  /** What it prints on a terminal of so many columns, and how it ends there. */
  onTerminal(args: readonly string[], options: TerminalOptions): Promise<PartOutcome>;
}

/** A terminal. */
export interface TerminalOptions {
  readonly columns: number;
  /** Called with all that was printed so far; when it returns true, Ctrl-C is pressed, once. */
  readonly interruptWhen?: ((printed: string) => boolean) | undefined;
}

/** The command line for `unix:///PATH`; the caller disposes of it. */
export async function openDockerCli(address: string): Promise<DockerCli> {
  const folder = await mkdtemp(join(tmpdir(), "drayage-docker-"));
  const env = { DOCKER_HOST: address, DOCKER_CONFIG: folder };
  return {
    env,
    run: async (args, options) => (await runPart("docker", args, { ...options, env })).stdout,
    outcome: (args, options) => partOutcome("docker", args, { ...options, env }),
    async onTerminal(args, { columns, interruptWhen }) {
      const docker = [requirePart("docker").path, ...args].join(" ");
      const child = spawn("script", ["-qefc", `stty cols ${columns} rows 24; exec ${docker}`, "/dev/null"], {
        env: { ...process.env, ...env },
        stdio: ["pipe", "pipe", "inherit"],
      });
      let printed = "";
      let isPressed = false;
      child.stdout.on("data", (chunk: Buffer) => {
        printed += chunk.toString();
        if (isPressed || !interruptWhen?.(printed)) return;
        isPressed = true;
        child.stdin.write("\u0003");
      });
      const [stdout, [status]] = await Promise.all([text(child.stdout), once(child, "exit")]);
      return { status: status as number | null, stdout, stderr: "" };
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}
