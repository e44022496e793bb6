import type { AbortOptions } from "../async/abort.ts";
import type { Distribution } from "../distribution/api/distribution.ts";
import type { Login } from "../distribution/api/login.ts";
import type { Credentials } from "../registry/credentials/credentials.ts";
import type { EngineEvents } from "./catalog/engine-events.ts";
import type { ImageCatalog } from "./catalog/image-catalog.ts";

/** Checks credentials at a registry. Throws what `logIn` throws. */
export type CheckLogin = (
  server: string,
  options: AbortOptions & { readonly credentials: Credentials },
) => Promise<Login>;

/** What the calls of a server work with. */
export interface ApiEngine {
  readonly distribution: Distribution;
  readonly catalog: ImageCatalog;
  readonly events: EngineEvents;
  readonly checkLogin: CheckLogin;
  /** What the engine is called, and its version. */
  readonly product: { readonly name: string; readonly version: string };
}
