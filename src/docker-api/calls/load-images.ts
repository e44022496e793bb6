import { toDockerMessage } from "../../progress/docker-message.ts";
import type { StepProgress } from "../../progress/progress.ts";
import { streamMessages } from "../http/message-stream.ts";
import { tellingProgress } from "../http/telling-progress.ts";
import { type ApiCall, isSet } from "./api-call.ts";

/** `POST /images/load`: the images of an archive, compressed or not. */
export async function loadImages(call: ApiCall): Promise<void> {
  const { engine, request, response, signal } = call;
  const isQuiet = isSet(call, "quiet");
  const messageOf = (progress: StepProgress): object | undefined => {
    const message = toDockerMessage(progress);
    if (message.id === undefined) return { stream: `${message.status}\n` };
    return isQuiet ? undefined : message;
  };
  await streamMessages(response, async (tell) => {
    const images = await tellingProgress(tell, messageOf, (onProgress) =>
      engine.distribution.import(request, { signal, onProgress }),
    );
    for (const image of images) engine.events.tell("load", image);
  });
}
