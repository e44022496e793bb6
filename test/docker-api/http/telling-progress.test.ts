import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { streamMessages } from "../../../src/docker-api/http/message-stream.ts";
import { tellingProgress } from "../../../src/docker-api/http/telling-progress.ts";
import { message, type StepProgress, update } from "../../../src/progress/progress.ts";
import { until } from "../../distribution/support/until.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";
import { messagesIn } from "../support/api.ts";

const keep = closingAfterEach();

/** More than all buffers between a server and a client hold. */
const UPDATES = 200_000;

const TOTAL = UPDATES * 2;

/** Most that waits in a response: what node holds of it before it says that there is no room, and a message. */
const MAX_WAITING_BYTES = 100_000;

/** The end of what is served last. */
let answered: Promise<void>;

type Sink = (progress: StepProgress) => void;

/** Serves the progress of `work`; gives the answer before the client has read any of it. */
async function serve(
  work: (sink: Sink, response: ServerResponse) => Promise<void>,
): Promise<IncomingMessage> {
  const server = createServer((_, response) => {
    answered = streamMessages(response, (tell) =>
      tellingProgress(
        tell,
        (progress: StepProgress) => progress,
        (sink) => work(sink, response),
      ),
    );
  });
  keep({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const sent = request({ port: (server.address() as AddressInfo).port, agent: false }).end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  return answer;
}

/** Tells of two layers in turns, now and then leaving the turn to others. */
async function tellMany(sink: Sink): Promise<void> {
  for (let done = 1; done <= UPDATES; done++) {
    sink(update(done % 2 === 0 ? "even" : "odd", "Downloading", done, TOTAL));
    if (done % 1_000 === 0) await new Promise(setImmediate);
  }
}

describe("tellingProgress()", () => {
  it("keeps the newest updates and all messages for a client that does not read, in their order", async () => {
    let most = 0;
    let isTold = false;
    const answer = await serve(async (sink, response) => {
      sink(message("", "begins"));
      await tellMany((progress) => {
        sink(progress);
        most = Math.max(most, response.writableLength);
      });
      sink(message("", "is over"));
      isTold = true;
    });
    await until(() => isTold);
    expect(most).toBeLessThan(MAX_WAITING_BYTES);
    const told = messagesIn(await text(answer));
    expect(told.length).toBeLessThan(UPDATES);
    expect(told[0]).toMatchObject({ message: "begins" });
    expect(told.slice(-3)).toMatchObject([
      { id: "odd", currentBytes: UPDATES - 1 },
      { id: "even", currentBytes: UPDATES },
      { message: "is over" },
    ]);
  });

  it("leaves nothing out for a client that reads", async () => {
    const answer = await serve(async (sink) => {
      for (const action of ["Downloading", "Download complete", "Pull complete"])
        sink(update("a", action, 0, 0));
    });
    expect(messagesIn(await text(answer)).map(({ action }) => action)).toEqual([
      "Downloading",
      "Download complete",
      "Pull complete",
    ]);
  });

  it("tells of a failure after all that was told before", async () => {
    const answer = await serve(async (sink) => {
      await tellMany(sink);
      throw new Error("no space left");
    });
    expect(messagesIn(await text(answer)).slice(-3)).toMatchObject([
      { id: "odd", currentBytes: UPDATES - 1 },
      { id: "even", currentBytes: UPDATES },
      { error: "no space left" },
    ]);
  });

  it("ends where the client leaves instead of reading", async () => {
    const ended = Promise.withResolvers<void>();
    let isTold = false;
    const answer = await serve(async (sink, response) => {
      response.once("close", ended.resolve);
      await tellMany(sink);
      isTold = true;
    });
    await until(() => isTold);
    answer.destroy();
    await ended.promise;
    await answered;
  });
});
