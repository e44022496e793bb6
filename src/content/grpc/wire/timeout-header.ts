import type { IncomingHttpHeaders } from "node:http2";
import { MAX_TIMER_MS } from "../../../options/rules.ts";

/** Units of the `grpc-timeout` header, in milliseconds. */
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Largest amount that the header takes: eight digits. */
const MAX_AMOUNT = 99_999_999;

/** How long the caller will wait, in milliseconds; `undefined` when it did not say or what it said is malformed. */
export function timeoutMs(headers: IncomingHttpHeaders): number | undefined {
  const [, amount, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(String(headers["grpc-timeout"] ?? "")) ?? [];
  if (amount === undefined) return undefined;
  return Math.min(Math.ceil(Number(amount) * (UNIT_MS[unit] ?? 1)), MAX_TIMER_MS);
}

/** The header's value for a time in milliseconds. */
export function timeoutHeader(ms: number): string {
  const whole = Math.max(0, Math.ceil(ms));
  return whole <= MAX_AMOUNT ? `${whole}m` : `${Math.min(Math.ceil(whole / 1_000), MAX_AMOUNT)}S`;
}
