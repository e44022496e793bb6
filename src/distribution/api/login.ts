import type { AbortOptions } from "../../async/abort.ts";
import type { Credentials } from "../../registry/credentials/credentials.ts";
import type { RegistryOptions } from "../../registry/endpoints/registry-options.ts";
import type { ConnectionOptions } from "../../registry/transport/connection-options.ts";

/** How a registry is reached to log in. */
export interface LoginOptions extends AbortOptions {
  /**
   * What is to be looked at: name and password, or a token.
   * @example credentials: { username: "jane", password: "correct horse" }
   */
  readonly credentials: Credentials;
  /**
   * As for `openDistribution`. Mirrors are not asked.
   * @defaultValue as for `openDistribution`
   * @example registry: { insecureRegistries: ["registry.example"] }
   */
  readonly registry?: RegistryOptions | undefined;
  /**
   * As for `openDistribution`.
   * @defaultValue as for `openDistribution`
   * @example connection: { connectTimeoutMs: 5_000 }
   */
  readonly connection?: ConnectionOptions | undefined;
  /**
   * Name of the program around drayage, in front of drayage's own in `User-Agent`.
   * @defaultValue drayage's own alone
   * @example userAgent: "engine/1.2 (linux)"
   */
  readonly userAgent?: string | undefined;
}

/** A login that a registry has nothing against. */
export interface Login {
  /** `docker.io` for Docker Hub, otherwise host[:port]: what the credentials are kept under. */
  readonly host: string;
  /** What to keep: an identity token in the place of the password, where the token server gives one. */
  readonly credentials: Credentials;
  /** Whether the registry has looked at them: one that asks nobody for anything knows nobody. */
  readonly checked: boolean;
}
