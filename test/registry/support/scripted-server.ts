import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ErrOutOfRange } from "../../../src/errors/classes.ts";
import type { Send } from "../../../src/registry/http/send.ts";

/** A request as the server saw it, body included. */
export type SeenRequest = {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

/** A real HTTP server on a loopback port, whose answers the test writes. */
export interface ScriptedServer extends AsyncDisposable {
  readonly origin: string;
  /** Everything that was asked, in order. */
  readonly seen: SeenRequest[];
}

/** Starts a server that answers each request by `answer`; dispose of it to close it with all its connections. */
export async function scriptedServer(
  answer: (request: SeenRequest, response: ServerResponse) => unknown,
): Promise<ScriptedServer> {
  const seen: SeenRequest[] = [];
  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of incoming) body += String(chunk);
    const { method = "", headers, url = "/" } = incoming;
    const request = { method, headers, body, url: new URL(url, `http://${headers.host}`) };
    seen.push(request);
    await answer(request, response);
  };
  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error: Error) => response.destroy(error));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** Answers with JSON. */
export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

/** The plainest `Send`, over the platform's own client: no wrappers, no redirects, bodies in memory. */
export const fetchSend: Send = async ({ method, url, headers = {}, body, signal }) => {
  const response = await fetch(url, {
    method,
    headers,
    redirect: "manual",
    ...(body === undefined ? {} : { body: body as string | Uint8Array<ArrayBuffer> }),
    ...(signal ? { signal } : {}),
  });
  const bytes = async (maxBytes: number): Promise<Uint8Array> => {
    const content = new Uint8Array(await response.arrayBuffer());
    if (content.length > maxBytes) throw new ErrOutOfRange(`Read body: got more than ${maxBytes} bytes`);
    return content;
  };
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    url: response.url,
    body: {
      bytes,
      head: async (maxBytes) => (await bytes(Number.POSITIVE_INFINITY)).subarray(0, maxBytes),
      pipeTo: async (sink) => sink(await bytes(Number.POSITIVE_INFINITY)),
      discard: async () => response.body?.cancel(),
    },
  };
};
