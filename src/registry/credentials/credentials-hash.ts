import { createHmac, randomBytes } from "node:crypto";
import type { Credentials } from "./credentials.ts";

/**
 * Of this process alone: a hash that gets into a log says nothing about the credentials, not even to a guess.
 */
const KEY = randomBytes(32);

/** A text that is equal for equal credentials within this process, and tells nothing else about them. */
export function credentialsHash(credentials: Credentials | undefined): string {
  const { username, password, identityToken, registryToken } = credentials ?? {};
  return hiddenHash([username, password, identityToken, registryToken]);
}

/** The same for any JSON value that may hold a secret. */
export function hiddenHash(value: unknown): string {
  return createHmac("sha256", KEY)
    .update(JSON.stringify(value) ?? "")
    .digest("hex");
}
