import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a stranger has besides drayage, from the package registry: the oldest Node.js that is supported among it. */
export const PACKAGES = ["node@22.19.0", "deno@2.9.6", "esbuild@0.28.2", "@types/node@22.20.7"];

/** Brings them into npm's cache, from which they are installed without the network. */
function keepInCache(): void {
  const folder = mkdtempSync(join(tmpdir(), "drayage-packages-"));
  try {
    const quiet = ["--no-audit", "--no-fund", "--no-save", "--ignore-scripts"];
    execFileSync("npm", ["install", ...quiet, "--prefix", folder, ...PACKAGES], { cwd: folder });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) keepInCache();
