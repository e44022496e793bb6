/** Pulls images and unpacks them: `unpacking-child.ts <root> <name>...`; what it must not throw ends it with status 3. */
import { isDrayageError } from "../../../src/errors.ts";
import { openDistribution } from "../../../src/index.ts";

const [, , root = "", ...names] = process.argv;
await using engine = await openDistribution({ root, layers: true, registry: { plainHttp: true } });
for (const name of names) {
  await engine.pull(name, { platform: "linux/amd64" }).catch((error: unknown) => {
    if (!isDrayageError(error)) process.exit(3);
    throw error;
  });
}
