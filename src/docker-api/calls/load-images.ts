import { toDockerMessage } from "../../progress/docker-message.ts";
import type { StepSink } from "../../progress/progress.ts";
import { streamMessages } from "../http/message-stream.ts";
import { type ApiCall, isSet } from "./api-call.ts";

/** `POST /images/load`: the images of an archive, compressed or not. */
export async function loadImages(call: ApiCall): Promise<void> {
  const { engine, request, response, signal } = call;
  const isQuiet = isSet(call, "quiet");
  await streamMessages(response, async (tell) => {
    const onProgress: StepSink = (progress) => {
      const message = toDockerMessage(progress);
      if (message.id === undefined) void tell({ stream: `${message.status}\n` });
      else if (!isQuiet) void tell(message);
    };
    const images = await engine.distribution.import(request, { signal, onProgress });
    for (const image of images) engine.events.tell("load", image);
  });
}
