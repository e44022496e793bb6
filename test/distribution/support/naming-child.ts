/** Gives an image names and takes them away, until it is killed: `naming-child.ts <root> <name>`. Says `begun` with the first change. */
import { openDistribution } from "../../../src/index.ts";

const [, , root = "", name = ""] = process.argv;

await using distribution = await openDistribution({ root });
for (let number = 0; ; number++) {
  await distribution.tag(name, `child:v${number % 7}`);
  if (number % 3 === 2) await distribution.images.untag(`child:v${(number - 1) % 7}`);
  if (number === 3) process.stdout.write("begun\n");
}
