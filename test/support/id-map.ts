import { fileURLToPath } from "node:url";

/** First identity outside of those that the user has besides his own, and how many there are: what `useradd` gives. */
const [FIRST, COUNT] = [100_000, 65_536];

/** The user himself is root, as with rootless podman. */
export const ID_MAP = `0 65534 1\n1 ${FIRST} ${COUNT}\n`;

/** What an identity of the namespace is outside. */
export function outsideOf(id: number): number {
  return id === 0 ? 65_534 : FIRST + id - 1;
}

/** Stands in front of a command that root of a user namespace with many identities is to run. */
export const MAPPED: readonly string[] = [
  process.execPath,
  "--no-warnings",
  fileURLToPath(new URL("with-id-map.ts", import.meta.url)),
];
