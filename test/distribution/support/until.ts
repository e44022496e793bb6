import { vi } from "vitest";

/** Longest wait for something that takes milliseconds, so that a slow machine does not fail a test. */
const PATIENCE_MS = 20_000;

/** Resolves once `check` holds; looks again and again, because nothing tells. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitUntil(check, { interval: 1, timeout: PATIENCE_MS });
}
