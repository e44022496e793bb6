import { guardLogCall, type LogCall } from "../../progress/guard-log-call.ts";

/** The part of pino's logger that drayage calls. Any object of this shape will do; it is called as a method. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A logger that says nothing: what an engine gets that gives none. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** `logger`, whose failures fail nothing: an operation is worth more than the line about it. */
export function guardedLogger(logger: Logger): Logger {
  const guard = (level: keyof Logger): LogCall =>
    guardLogCall((fields, message) => logger[level](fields, message));
  return { debug: guard("debug"), info: guard("info"), warn: guard("warn"), error: guard("error") };
}
