import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Distribution, DistributionOptions } from "../../src/index.ts";
import { openBlackHole } from "../../test/distribution/support/black-hole.ts";
import type { Registries } from "./registries.ts";
import { BROKEN, NEIGHBOUR, REMOVED } from "./scene.ts";

/** Where trouble is made. */
export interface Scene {
  readonly root: string;
  readonly registries: Registries;
}

/** Something that goes on beside the pull that is measured. */
export interface Trouble {
  readonly name: string;
  /** What the engine is told about its registries, when the trouble lies there; and what ends it. */
  readonly registry?: (
    scene: Scene,
  ) => Promise<{ options: DistributionOptions["registry"] } & AsyncDisposable>;
  /** What the engine has to have before, which is not measured. */
  readonly prepare?: (engine: Distribution, scene: Scene) => Promise<void>;
  /** Starts the trouble; resolves once it hurts. What it returns ends it. */
  readonly start?: (engine: Distribution, scene: Scene) => Promise<AsyncDisposable>;
  /** Milliseconds that it may cost once, beside its share. */
  readonly onceMs?: number;
}

/** Time-out for connections of the engines that are measured, in milliseconds. */
export const CONNECT_TIMEOUT_MS = 1_000;

const PLATFORM = "linux/amd64";

/** Pulls that nobody waits for; aborted in the end. */
function inBackground(engine: Distribution, names: readonly string[]): AsyncDisposable {
  const abort = new AbortController();
  const pulls = names.map((name) => engine.pull(name, { platform: PLATFORM, signal: abort.signal }));
  const ended = Promise.allSettled(pulls);
  return {
    async [Symbol.asyncDispose]() {
      abort.abort();
      await ended;
    },
  };
}

/** Waits until a registry was asked so many times for something. */
async function untilAsked({ registries }: Scene, wanted: string, times = 1): Promise<void> {
  for (let count = 0; count < times; ) {
    const { asked } = await registries.asked();
    for (const [request, more] of Object.entries(asked)) if (request.includes(wanted)) count += more;
  }
}

const HOLDER = new URL("holder-child.ts", import.meta.url).pathname;

/** The troubles of the bench, in the order in which they are shown. */
export const TROUBLES: readonly Trouble[] = [
  {
    name: "another registry says 429, Retry-After: 30",
    async start(engine, { registries: { hosts } }) {
      const pulls = inBackground(
        engine,
        Array.from({ length: 5 }, (_, number) => `${hosts.busy}/bench/busy${number}:v1`),
      );
      await new Promise((resolve) => setTimeout(resolve, 100)); // it has said so by then
      return pulls;
    },
  },
  {
    name: "ten pulls of a broken blob share a layer",
    async start(engine, scene) {
      const pulls = inBackground(
        engine,
        Array.from({ length: 10 }, () => `${scene.registries.hosts.broken}/${BROKEN}`),
      );
      await untilAsked(scene, "broken");
      return pulls;
    },
  },
  {
    name: "another process writes a neighbour's layer",
    async start(engine, scene) {
      const { hosts } = scene.registries;
      await scene.registries.asked(); // what an earlier round asked for counts for nothing
      const child = spawn(
        process.execPath,
        ["--no-warnings", HOLDER, scene.root, `${hosts.stuck}/${NEIGHBOUR}`],
        {
          stdio: ["ignore", "ignore", "inherit"],
        },
      );
      const ended = once(child, "exit");
      await untilAsked(scene, "stuck", 2); // config and layer: it holds both
      const pulls = inBackground(
        engine,
        Array.from({ length: 3 }, () => `${hosts.healthy}/${NEIGHBOUR}`),
      );
      return {
        async [Symbol.asyncDispose]() {
          await pulls[Symbol.asyncDispose]();
          child.kill("SIGKILL");
          await ended;
        },
      };
    },
  },
  {
    name: "25 images are removed",
    async prepare(engine, { registries: { hosts } }) {
      await Promise.all(
        REMOVED.map((name) => engine.pull(`${hosts.healthy}/${name}`, { platform: PLATFORM })),
      );
    },
    async start(engine, { registries: { hosts } }) {
      const removals = Promise.all(REMOVED.map((name) => engine.remove(`${hosts.healthy}/${name}`)));
      return {
        async [Symbol.asyncDispose]() {
          await removals;
        },
      };
    },
  },
  {
    name: "a mirror is a black hole",
    onceMs: CONNECT_TIMEOUT_MS,
    async registry({ registries: { hosts } }) {
      const hole = await openBlackHole();
      return {
        options: { plainHttp: true, mirrors: { [hosts.healthy]: [hole.url] } },
        [Symbol.asyncDispose]: () => hole[Symbol.asyncDispose](),
      };
    },
  },
];
