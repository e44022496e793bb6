import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TokenSigner } from "./signed-tokens.ts";

/** How long a token is good, and what is said of that. Times in milliseconds since the epoch. */
export interface TokenLife {
  /** Until when it is, by its own word, which the registry goes by. */
  readonly expiresAtMs: number;
  readonly issuedAtMs: number;
  readonly expiresInSeconds: number;
}

/** A token server that gives everybody what he asks for. */
export interface SimpleTokenServer extends AsyncDisposable {
  /** Where tokens are to be had. */
  readonly realm: string;
  /** The tokens that were given, oldest first. */
  readonly given: readonly string[];
}

/** Starts one for a registry called `service`; `lifeOf` decides about each token. */
export async function startTokenServer(
  signer: TokenSigner,
  service: string,
  lifeOf: () => TokenLife,
): Promise<SimpleTokenServer> {
  const given: string[] = [];
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://localhost");
    const access = searchParams.getAll("scope").map((scope) => {
      const [, repository = "", actions = ""] = scope.split(":");
      return { repository, actions: actions.split(",") as ("pull" | "push")[] };
    });
    const { expiresAtMs, issuedAtMs, expiresInSeconds } = lifeOf();
    const token = signer.sign({ subject: "anybody", service, access, expiresAtMs });
    given.push(token);
    const said = { issued_at: new Date(issuedAtMs).toISOString(), expires_in: expiresInSeconds };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ token, ...said }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    given,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
