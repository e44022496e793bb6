import { type Distribution, type DistributionOptions, openDistribution } from "../../src/index.ts";
import { type Case, defineBench } from "../driver/bench.ts";
import type { Sample } from "../driver/figures.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import { measureHere } from "../support/measure.ts";
import { type Registries, startRegistries } from "./registries.ts";
import { BROKEN, MEASURED, MEASURED_TEXT } from "./scene.ts";
import { CONNECT_TIMEOUT_MS, type Scene, TROUBLES, type Trouble } from "./troubles.ts";

/** Beside trouble, a pull may take so many times what it takes alone. */
const LIMIT = 1.2;

/** Pulls of the broken blob that are started together. */
const TOGETHER = 10;

const BROKEN_PULLS = `${TOGETHER} pulls of a broken blob, beside one`;

const [ALONE, BESIDE] = ["alone", "beside it"] as const;

/** What the work of others costs a pull. */
export const contention = defineBench({
  name: "contention",
  about: "a pull of 1 GiB beside registries, processes, removals and mirrors in trouble",
  options: {},
  runs: 5,
  warmsUp: false,
  claims: [...TROUBLES.map(({ name }) => name), BROKEN_PULLS].map((within) => ({
    who: BESIDE,
    figure: "wallSeconds",
    within,
    limit: { timesBest: LIMIT, of: [ALONE] },
  })),
  title: () => `A pull of ${MEASURED_TEXT}, alone and beside trouble`,
  async *cases({ data }) {
    await using registries = await startRegistries();
    for (const trouble of TROUBLES) {
      const pull = (beside?: Trouble) => pullBeside({ data, registries, beside, trouble });
      yield pair(trouble.name, { alone: () => pull(), beside: () => pull(trouble) });
    }
    const broken = (count: number) => pullBroken(count, { data, registries });
    yield pair(BROKEN_PULLS, { alone: () => broken(1), beside: () => broken(TOGETHER) });
  },
});

function pair(name: string, measures: Readonly<Record<"alone" | "beside", () => Promise<Sample>>>): Case {
  return {
    name,
    contestants: [
      { name: ALONE, measure: measures.alone },
      { name: BESIDE, measure: measures.beside },
    ],
  };
}

interface Place {
  readonly data: string;
  readonly registries: Registries;
}

/** The measured pull; a black hole may cost a time-out once, which is not counted. */
async function pullBeside({
  data,
  registries,
  beside,
  trouble: { prepare },
}: Place & { readonly beside: Trouble | undefined; readonly trouble: Trouble }): Promise<Sample> {
  return await inFreshFolder(data, async (root) => {
    const scene: Scene = { root, registries };
    await using registry = await beside?.registry?.(scene);
    await using engine = await open(root, registry?.options);
    await prepare?.(engine, scene);
    await using _ = await beside?.start?.(engine, scene);
    const reference = `${registries.hosts.healthy}/${MEASURED}`;
    const cost = await measureHere(() => engine.pull(reference, { platform: "linux/amd64" }));
    return { ...cost, wallSeconds: cost.wallSeconds - (beside?.onceMs ?? 0) / 1_000 };
  });
}

/** The time until pulls that cannot succeed have all failed. */
async function pullBroken(count: number, { data, registries }: Place): Promise<Sample> {
  return await inFreshFolder(data, async (root) => {
    await using engine = await open(root);
    const name = `${registries.hosts.broken}/${BROKEN}`;
    const pull = () => engine.pull(name, { platform: "linux/amd64" });
    return await measureHere(() => Promise.allSettled(Array.from({ length: count }, pull)));
  });
}

/** Waits between attempts are the same in every run, so that luck is not measured. */
function open(
  root: string,
  registry: DistributionOptions["registry"] = { plainHttp: true },
): Promise<Distribution> {
  const connection = { connectTimeoutMs: CONNECT_TIMEOUT_MS };
  return openDistribution({ root, registry, connection, backoff: { baseMs: 200, random: () => 0.5 } });
}
