import type { Progress } from "./progress.ts";

/** Messages kept for a sink that is busy; beyond it the oldest is dropped, because a stuck sink must not eat the memory. */
const MAX_WAITING_MESSAGES = 1_000;

/** Progress that nobody has taken yet, in the order in which it came: of what only the newest counts of, the newest. */
export class WaitingProgress<P extends Progress> {
  #items: P[] = [];

  add(progress: P): void {
    const superseded = this.#items.findIndex((item) => this.#supersedes(progress, item));
    // Nothing may come before the plan that it belongs to.
    if (superseded >= 0 && progress.kind === "plan") this.#items[superseded] = progress;
    else {
      if (superseded >= 0) this.#items.splice(superseded, 1);
      this.#items.push(progress);
    }
  }

  take(): P | undefined {
    return this.#items.shift();
  }

  clear(): void {
    this.#items = [];
  }

  #supersedes(progress: P, item: P): boolean {
    if (progress.kind === "message") return item.kind === "message" && this.#isFull();
    if (progress.kind === "update") return item.kind === "update" && item.id === progress.id;
    return item.kind === progress.kind;
  }

  #isFull(): boolean {
    return this.#items.filter(({ kind }) => kind === "message").length >= MAX_WAITING_MESSAGES;
  }
}
