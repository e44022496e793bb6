import { randomUUID } from "node:crypto";
import { traced } from "../../async/traced.ts";
import { withoutUserInfo } from "../../errors/redact-url.ts";
import { TRACES } from "../../progress/tracing.ts";
import type { Logger } from "../api/logger.ts";

/** Runs an operation under an id of its own, by which the log and the traces tell it from others. Its success is its own to log. */
export async function told<T>(
  verb: "pull" | "push",
  text: string,
  logger: Logger,
  work: (id: string) => Promise<T>,
): Promise<T> {
  const operation = randomUUID();
  const reference = withoutUserInfo(text);
  logger.debug({ operation, reference }, `${verb} begins`);
  try {
    const contextOf = (startedAtMs: number) => ({ startedAtMs, operation, reference });
    return await traced(TRACES[verb], { contextOf, work: () => work(operation), shown: (result) => result });
  } catch (error) {
    logger.debug({ operation, reference, err: error }, `${verb} failed`);
    throw error;
  }
}
