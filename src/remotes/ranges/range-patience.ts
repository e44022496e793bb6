/** How long a connection has, from its request on, before it is judged by how little has come, in milliseconds. */
const JUDGE_MS = 1_000;

/** The same where everything takes long, in milliseconds: what others could bring sooner is not left to one of them for minutes. */
const MAX_JUDGE_MS = 10_000;

/** How many times as long as the fastest answer others may take. */
const ANSWERS = 2;

/** How long the connections of one content have before they are judged: by how long its servers take to answer. */
export class RangePatience {
  #fastestAnswerMs: number | undefined;
  #patienceMs = JUDGE_MS;

  /** How long a connection has from its request on, in milliseconds. */
  get ms(): number {
    return this.#patienceMs;
  }

  /** How long the request took that was answered soonest, in milliseconds; 0 before there was one. */
  get fastestAnswerMs(): number {
    return this.#fastestAnswerMs ?? 0;
  }

  /** A request was answered after so many milliseconds. */
  answered(ms: number): void {
    this.#fastestAnswerMs = Math.min(this.#fastestAnswerMs ?? ms, ms);
    this.#patienceMs = Math.min(Math.max(JUDGE_MS, ANSWERS * this.#fastestAnswerMs), MAX_JUDGE_MS);
  }

  /** A request was given up. The next one has more time: one after another, all given up, would bring nothing for ever. */
  ranOut(): void {
    this.#patienceMs = Math.min(this.#patienceMs * 2, MAX_JUDGE_MS);
  }
}
