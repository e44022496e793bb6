import { CallFailure } from "./call-failure.ts";

/**
 * How often a call is made whose connection breaks, or that the service refuses without having looked at it, as one does that is
 * closing.
 */
const MAX_ATTEMPTS = 3;

/** What whoever repeats a call may want to know. */
export interface RepeatOptions {
  /** Called before a call is made again that the service may have done already. */
  readonly onRepeat?: (() => void) | undefined;
  /** Whether a call that the service may have done already is not made again. Default false. */
  readonly once?: boolean | undefined;
}

/**
 * Makes a call that may be done twice, and makes it again at once when its failure lies in the connection: the next attempt is
 * what waits for a service that is away. Throws what the last one threw.
 */
export async function repeating<T>(
  call: () => Promise<T>,
  { onRepeat, once = false }: RepeatOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const kind = failureOf(error)?.kind;
      const mayRepeat = kind === "refused" || (kind === "lost" && !once);
      if (!mayRepeat || attempt === MAX_ATTEMPTS) throw error;
      if (kind === "lost") onRepeat?.();
    }
  }
}

/** The failure itself, or the one that an error of ours was made of. */
function failureOf(error: unknown): CallFailure | undefined {
  if (error instanceof CallFailure) return error;
  return error instanceof Error && error.cause instanceof CallFailure ? error.cause : undefined;
}
