import { join } from "node:path";

/** Where curl puts what it fetches. */
interface CurlOptions {
  /** A folder, for files named like what stands behind the last colon of each URL; nowhere without one. */
  readonly folder?: string;
  /** How many at once, each over a connection of its own. */
  readonly atOnce: number;
}

/** The command by which one curl fetches all of these. */
export function curlAll(urls: readonly string[], { folder, atOnce }: CurlOptions): readonly string[] {
  const outputs = urls.flatMap((url) => {
    const file = folder === undefined ? "/dev/null" : join(folder, url.slice(url.lastIndexOf(":") + 1));
    return ["-o", file, url];
  });
  return ["curl", "-sSf", "-Z", "--parallel-max", String(atOnce), ...outputs];
}
