import { createHash, createHmac } from "node:crypto";
import type { Digest } from "../../digest/digest.ts";
import type { Credentials } from "../../registry/credentials/credentials.ts";

/**
 * Tells later whether the same credentials saw `digest` in `repository`, without keeping the credentials (as in moby). Empty
 * without credentials.
 */
export function credentialsHmac(
  credentials: Credentials | undefined,
  digest: Digest,
  repository: string,
): string {
  if (!credentials) return "";
  const { username, password, identityToken, registryToken } = credentials;
  const key = createHash("sha256").update(JSON.stringify([username, password, identityToken, registryToken]));
  return createHmac("sha256", key.digest()).update(`${digest}${repository}`).digest("hex");
}
