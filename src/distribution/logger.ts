import { pino } from "pino";

/** The part of pino's logger that drayage calls. Any object of this shape will do; it is called as a method. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A logger that says nothing: what an engine gets that gives none. */
export function silentLogger(): Logger {
  return pino({ level: "silent" });
}
