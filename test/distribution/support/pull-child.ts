/** Pulls in a process of its own: `pull-child.ts <root> <reference> [--unpack]`. Says the digest, or the code of the error, on stdout. */
import { findError } from "../../../src/errors.ts";
import { openDistribution } from "../../../src/index.ts";

const [, , root = "", reference = "", flag] = process.argv;

await using distribution = await openDistribution({
  root,
  layers: flag === "--unpack",
  registry: { plainHttp: true },
});
try {
  const { digest } = await distribution.pull(reference);
  process.stdout.write(digest);
} catch (error) {
  process.stdout.write(findError(error)?.code ?? String(error));
}
