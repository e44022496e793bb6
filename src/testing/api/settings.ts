import type { Habits } from "../habits/habits.ts";
import type { Call } from "../http/reply.ts";
import type { Storage } from "../storage/storage.ts";
import type { Links } from "./links.ts";

/** What the handlers of the API work with. */
export interface Settings {
  readonly storage: Storage;
  readonly habits: Habits;
  /** Whether a pushed manifest may only name content that is there. */
  readonly checkReferences: boolean;
  /** Present where blobs come from elsewhere. */
  readonly links: Links | undefined;
  readonly scheme: "http" | "https";
}

/** A path of this registry as an absolute URL, by the name under which the client knows it. */
export function absolute({ scheme }: Settings, { headers }: Call, path: string): string {
  return `${scheme}://${headers.host ?? ""}${path}`;
}
