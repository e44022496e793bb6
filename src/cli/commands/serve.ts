import { once } from "node:events";
import { type Command, InvalidArgumentError, Option } from "commander";
import { addPullOptions, addRegistryOptions } from "../options.ts";
import { printLines } from "../output.ts";
import type { ServedContent } from "../serve-content.ts";
import type { ServedImages } from "../serve-docker-api.ts";

interface ServeCliOptions extends ServedContent, ServedImages {
  readonly address?: string;
  readonly dockerApi?: string;
}

/** `drayage serve --address unix:///PATH` and `drayage serve --docker-api unix:///PATH` */
export function addServeCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("serve")
    .description(
      "offer a data root: its blobs as containerd's content service, or its images as docker's API",
    );
  addPullOptions(addRegistryOptions(command))
    .option(
      "--address <address>",
      "containerd's content service: unix:///PATH, or tcp://HOST:PORT for anybody who reaches it",
    )
    .addOption(
      new Option("--namespaces <policy>", "what callers that name a namespace see of each other's blobs")
        .choices(["shared", "isolated", "off"])
        .default("shared"),
    )
    .option(
      "--docker-api <address>",
      "the image half of docker's API, in the same way: what DOCKER_HOST is set to",
    )
    .option("--unpack", "with --docker-api: unpack the layers of what is pulled")
    .action((options: ServeCliOptions) => serve(options, signal));
}

/** Serves until the signal fires, then lets calls under way end. */
async function serve(options: ServeCliOptions, signal: AbortSignal): Promise<void> {
  const { address, dockerApi } = options;
  if ((address === undefined) === (dockerApi === undefined)) {
    throw new InvalidArgumentError("wanted either --address or --docker-api");
  }
  const onReady = async (bound: string): Promise<void> => {
    printLines(`serving ${options.root} at ${bound}`);
    if (!signal.aborted) await once(signal, "abort");
  };
  if (dockerApi === undefined) {
    const { serveContentOf } = await import("../serve-content.ts");
    await serveContentOf(options, address ?? "", onReady);
  } else {
    const { serveDockerApiOf } = await import("../serve-docker-api.ts");
    await serveDockerApiOf(options, dockerApi, onReady);
  }
}
