import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { tell } from "./output.ts";

/** The two files of `--timeline FILE`: with or without one of these endings, the name is what is before it. */
const ENDING = /\.(?:svg|json)$/i;

/**
 * Does work and writes what took how long in it, also when it fails: a plot to `FILE.svg`, and the same as JSON to `FILE.json`. Work that
 * has succeeded fails when that cannot be written; of work that has failed that is told.
 */
export async function withTimeline<T>(file: string | undefined, work: () => Promise<T>): Promise<T> {
  if (file === undefined) return await work();
  const name = file.replace(ENDING, "");
  const { recordTimeline, timelineSvg } = await import("../timeline.ts");
  await mkdir(dirname(name), { recursive: true }); // before it begins, as somebody waits for it
  const { result, timeline } = recordTimeline(work);
  const write = async (): Promise<void> => {
    const recorded = await timeline;
    await writeFile(`${name}.json`, `${JSON.stringify(recorded, undefined, 1)}\n`);
    await writeFile(`${name}.svg`, timelineSvg(recorded));
  };
  try {
    const value = await result;
    await write();
    return value;
  } catch (error) {
    const failed = await result.then(
      () => false,
      () => true,
    );
    if (failed) await write().catch((cause: Error) => tell(`the timeline was not written: ${cause.message}`));
    throw error;
  }
}
