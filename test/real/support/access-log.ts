/** One request as the registry's own access log tells it. */
export interface AccessRecord {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly status: number;
  /** Bytes of the response's body. */
  readonly bytes: number;
  readonly userAgent: string;
}

/** Apache's combined log format, in which docker-registry writes its access log. */
const COMBINED =
  /^\S+ \S+ \S+ \[[^\]]+\] "(\S+) (\S+) HTTP\/[\d.]+" (\d+) (\d+) "(?:[^"\\]|\\.)*" "((?:[^"\\]|\\.)*)"$/;

/** Reads one line of an access log; `undefined` for anything else. */
export function parseAccessLine(line: string): AccessRecord | undefined {
  const match = COMBINED.exec(line);
  if (match === null) return undefined;
  const [, method = "", path = "", status, bytes, userAgent = ""] = match;
  return { method, path, status: Number(status), bytes: Number(bytes), userAgent };
}
