import { readFileSync } from "node:fs";

/** How often it is looked, in milliseconds. What a process takes in its very last moments is missed. */
const LOOK_MS = 10;

/** Watches the most memory that any process below `pid` ever had at once; the function ends that and gives it, in bytes. */
export function watchPeak(pid: number): () => number {
  let peak = 0;
  const look = (): void => {
    for (const below of descendants(pid)) peak = Math.max(peak, peakOf(below));
  };
  const timer = setInterval(look, LOOK_MS);
  return () => {
    clearInterval(timer);
    return peak;
  };
}

function descendants(pid: number): readonly number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/** The kernel keeps the peak of each process. */
function peakOf(pid: number): number {
  const kibibytes = /^VmHWM:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? "0";
  return Number(kibibytes) * 1_024;
}

/** Processes end while they are looked at. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
