import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TestRegistry } from "../../src/testing.ts";

/** What a raw connection saw. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** Everything after the headers, transfer coding included. */
  readonly body: Buffer;
  /** How the server ended the connection. */
  readonly end: "fin" | "reset";
}

/** A connection on which bytes are written and read by hand. */
export class Wire implements AsyncDisposable {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #error: NodeJS.ErrnoException | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    socket.on("error", (error) => {
      this.#error = error;
    });
  }

  static async open(registry: TestRegistry): Promise<Wire> {
    const { hostname, port } = new URL(registry.url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    return new Wire(socket);
  }

  get received(): Buffer {
    return this.#received;
  }

  /** Sends a request head; the body, if any, is written to the socket. */
  send(method: string, path: string, headers: Record<string, string> = {}): void {
    const lines = Object.entries({ host: "registry", ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    this.socket.write([`${method} ${path} HTTP/1.1`, ...lines, "", ""].join("\r\n"));
  }

  /** Resolves once `text` was received. */
  async until(text: string): Promise<void> {
    while (!this.#received.includes(text)) await once(this.socket, "data");
  }

  /** Resolves once `count` body bytes were received. */
  async untilBody(count: number): Promise<void> {
    await this.until("\r\n\r\n");
    while (this.#answerBody().byteLength < count) await once(this.socket, "data");
  }

  /** Everything up to the end of the connection. */
  async answer(): Promise<WireAnswer> {
    if (!this.socket.closed) {
      await new Promise<void>((resolve) => {
        this.socket.once("close", () => resolve());
      });
    }
    const [statusLine = "", ...lines] = this.#received
      .subarray(0, Math.max(0, this.#received.indexOf("\r\n\r\n")))
      .toString("latin1")
      .split("\r\n");
    const fields = lines.map((line) => line.split(": ") as [string, string]);
    return {
      status: Number(statusLine.split(" ")[1]),
      headers: new Map(fields.map(([name, value]) => [name.toLowerCase(), value])),
      body: this.#answerBody(),
      end: this.#error?.code === "ECONNRESET" ? "reset" : "fin",
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    if (!this.socket.closed) await once(this.socket, "close");
  }

  #answerBody(): Buffer {
    const end = this.#received.indexOf("\r\n\r\n");
    return end < 0 ? Buffer.alloc(0) : this.#received.subarray(end + 4);
  }
}

/** One GET on a connection of its own. */
export async function wireGet(
  registry: TestRegistry,
  path: string,
  headers: Record<string, string> = {},
): Promise<WireAnswer> {
  await using wire = await Wire.open(registry);
  wire.send("GET", path, { connection: "close", ...headers });
  return await wire.answer();
}

/** `fetch` of a path of the registry, redirects left alone. */
export async function call(registry: TestRegistry, path: string, init: RequestInit = {}): Promise<Response> {
  return await fetch(new URL(path, registry.url), { redirect: "manual", ...init });
}

/** The error codes of an answer. */
export async function errorCodes(response: Response): Promise<readonly string[]> {
  const body = (await response.json()) as { errors: { code: string; message: string }[] };
  return body.errors.map(({ code }) => code);
}

/** All bytes of an iterable. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
