import { once } from "node:events";
import {
  type ClientRequest,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

/** One request as the proxy saw it; the numbers grow while it is under way. */
export interface ProxyRecord {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  /** The Range header. */
  readonly range: string | undefined;
  /** The Authorization header's scheme, such as `Bearer`; the rest of it is nobody's business. */
  readonly authScheme: string | undefined;
  /** Status passed on; 0 as long as there is none. */
  readonly status: number;
  /** Bytes of the response's body passed on. */
  readonly bytes: number;
  /** Bytes of the request's body that came. */
  readonly sentBytes: number;
  /** Whether the proxy reset the connection on purpose. */
  readonly cut: boolean;
}

/** What to cut. */
interface Cut {
  readonly method?: string | undefined;
  /** Applied to the path with query. */
  readonly path: RegExp;
  /** Bytes of the response's body to pass on before the connection is reset. */
  readonly afterBytes: number;
  /** How many responses to cut; 1 by default. */
  readonly times?: number | undefined;
}

/** Which uploads to cut. */
interface UploadCut {
  /** Applied to the path with query. */
  readonly path: RegExp;
  /** Where, in bytes of the bodies of all such requests together, counted on over every reset. Lowest first. */
  readonly atBytes: readonly number[];
}

/** What to hold back. */
interface Pace {
  /** Applied to the path with query. */
  readonly path: RegExp;
  /**
   * Awaited before each piece of a response's body, and before a cut; `offset` is where in the resource the next byte lies,
   * and `signal` says that the client has gone.
   */
  readonly before: (offset: number, signal: AbortSignal) => Promise<void>;
}

/** An HTTP proxy in front of one registry that passes everything on and keeps count. */
export interface CountingProxy extends AsyncDisposable {
  /** `127.0.0.1:<port>`: speak to this instead of the registry. */
  readonly host: string;
  readonly url: string;
  /** Requests in the order in which they came. A response's bytes are counted before they are passed on. */
  readonly records: readonly ProxyRecord[];
  /** Resets connections, as a network does that fails in the middle of a response. */
  cut(cut: Cut): void;
  /** Resets connections in the middle of requests; the registry gets what came before. */
  cutUploads(cut: UploadCut): void;
  /** Holds responses back, so that a test knows where the client is. */
  pace(pace: Pace): void;
  /** Drops all connections and stops listening. Stopping twice is fine. */
  stop(): Promise<void>;
}

type Mutable = { -readonly [K in keyof ProxyRecord]: ProxyRecord[K] };

/** Starts a proxy on a free port of 127.0.0.1 in front of `target`, a `host:port` that speaks plain HTTP. */
export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const records: Mutable[] = [];
  const cuts: { rule: Cut; left: number }[] = [];
  const paces: Pace[] = [];
  const uploadCuts: UploadMeter[] = [];

  /** Where to cut the response to a request, if at all; uses the rule up. */
  function takeCut({ method, path }: ProxyRecord): number | undefined {
    const found = cuts.find(
      ({ rule, left }) => left > 0 && rule.path.test(path) && (rule.method ?? method) === method,
    );
    if (found !== undefined) found.left--;
    return found?.rule.afterBytes;
  }

  const server = createServer((incoming, outgoing) => {
    const record = recordOf(incoming);
    records.push(record);
    // Either side may hang up at any time: that ends this exchange and nothing else.
    const cutAfter = takeCut(record);
    const pace = paces.find(({ path }) => path.test(record.path));
    const meter = uploadCuts.find(({ path }) => path.test(record.path));
    passOn({ target, incoming, outgoing, record, cutAfter, pace, meter }).catch(() => outgoing.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function stop(): Promise<void> {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }
  return {
    host,
    url: `http://${host}`,
    records,
    cut: (rule) => void cuts.push({ rule, left: rule.times ?? 1 }),
    cutUploads: ({ path, atBytes }) => void uploadCuts.push({ path, left: [...atBytes], bytes: 0 }),
    pace: (pace) => void paces.push(pace),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function recordOf({ method = "", url = "", headers }: IncomingMessage): Mutable {
  return {
    method,
    path: url,
    range: headers.range,
    authScheme: headers.authorization?.split(" ")[0],
    status: 0,
    bytes: 0,
    sentBytes: 0,
    cut: false,
  };
}

/** An `UploadCut` in force. */
interface UploadMeter {
  readonly path: RegExp;
  /** Where the resets are still to come. */
  readonly left: number[];
  /** Bytes so far. */
  bytes: number;
}

interface Exchange {
  readonly target: string;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly record: Mutable;
  readonly cutAfter: number | undefined;
  readonly pace: Pace | undefined;
  readonly meter: UploadMeter | undefined;
}

/** The Host header stays what the client sent, so that the registry's absolute URLs lead back here. */
async function passOn(exchange: Exchange): Promise<void> {
  const { target, incoming, outgoing, record } = exchange;
  const [hostname = "", port = ""] = target.split(":");
  const headers = endToEnd(incoming.headers);
  const upstream = request({
    hostname,
    port,
    method: record.method,
    path: record.path,
    headers,
    agent: false,
  });
  upstream.on("error", () => outgoing.destroy());
  outgoing.once("close", () => upstream.destroy());
  // Not a pipeline: a registry may refuse, and hang up, before it has read the whole body, and its answer must get through.
  incoming.pipe(countSent(exchange, upstream)).pipe(upstream);
  const [response] = (await once(upstream, "response")) as [IncomingMessage];
  record.status = response.statusCode ?? 0;
  outgoing.writeHead(record.status, endToEnd(response.headers));
  await pipeline(response, (chunks: AsyncIterable<Buffer>) => count(chunks, exchange), outgoing);
}

/** Lets a request's body through, counts it, and cuts it where the meter says. */
function countSent({ record, outgoing, meter }: Exchange, upstream: ClientRequest): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      record.sentBytes += chunk.length;
      const [next = Number.POSITIVE_INFINITY] = meter?.left ?? [];
      if (meter) meter.bytes += chunk.length;
      if (!meter || meter.bytes < next) return done(null, chunk);
      meter.left.shift();
      record.cut = true;
      // Never done: nothing else may follow.
      upstream.write(chunk, () => {
        upstream.destroy();
        outgoing.socket?.resetAndDestroy();
      });
    },
  });
}

/** The pieces of a body, counted, at their pace, and up to the cut. */
async function* count(
  chunks: AsyncIterable<Buffer>,
  { record, outgoing, cutAfter = Number.POSITIVE_INFINITY, pace }: Exchange,
): AsyncGenerator<Buffer> {
  const start = record.status === 206 ? Number(/^bytes=(\d+)-/.exec(record.range ?? "")?.[1]) : 0;
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  for await (const chunk of chunks) {
    await pace?.before(start + record.bytes, gone.signal);
    const passed = Math.min(chunk.length, cutAfter - record.bytes);
    record.bytes += passed;
    record.cut = cutAfter === record.bytes;
    yield chunk.subarray(0, passed);
    if (record.cut) {
      await pace?.before(start + record.bytes, gone.signal);
      await reset(outgoing);
      return;
    }
  }
}

/** Headers without those that are about one connection only, and without the request for a `100 Continue`, which node answers. */
function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { connection: _connection, "keep-alive": _keepAlive, expect: _expect, ...rest } = headers;
  return rest;
}

/** Sends what is written and then RST instead of FIN. */
async function reset({ socket }: ServerResponse): Promise<void> {
  if (socket === null) return;
  await new Promise((resolve) => socket.write("", resolve));
  socket.resetAndDestroy();
}
