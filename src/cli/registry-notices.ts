import type { Distribution, RateLimit } from "../index.ts";
import { tell } from "./output.ts";

/** Few pulls are left when it is so small a part of what is allowed. */
const FEW = 1 / 10;

/** Warnings that are shown, and registries whose limits are: a registry may have a new warning with each answer. */
const MAX_NOTICES = 20;

/** What registries said beside their answers, kept until the progress is over. */
export class RegistryNotices implements Disposable {
  readonly #warnings = new Set<string>();
  /** The newest limit of each registry. */
  readonly #limits = new Map<string, RateLimit>();

  constructor({ events }: Pick<Distribution, "events">) {
    events.on("warning", ({ endpoint, text }) => {
      if (this.#warnings.size < MAX_NOTICES) this.#warnings.add(`${endpoint} warns: ${text}`);
    });
    events.on("rateLimit", (limit) => {
      const isRoom = this.#limits.size < MAX_NOTICES || this.#limits.has(limit.endpoint);
      if (isRoom) this.#limits.set(limit.endpoint, limit);
    });
  }

  /** Tells it on stderr: the first `MAX_NOTICES` warnings, and where few pulls are left. */
  [Symbol.dispose](): void {
    const few = [...this.#limits.values()].filter(({ remaining, limit }) => remaining <= limit * FEW);
    for (const line of [...this.#warnings, ...few.map(pullsLeft)]) tell(line);
  }
}

function pullsLeft({ endpoint, limit, remaining, windowMs }: RateLimit): string {
  const window = windowMs === undefined ? "" : ` in ${inWords(windowMs)}`;
  return `${remaining} of ${limit} pulls${window} left at ${endpoint}`;
}

/** A time in the largest unit of which it is a whole number, seconds at least. */
function inWords(ms: number): string {
  const units = [
    ["hour", 3_600_000],
    ["minute", 60_000],
    ["second", 1_000],
  ] as const;
  const [name, unitMs] = units.find(([, unit]) => ms % unit === 0 && ms >= unit) ?? ["second", 1_000];
  const count = Math.ceil(ms / unitMs);
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}
