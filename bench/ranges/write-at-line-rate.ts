import { closeSync, openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sample } from "../driver/figures.ts";
import { measureHere } from "../support/measure.ts";

/** Bytes of one write. */
const BLOCK_BYTES = 1024 * 1024;

/** How far a line may be ahead of who takes its bytes, in milliseconds: what more it could have brought is lost. */
const MOST_AHEAD_MS = 100;

/**
 * Writes as many bytes as a line brings, no faster than it brings them, and does nothing else: what no client could be faster than, on
 * this line and where this file is.
 *
 * @param rate bytes per second
 */
export async function writeAtLineRate(path: string, bytes: number, rate: number): Promise<Sample> {
  const block = Buffer.alloc(BLOCK_BYTES, 1);
  const file = openSync(path, "w");
  try {
    return await measureHere(async () => {
      let broughtMs = performance.now();
      for (let at = 0; at < bytes; at += block.length) {
        broughtMs = Math.max(broughtMs, performance.now() - MOST_AHEAD_MS) + (block.length * 1_000) / rate;
        if (broughtMs > performance.now()) await sleep(broughtMs - performance.now());
        writeSync(file, block, 0, Math.min(block.length, bytes - at), at);
      }
    });
  } finally {
    closeSync(file);
  }
}
