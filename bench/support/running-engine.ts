import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A process that runs already and embeds us. It says when it is ready, and answers each line with one of JSON. */
export class RunningEngine<Answer> implements AsyncDisposable {
  readonly #child;
  readonly #lines;
  readonly #ready;

  /**
   * @param program the file that it runs, and what it is told
   * @param env its environment; default ours
   */
  constructor(program: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.#child = spawn(process.execPath, program, { env, stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
    this.#ready = this.#lines.next();
  }

  /** Asks one thing. Throws when it has ended without an answer. */
  async ask(question: unknown): Promise<Answer> {
    await this.#ready;
    this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value } = await this.#lines.next();
    if (value === undefined) throw new Error("Cannot measure an engine: it ended without an answer");
    return JSON.parse(value) as Answer;
  }

  /** Lets it end, and waits for that. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await once(this.#child, "exit");
  }
}
