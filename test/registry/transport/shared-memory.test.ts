import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { HERE } from "../../../src/registry/http/send.ts";
import { createTransport } from "../../../src/registry/transport/transport.ts";

const BYTES = 24 * 1024 * 1024;
const LETTERS = ["x", "y"] as const;

/** Answers `/x` with a body of that letter. */
const server = createServer(({ url = "" }, response) => {
  response.writeHead(200, { "content-length": BYTES });
  response.end(Buffer.alloc(BYTES, url.slice(1)));
});

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(() => server.close());

/** Both bodies at the same time, over a transport whose sockets share their memory. */
function bodies(place?: typeof HERE) {
  const transport = createTransport({}, { receivesMuch: true });
  onTestFinished(() => transport.close());
  const { port } = server.address() as AddressInfo;
  return Promise.all(
    LETTERS.map(async (letter) => {
      const url = `http://127.0.0.1:${port}/${letter}`;
      const { body } = await transport.send({ method: "GET", url, bulk: true, place });
      return { letter, body };
    }),
  );
}

describe("a body over sockets that share their memory", () => {
  it("stays what it is until the promise of its sink settles, whatever comes meanwhile", async () => {
    const wrong: string[] = [];
    let waiting: (() => void) | undefined;
    const both = await bodies();
    let open = both.length;
    const pipes = both.map(async ({ letter, body }) => {
      let bytes = 0;
      await body.pipeTo(async (chunk) => {
        waiting?.();
        const other = Promise.withResolvers<void>();
        waiting = other.resolve;
        if (open > 1) await other.promise; // until the other body has brought something
        if (chunk.some((byte) => byte !== letter.charCodeAt(0))) wrong.push(letter);
        bytes += chunk.length;
      });
      open -= 1;
      waiting?.();
      return bytes;
    });
    expect(await Promise.all(pipes)).toEqual([BYTES, BYTES]);
    expect(wrong).toEqual([]);
  });

  it("comes in memory of its own where its sink may keep it", async () => {
    const memories = { x: new Set<ArrayBufferLike>(), y: new Set<ArrayBufferLike>() };
    await Promise.all(
      (await bodies()).map(({ letter, body }) =>
        body.pipeTo((chunk) => {
          memories[letter].add(chunk.buffer);
        }),
      ),
    );
    expect([...memories.x].filter((memory) => memories.y.has(memory))).toEqual([]);
  });

  it("is given as it lies there to whoever needs it no longer than the call takes", async () => {
    const memories = { x: new Set<ArrayBufferLike>(), y: new Set<ArrayBufferLike>() };
    const got = await Promise.all(
      (await bodies(HERE)).map(async ({ letter, body }) => {
        let bytes = 0;
        await body.pipeTo((chunk) => {
          memories[letter].add(chunk.buffer);
          if (chunk.every((byte) => byte === letter.charCodeAt(0))) bytes += chunk.length;
        });
        return bytes;
      }),
    );
    expect(got).toEqual([BYTES, BYTES]);
    expect([...memories.x].filter((memory) => memories.y.has(memory))).toHaveLength(1);
  });
});
