import { ErrFailedPrecondition } from "./classes.ts";

/** The oldest Node.js that has what drayage is built on. */
const OLDEST_NODE = [22, 19] as const;

/** Throws `ErrFailedPrecondition`, which names the version that is needed, on a Node.js that is too old. */
export function requireNode(action: string): void {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  const [want, got] = [OLDEST_NODE.join("."), process.versions.node];
  throw new ErrFailedPrecondition(`${action}: Node.js ${want} or newer is needed, this is ${got}`);
}
