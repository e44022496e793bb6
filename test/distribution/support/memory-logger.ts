import type { Logger } from "../../../src/index.ts";

/** One call of a logger. */
export interface LogEntry {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

/** What a logger was told. */
export interface MemoryLogger extends Logger {
  readonly entries: readonly LogEntry[];
  /** Those of them that a person should look at. */
  warnings(): readonly LogEntry[];
}

/** A logger that keeps what it is told. */
export function memoryLogger(): MemoryLogger {
  const entries: LogEntry[] = [];
  const keep = (level: string) => (fields: object, message: string) => {
    entries.push({ level, fields, message });
  };
  const warnings = (): readonly LogEntry[] =>
    entries.filter(({ level }) => level === "warn" || level === "error");
  return {
    entries,
    warnings,
    debug: keep("debug"),
    info: keep("info"),
    warn: keep("warn"),
    error: keep("error"),
  };
}
