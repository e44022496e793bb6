import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Cost } from "../push/measure.ts";

/** The process that embeds us. */
const ENGINE = join(import.meta.dirname, "engine.ts");

/** What a pull by an engine cost. */
export interface EngineCost extends Cost {
  /** Most memory that the process ever had, in MiB. */
  readonly peakMib: number;
  /** How late the event loop was during the pull: 99 of 100 turns at most so many milliseconds, and the latest one. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
}

/** A process that runs already, and may pull more than once. */
export class RunningEngine implements AsyncDisposable {
  readonly #child = spawn(process.execPath, [ENGINE], { stdio: ["pipe", "pipe", "inherit"] });
  readonly #lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  readonly #ready = this.#lines.next();

  /** Pulls and unpacks into a new root. */
  async pull(root: string, reference: string): Promise<EngineCost> {
    await this.#ready;
    this.#child.stdin.write(`${JSON.stringify({ root, reference })}\n`);
    const { value } = (await this.#lines.next()) as { value: string };
    return JSON.parse(value) as EngineCost;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await once(this.#child, "exit");
  }
}
