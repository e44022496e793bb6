import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import type { Case } from "../driver/bench.ts";
import type { Sample } from "../driver/figures.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import type { Registries } from "./registries.ts";

const CHILD = new URL("crowd-child.ts", import.meta.url).pathname;

/** Open files that a process is allowed, beside none. */
const FEW_DESCRIPTORS = 256;

/** Who pulls in each of them: one process. */
export const CROWD = "one engine";

const CROWDS = (["same", "different"] as const).flatMap((crowd) =>
  [undefined, FEW_DESCRIPTORS].map((limit) => ({
    crowd,
    limit,
    name: `${crowd === "same" ? "1,000 pulls of one image" : "200 images at once"}${limit === undefined ? "" : `, ${limit} open files`}`,
  })),
);

/** The names of the crowds. */
export const CROWD_CASES: readonly string[] = CROWDS.map(({ name }) => name);

/** Many pulls at once, in a process of their own, with many and with few descriptors. */
export function crowdCases(registries: Registries, data: string): readonly Case[] {
  return CROWDS.map(({ name, crowd, limit }) => ({
    name,
    contestants: [
      {
        name: CROWD,
        measure: () =>
          inFreshFolder(data, async (root) => {
            await registries.asked();
            const sample = await runChild([crowd, root, registries.hosts.guarded], limit);
            const { asked, mostSockets } = await registries.asked();
            const gets = Object.entries(asked).filter(([request]) => request.startsWith("GET /v2/"));
            const requestsOfOne = Math.max(...gets.map(([, count]) => count));
            return { ...sample, connections: mostSockets, requestsOfOne, tokens: asked["GET token"] ?? 0 };
          }),
      },
    ],
  }));
}

async function runChild(args: readonly string[], limit: number | undefined): Promise<Sample> {
  const command = `${limit === undefined ? "" : `ulimit -n ${limit} && `}exec "$0" "$@"`;
  const program = [process.execPath, "--expose-gc", "--no-warnings", CHILD, ...args];
  const child = spawn("sh", ["-c", command, ...program], { stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(await text(child.stdout)) as Sample;
}
