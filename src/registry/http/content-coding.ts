import { promisify } from "node:util";
import { ErrOutOfRange, ErrUnavailable } from "../../errors/classes.ts";
import { plainText } from "../../errors/plain-text.ts";
import type { ChunkSink, HttpBody } from "./send.ts";

/** Codings that one answer may be wrapped in; proxies add one. */
const MAX_CODINGS = 2;

type Zlib = typeof import("node:zlib");
type Decoder = ReturnType<Zlib["createUnzip"]>;
type Decode = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>;

/** How a coding is undone, at once and as a stream. */
interface Coding {
  readonly decode: Decode;
  readonly stream: () => Decoder;
}

/** Node's, once something is coded, which registries seldom do: it takes a millisecond and a half to load. */
function zlib(): Zlib {
  return process.getBuiltinModule("node:zlib");
}

const GZIP: Coding = {
  decode: (bytes, options) => promisify(zlib().gunzip)(bytes, options),
  stream: () => zlib().createGunzip(),
};

/** Codings of RFC 9110, section 8.4.1, and those that came later. */
const CODINGS: ReadonlyMap<string, Coding> = new Map([
  ["gzip", GZIP],
  ["x-gzip", GZIP],
  ["deflate", { decode: inflateAny, stream: () => zlib().createInflate() }],
  [
    "br",
    {
      decode: (bytes, options) => promisify(zlib().brotliDecompress)(bytes, options),
      stream: () => zlib().createBrotliDecompress(),
    },
  ],
  [
    "zstd",
    {
      decode: (bytes, options) => promisify(zlib().zstdDecompress)(bytes, options),
      stream: () => zlib().createZstdDecompress(),
    },
  ],
]);

/** `deflate` means zlib's format, which some servers leave out. */
async function inflateAny(bytes: Uint8Array, options: { maxOutputLength: number }): Promise<Uint8Array> {
  const isZlib = ((bytes[0] ?? 0) & 0x0f) === 8 && (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) % 31 === 0;
  const { inflate, inflateRaw } = zlib();
  return await promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(isZlib ? inflate : inflateRaw)(
    bytes,
    options,
  );
}

/** The codings that a `Content-Encoding` header names, in the order in which they were applied; none for `identity`. */
export function contentCodings(header: string | readonly string[] | undefined): readonly string[] {
  const names = [header ?? []].flat().join(",").toLowerCase().split(",");
  return names.map((name) => name.trim()).filter((name) => name !== "" && name !== "identity");
}

/**
 * A whole body, decoded. Throws `ErrOutOfRange` as soon as it is longer than `maxBytes`, and `ErrUnavailable`, not retryable,
 * for a coding that is not known or bytes that are not in it; `endpoint` is the origin that sent them.
 */
export async function decodeBytes(
  bytes: Uint8Array,
  codings: readonly string[],
  { maxBytes, endpoint }: { readonly maxBytes: number; readonly endpoint: string },
): Promise<Uint8Array> {
  let decoded = bytes;
  for (const { decode } of known(codings, endpoint).toReversed()) {
    decoded = await decode(decoded, { maxOutputLength: maxBytes }).catch((cause: { code?: unknown }) => {
      if (cause.code !== "ERR_BUFFER_TOO_LARGE") throw badly(codings, endpoint, cause);
      const message = `read body from ${endpoint}: longer than ${maxBytes} bytes when decoded`;
      throw new ErrOutOfRange(message, { endpoint });
    });
  }
  return decoded;
}

/**
 * `body` decoded while it is read, for content whose size only its reader bounds. Reading rejects with
 * `ErrUnavailable` for codings that are not known, and for bytes that are not in them.
 */
export function decodedBody(body: HttpBody, codings: readonly string[], endpoint: string): HttpBody {
  return {
    discard: () => body.discard(),
    bytes: (maxBytes) => body.bytes(maxBytes), // it calls `pipeTo`, which decodes
    head: (maxBytes) => body.head(maxBytes),
    async pipeTo(sink) {
      const [name = "", ...more] = codings;
      const coding = CODINGS.get(name);
      if (!coding || more.length > 0) {
        await body.discard();
        throw unknownCoding(codings, endpoint);
      }
      const decoder = coding.stream();
      const fed = feed(body, decoder);
      await drain(decoder, sink, (cause) => badly(codings, endpoint, cause));
      await fed;
    },
  };
}

async function feed(body: HttpBody, decoder: Decoder): Promise<void> {
  const write = (chunk: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      decoder.write(Uint8Array.from(chunk), (error) => (error ? reject(error) : resolve()));
    });
  try {
    await body.pipeTo(write);
    decoder.end();
  } catch (error) {
    // The reader gets this error, unless it has failed by itself before.
    decoder.destroy(error instanceof Error ? error : undefined);
  }
}

async function drain(decoder: Decoder, sink: ChunkSink, asError: (cause: unknown) => Error): Promise<void> {
  try {
    for await (const chunk of decoder) await sink(chunk as Uint8Array);
  } catch (error) {
    throw isZlibError(error) ? asError(error) : error;
  }
}

function isZlibError(error: unknown): boolean {
  return (
    error instanceof Error &&
    "errno" in error &&
    "code" in error &&
    /^(?:Z_|ERR_|ZSTD)/.test(String(error.code))
  );
}

function known(codings: readonly string[], endpoint: string): readonly Coding[] {
  const found = codings.map((name) => CODINGS.get(name));
  if (codings.length > MAX_CODINGS || found.includes(undefined)) throw unknownCoding(codings, endpoint);
  return found.filter((coding) => coding !== undefined);
}

function unknownCoding(codings: readonly string[], endpoint: string): ErrUnavailable {
  const message = `read body from ${endpoint}: got Content-Encoding ${quoted(codings)}, wanted none`;
  return new ErrUnavailable(message, { endpoint, retryable: false });
}

function badly(codings: readonly string[], endpoint: string, cause: unknown): ErrUnavailable {
  const message = `read body from ${endpoint}: got bytes that are not ${quoted(codings)}, as Content-Encoding says`;
  return new ErrUnavailable(message, { cause, endpoint, retryable: false });
}

function quoted(codings: readonly string[]): string {
  return `"${plainText(codings.join(", "), 64)}"`;
}
