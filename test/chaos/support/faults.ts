import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import type { Seeded } from "./seeded.ts";

/** What an honest answer to a request would be. */
export interface Honest {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  /** Already cut to the range that was asked for. */
  readonly body: Buffer;
}

/** A request that is about to go wrong. */
export interface FaultContext {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly honest: Honest;
  readonly random: Seeded;
  /** Where the storage of this registry would serve the same bytes, under a signed URL. */
  readonly signedUrl: string;
}

/** Something that a registry, a proxy before it or the network does wrong. */
export interface Fault {
  readonly name: string;
  /** For which requests it makes sense. */
  readonly on: (request: IncomingMessage) => boolean;
  readonly run: (context: FaultContext) => void | Promise<void>;
}

const isRead = ({ method }: IncomingMessage): boolean => method === "GET" || method === "HEAD";
const isGet = ({ method }: IncomingMessage): boolean => method === "GET";
const isAny = (): boolean => true;
const hasRange = ({ method, headers }: IncomingMessage): boolean =>
  method === "GET" && headers.range !== undefined;
const isHead = ({ method, url = "" }: IncomingMessage): boolean =>
  method === "HEAD" && url.includes("/manifests/");
const isBlobGet = ({ method, url = "" }: IncomingMessage): boolean =>
  method === "GET" && url.includes("/blobs/");

/** Sends an honest answer. */
export function answer({
  response,
  honest,
  request,
}: Pick<FaultContext, "response" | "honest" | "request">): void {
  response.writeHead(honest.status, honest.headers);
  response.end(request.method === "HEAD" ? undefined : honest.body);
}

function part(body: Buffer, random: Seeded): Buffer {
  return body.subarray(0, random.int(body.length + 1));
}

function words(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Fault["run"] {
  return ({ response }) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify({ errors: [{ code, message }] }));
  };
}

/** Writes the head of the honest answer and some of its body, then does the worst. */
function cutAfterPart(end: (response: ServerResponse) => void): Fault["run"] {
  return ({ response, honest, random }) => {
    response.writeHead(honest.status, { ...honest.headers, "content-length": honest.body.length });
    response.write(part(honest.body, random), () => end(response));
  };
}

/** How long a server is silent that hangs up then, in milliseconds: longer than a client of the campaign waits for others. */
const SILENCE_MS = 1_000;

function reset({ socket }: { readonly socket: Socket | null }): void {
  socket?.resetAndDestroy();
}

/**
 * No answer. The last request of an upload may go without one for minutes, because a registry copies the whole blob first: no
 * campaign waits for that, so there the server itself hangs up.
 */
const silence: Fault["run"] = ({ request, response }) => {
  if (request.method === "PUT") setTimeout(() => reset(response), SILENCE_MS).unref();
};

