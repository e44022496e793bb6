/** A map that holds a limited number of entries: with one more, the least recently used one goes. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #max: number;
  /** The key that was used last: most ask for the same one again and again. */
  #newest: K | undefined;

  /** @param max how many entries are kept; at least 1 */
  constructor(max: number) {
    this.#max = max;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value of `key`, which counts as a use. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined || key === this.#newest) return value;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    this.#newest = key;
    return value;
  }

  /** Puts `value` in as the newest entry. */
  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    this.#newest = key;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#max) break;
      this.#entries.delete(oldest);
    }
  }

  /** Takes an entry out. */
  delete(key: K): void {
    this.#entries.delete(key);
    if (key === this.#newest) this.#newest = undefined;
  }
}
