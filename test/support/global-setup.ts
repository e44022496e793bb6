import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Short, because paths of unix sockets have 107 bytes at most. */
const PREFIX = "dt-";

/**
 * Gives a run of the tests a directory of its own for everything temporary, in all its processes. What tests leave there, because
 * they failed, ran out of time or forgot it, goes with the run, and is told by name.
 */
export function setup(): () => void {
  const directory = mkdtempSync(join(tmpdir(), PREFIX));
  chmodSync(directory, 0o1777); // as any temporary directory: some tests run programs of other users
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = directory;
  return () => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
    tellLeft(readdirSync(directory));
    for (const path of mountsBelow(directory)) execFileSync("umount", ["--lazy", path]);
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  };
}

function tellLeft(names: readonly string[]): void {
  const counts = new Map<string, number>();
  for (const name of names) {
    const kind = name.replace(/-[^-]*$/, "");
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  if (counts.size === 0) return;
  const kinds = [...counts].map(([kind, count]) => `${count} ${kind}`).toSorted();
  process.stdout.write(`Left behind by tests: ${kinds.join(", ")}\n`);
}

function mountsBelow(directory: string): readonly string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const paths = lines.map((line) => line.split(" ")[4] ?? "");
  return paths.filter((path) => path.startsWith(`${directory}/`)).toReversed();
}
