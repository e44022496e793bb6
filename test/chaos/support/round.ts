import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Distribution, openDistribution, type ProgressSink } from "../../../src/index.ts";
import { assertComplete, HostileRegistry, SECRETS } from "./hostile-registry.ts";
import { errorViolations, leftoverViolations, lineViolations, rootViolations } from "./invariants.ts";
import { type Seeded, seeded } from "./seeded.ts";
import { buildWorld, contentOf, type World } from "./world.ts";

/** Operations of one round. */
const OPERATIONS = 80;

/** Longest time that an operation may take in a world in which nobody stays silent for more than a moment, in milliseconds. */
const SETTLE_MS = 60_000;

/** An answer that is silent for so long is dead, in milliseconds: short, because silence is one of the faults. */
const IDLE_MS = 250;

/** What one round did, and what was wrong. */
export interface RoundReport {
  readonly faults: ReadonlyMap<string, number>;
  readonly succeeded: number;
  readonly failed: number;
  readonly violations: readonly string[];
}

/** How engines of the campaign are opened. */
export function openEngine(
  root: string,
  more: Pick<Parameters<typeof openDistribution>[0], "logger" | "workers" | "bytesPerWorker"> = {},
): Promise<Distribution> {
  const { user: username, password } = SECRETS;
  return openDistribution({
    root,
    registry: { plainHttp: true },
    credentials: async () => ({ username, password }),
    backoff: { baseMs: 1, maxMs: 5 },
    connection: {
      bodyIdleTimeoutMs: IDLE_MS,
      headersTimeoutMs: IDLE_MS,
      minBytesPerSecond: 1,
      // The server of Node.js reads no more while answers pile up behind one that is held, and so does not notice that we have hung up.
      pipelining: false,
    },
    ...more,
  });
}

/** A directory that goes with its scope. */
export interface ScopedRoot extends AsyncDisposable {
  readonly path: string;
}

