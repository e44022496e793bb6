import { ErrNoSupport } from "../../errors/classes.ts";
import { isNotFound } from "../../errors/predicates.ts";
import type { Asker } from "../http/send.ts";
import type { RepositorySession } from "./repository-session.ts";

/** Whether there is a registry at all (end-1). Throws `ErrNoSupport` when the endpoint does not know `/v2/`. */
export async function ping(session: RepositorySession, { signal, waiter }: Asker): Promise<void> {
  const request = session.rootRequest({ method: "GET", signal, waiter });
  try {
    await session.document(request, (response) => response.body.discard());
  } catch (cause) {
    if (!isNotFound(cause)) throw cause;
    const endpoint = new URL(request.url).origin;
    throw new ErrNoSupport(`ping ${endpoint}: no registry API v2 here`, { cause, endpoint });
  }
}