export const FAULTS: readonly Fault[] = [
  { name: "reset before the answer", on: isAny, run: ({ response }) => reset(response) },
  { name: "end before the answer", on: isAny, run: ({ response }) => void response.socket?.end() },
  {
    name: "no HTTP",
    on: isAny,
    run: ({ response }) => void response.socket?.end("SSH-2.0-OpenSSH_9.2\r\n\u001b]0;owned\u0007\r\n"),
  },
  { name: "500 with words", on: isAny, run: words(500, "UNKNOWN", "the storage is on fire \u001b[31m") },
  {
    name: "502 of a proxy",
    on: isAny,
    run: ({ response }) =>
      void response.writeHead(502, { "content-type": "text/html" }).end("<html>Bad gateway</html>"),
  },
  {
    name: "503 with a pause",
    on: isAny,
    run: words(503, "UNAVAILABLE", "maintenance", { "retry-after": "0" }),
  },
  {
    name: "429 with a pause",
    on: isAny,
    run: words(429, "TOOMANYREQUESTS", "slow down", { "retry-after": "0" }),
  },
  { name: "503 without words", on: isAny, run: ({ response }) => void response.writeHead(503).end() },
  { name: "408", on: isAny, run: ({ response }) => void response.writeHead(408).end() },
  { name: "silence", on: isAny, run: silence },
  {
    name: "the request's own secrets in the error",
    on: isAny,
    run: ({ request, response }) => {
      const message = `no entry for ${request.headers.authorization ?? "you"} at ${request.url ?? ""}`;
      response.writeHead(500, { "content-type": "application/json" });
      response.end(JSON.stringify({ errors: [{ code: "UNKNOWN", message, detail: request.headers }] }));
    },
  },
  {
    name: "the request's own secrets as text",
    on: isAny,
    run: ({ request, response, signedUrl }) => {
      response.writeHead(500, { "content-type": "text/plain" });
      response.end(
        `${request.headers.authorization ?? ""} ${signedUrl} ${signedUrl.replace(/^http:\/\//, "")} ${signedUrl.replaceAll("/", "\\/")}`,
      );
    },
  },
  {
    name: "a header block without end",
    on: isAny,
    run: ({ response }) => void response.writeHead(200, { "x-flood": "y".repeat(100_000) }).end(),
  },
  {
    name: "informational answers first",
    on: isRead,
    run: (context) => {
      for (let count = 0; count < 5; count++) context.response.writeProcessing();
      answer(context);
    },
  },
  {
    name: "a web page",
    on: isRead,
    run: ({ response }) =>
      void response.writeHead(200, { "content-type": "text/html" }).end("<html>Please log in</html>"),
  },
  {
    name: "an empty answer",
    on: isGet,
    run: ({ response }) => void response.writeHead(200, { "content-length": 0 }).end(),
  },
  { name: "204", on: isRead, run: ({ response }) => void response.writeHead(204).end() },
  { name: "reset in the body", on: isGet, run: cutAfterPart(reset) },
  { name: "end in the body", on: isGet, run: cutAfterPart((response) => void response.socket?.end()) },
  { name: "silence in the body", on: isGet, run: cutAfterPart(() => {}) },
  {
    name: "one wrong byte",
    on: isGet,
    run: ({ response, honest, random }) => {
      const body = Buffer.from(honest.body);
      const at = random.int(Math.max(1, body.length));
      if (body.length > 0) body[at] = (body[at] ?? 0) ^ 1;
      response.writeHead(honest.status, honest.headers).end(body);
    },
  },
  {
    name: "more bytes than there are",
    on: isGet,
    run: ({ response, honest }) => {
      const body = Buffer.concat([honest.body, Buffer.from("more")]);
      response.writeHead(honest.status, { ...honest.headers, "content-length": body.length }).end(body);
    },
  },
  {
    name: "fewer bytes than there are",
    on: isGet,
    run: ({ response, honest, random }) => {
      const body = part(honest.body, random);
      response.writeHead(honest.status, { ...honest.headers, "content-length": body.length }).end(body);
    },
  },
  {
    name: "chunks that stop",
    on: isGet,
    run: ({ response, honest, random }) => {
      const { "content-length": _, ...headers } = honest.headers;
      response.writeHead(honest.status, headers);
      response.write(part(honest.body, random), () => reset(response));
    },
  },
  {
    name: "chunks without a length",
    on: isGet,
    run: ({ response, honest }) => {
      const { "content-length": _, ...headers } = honest.headers;
      response.writeHead(honest.status, headers);
      response.write(honest.body.subarray(0, honest.body.length >> 1));
      response.end(honest.body.subarray(honest.body.length >> 1));
    },
  },
  {
    name: "a range that was not asked for",
    on: hasRange,
    run: ({ response, honest }) =>
      void response
        .writeHead(206, {
          ...honest.headers,
          "content-range": `bytes 0-${honest.body.length - 1}/${honest.body.length}`,
        })
        .end(honest.body),
  },
  { name: "416", on: hasRange, run: ({ response }) => void response.writeHead(416).end() },
  { name: "400 to a range", on: hasRange, run: ({ response }) => void response.writeHead(400).end() },
  {
    name: "an encoding",
    on: isBlobGet,
    run: ({ response, honest }) => {
      const body = gzipSync(honest.body);
      response
        .writeHead(honest.status, {
          ...honest.headers,
          "content-length": body.length,
          "content-encoding": "gzip",
        })
        .end(body);
    },
  },
  {
    name: "a signed URL",
    on: isBlobGet,
    run: ({ response, signedUrl }) => void response.writeHead(307, { location: signedUrl }).end(),
  },
  {
    name: "a redirect to itself",
    on: isRead,
    run: ({ request, response }) => void response.writeHead(307, { location: request.url ?? "/" }).end(),
  },
  {
    name: "a redirect to nowhere",
    on: isRead,
    run: ({ response }) =>
      void response
        .writeHead(302, { location: "http://127.0.0.1:1/x?X-Amz-Signature=canary-signature" })
        .end(),
  },
  {
    name: "HEAD without a digest",
    on: isHead,
    run: ({ response, honest }) =>
      void response.writeHead(200, { "content-type": String(honest.headers["content-type"]) }).end(),
  },
  {
    name: "HEAD with length 0",
    on: isHead,
    run: ({ response, honest }) =>
      void response.writeHead(200, { ...honest.headers, "content-length": 0 }).end(),
  },
  { name: "HEAD refused", on: isHead, run: ({ response }) => void response.writeHead(405).end() },
  {
    name: "HEAD of another digest",
    on: isHead,
    run: ({ response, honest }) =>
      void response
        .writeHead(200, { ...honest.headers, "docker-content-digest": `sha256:${"0".repeat(64)}` })
        .end(),
  },
];
