import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { DistributionOptions } from "drayage";
import type { CommandCost } from "./measure.ts";

const ENGINE = join(import.meta.dirname, "engine.ts");

/** An image that goes from one registry to another. */
export interface EngineCopy {
  readonly reference: string;
  readonly copyTo: string;
}

/** What an engine is asked to do. Everything in it passes as JSON. */
export interface EngineJob {
  readonly options: DistributionOptions;
  /** Images that it pulls before it is measured, so that all that it uses has started. */
  readonly before?: readonly string[];
  /** What it copies before it is measured, for the same reason. */
  readonly copiedBefore?: readonly EngineCopy[];
  /** What is pulled; or pushed, under the name `pushTo`; or copied to another registry, as `copyTo`. */
  readonly reference: string;
  readonly pushTo?: string;
  readonly copyTo?: string;
}

/** What it cost. The peak is that of the whole life of the process. */
export interface EngineCost extends CommandCost {
  /** How late the event loop was meanwhile: 99 of 100 turns at most so much, and the latest one. */
  readonly loopP99Seconds: number;
  readonly loopMaxSeconds: number;
}

/** A process that runs already and embeds us. */
export class RunningEngine implements AsyncDisposable {
  readonly #child;
  readonly #lines;
  readonly #ready;

  /** @param env its environment; default ours */
  constructor(env: NodeJS.ProcessEnv = process.env) {
    this.#child = spawn(process.execPath, ["--no-warnings", ENGINE], {
      env,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
    this.#ready = this.#lines.next();
  }

  /** Has it do one thing. Throws when it ends without an answer. */
  async ask(job: EngineJob): Promise<EngineCost> {
    await this.#ready;
    this.#child.stdin.write(`${JSON.stringify(job)}\n`);
    const { value } = await this.#lines.next();
    if (value === undefined) throw new Error("Cannot measure an engine: it ended without an answer");
    return JSON.parse(value) as EngineCost;
  }

  /** Ends it as a power cut does, and waits for that; what it was asked has no answer. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  /** Lets it end, and waits for that. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.stdin.end();
    await once(this.#child, "exit");
  }
}
