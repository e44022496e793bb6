import { statSync } from "node:fs";
import { dirname } from "node:path";
import { parseDigest } from "../../../src/digest/digest.ts";
import { DEFAULT_LIMITS, findAbilities, UnpackPool } from "../../../src/layer.ts";

/** Unpacks one layer as whoever runs this program: path of the blob, its diffID, the directory. Prints abilities and outcome. */
const [, , blobPath = "", diffId = "", directory = ""] = process.argv;
const host = await findAbilities(dirname(directory));
await using pool = new UnpackPool({ workers: 1 });
const { size } = statSync(blobPath);
const job = { blobPath, size, diffId: parseDigest(diffId), directory, limits: DEFAULT_LIMITS, host };
const outcome = await pool.unpack(job);
process.stdout.write(JSON.stringify({ host, outcome }));
