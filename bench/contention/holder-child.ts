/** Holds the writer of a blob: `holder-child.ts <root> <reference>` pulls from a registry that stops in the middle. */
import { openDistribution } from "../../src/index.ts";

const [, , root = "", reference = ""] = process.argv;

await using engine = await openDistribution({
  root,
  registry: { plainHttp: true },
  connection: { bodyIdleTimeoutMs: 600_000 },
});
await engine.pull(reference, { platform: "linux/amd64" });