/** A data root in memory where there is such a file system; it is removed with everything in it. */
export async function makeRoot(): Promise<ScopedRoot> {
  const path = await mkdtemp(join(process.platform === "linux" ? "/dev/shm" : tmpdir(), "drayage-chaos-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/**
 * Two engines on one root do random things at the same time with a registry that goes wrong all the time: pulls that
 * join each other and are cancelled, removals, tags, pushes, other limits, a close in the middle. When the registry
 * is well again, everything must be too.
 */
export async function runRound(seed: string): Promise<RoundReport> {
  const world = buildWorld(seed);
  await using scoped = await makeRoot();
  const root = scoped.path;
  await using registry = await HostileRegistry.start({ seed, world, root, faultRate: 0.35 });
  return await new Round(seed, { root, world, registry }).run();
}

interface Scene {
  readonly root: string;
  readonly world: World;
  readonly registry: HostileRegistry;
}

class Round {
  readonly #seed: string;
  readonly #scene: Scene;
  readonly #violations: string[] = [];
  #succeeded = 0;
  #failed = 0;

  constructor(seed: string, scene: Scene) {
    this.#seed = seed;
    this.#scene = scene;
  }

  async run(): Promise<RoundReport> {
    const { root, registry } = this.#scene;
    const random = seeded(`round ${this.#seed}`);
    const engines = [await this.#open(0), await this.#open(1)];
    const running: Promise<void>[] = [];
    for (let number = 0; number < OPERATIONS; number++) {
      const index = random.int(engines.length);
      const engine = engines[index];
      if (!engine) continue;
      if (random.chance(0.04)) {
        running.push(this.#settle("close", engine.close()));
        engines[index] = await this.#open(index);
      } else
        running.push(
          this.#settle(
            `operation ${number}`,
            this.#operation(engine, seeded(`${this.#seed} operation ${number}`)),
          ),
        );
      for (let turns = random.int(6); turns > 0; turns--)
        await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(running);
    this.#violations.push(...rootViolations(root), ...registry.violations);
    await this.#checkHealed(engines);
    await this.#checkPruned(engines);
    await Promise.all(engines.map((engine) => engine.close()));
    await this.#checkClosed();
    return {
      faults: registry.faults,
      succeeded: this.#succeeded,
      failed: this.#failed,
      violations: this.#violations,
    };
  }

  /** The second engine receives every blob in a thread, the first one none. */
  #open(index: number): Promise<Distribution> {
    const note = (fields: object, text: string): void =>
      this.#violations.push(
        ...lineViolations(text, "a log line"),
        ...lineViolations(fields, "a log line"),
      ) as never;
    const logger = { debug: note, info: note, warn: note, error: note };
    return openEngine(this.#scene.root, { logger, workers: index, bytesPerWorker: 0 });
  }

  async #operation(engine: Distribution, random: Seeded): Promise<unknown> {
    const { host } = this.#scene.registry;
    const tag = random.pick([...this.#scene.world.tags.keys()]);
    const name = `${host}/${tag}`;
    const dice = random.next();
    if (dice < 0.7) return await this.#pull(engine, name, random);
    if (dice < 0.78) return await engine.remove(name);
    if (dice < 0.82)
      return engine.setConcurrency({ downloads: 1 + random.int(5), uploads: 1 + random.int(5) });
    if (dice < 0.92)
      return await engine.push(name, {
        target: `${host}/pushed/${tag}`,
        platform: "linux/amd64",
        onProgress: this.#sink(),
      });
    if (dice < 0.95) return await engine.tag(name, `local/copy:v${random.int(5)}`);
    if (dice < 0.97) return await engine.check();
    if (dice < 0.98) return await engine.prune({ minAgeMs: 0 });
    if (dice < 0.99) return engine.abort();
    return await engine.images.list();
  }

  async #pull(engine: Distribution, name: string, random: Seeded): Promise<unknown> {
    const controller = new AbortController();
    let linesLeft = random.chance(0.3) ? random.int(25) : Number.POSITIVE_INFINITY;
    const check = this.#sink();
    return await engine.pull(name, {
      platform: "linux/amd64",
      priority: random.int(3),
      signal: controller.signal,
      onProgress: (line) => {
        check(line);
        if (--linesLeft < 0) controller.abort();
      },
    });
  }

  #sink(): ProgressSink {
    return (line) => {
      if (line.kind === "plan" || line.kind === "summary") return; // numbers and digests
      const text = line.kind === "message" ? line.message : line.action;
      this.#violations.push(...lineViolations(`${line.id} ${text}`, "a line of progress"));
    };
  }

  /** Waits for the end of an operation, whatever it is. */
  async #settle(what: string, operation: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, SETTLE_MS, "late");
    });
    try {
      if ((await Promise.race([operation, late])) === "late") this.#violations.push(`${what} did not settle`);
      this.#succeeded++;
    } catch (error) {
      this.#failed++;
      this.#violations.push(...errorViolations(error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Once the world is honest again, every image can be had, whole. */
  async #checkHealed([engine]: readonly Distribution[]): Promise<void> {
    const { registry, world, root } = this.#scene;
    registry.options.faultRate = 0;
    if (!engine) return;
    for (const [tag, digest] of world.tags) {
      try {
        const pulled = await engine.pull(`${registry.host}/${tag}`, { platform: "linux/amd64" });
        if (pulled.digest !== digest) this.#violations.push(`${tag} is ${pulled.digest}, wanted ${digest}`);
        for (const needed of contentOf(world, digest)) await engine.content.info(needed as never);
      } catch (error) {
        this.#violations.push(
          `${tag} cannot be had from an honest registry: ${String(error)}`,
          ...errorViolations(error),
        );
      }
    }
    try {
      const [tag = ""] = world.tags.keys();
      await engine.push(`${registry.host}/${tag}`, {
        target: `${registry.host}/pushed/${tag}`,
        platform: "linux/amd64",
      });
      assertComplete(registry);
    } catch (error) {
      this.#violations.push(String(error));
    }
    this.#violations.push(...rootViolations(root), ...registry.violations);
  }

  /** What has no name any more can all be freed, and nothing that has one goes with it. */
  async #checkPruned([engine]: readonly Distribution[]): Promise<void> {
    if (!engine) return;
    const { root } = this.#scene;
    for (const { name } of (await engine.images.list()).filter((_, index) => index % 2 === 0)) {
      await engine.remove(name);
    }
    await engine.prune({ minAgeMs: 0 });
    this.#violations.push(...rootViolations(root), ...leftoverViolations(root));
  }

  /** A closed engine holds no connection. */
  async #checkClosed(): Promise<void> {
    const { registry } = this.#scene;
    const end = performance.now() + SETTLE_MS;
    while (registry.openSockets > 0 && performance.now() < end)
      await new Promise((resolve) => setImmediate(resolve));
    if (registry.openSockets > 0)
      this.#violations.push(`${registry.openSockets} connections are open after close`);
  }
}
