import { once } from "node:events";
import { type Command, Option } from "commander";
import { namespacedStore, openLocalStore, openNamespaceMetadata } from "../../content.ts";
import { addRootOptions, openLogger, type RootOptions } from "../options.ts";
import { printLines } from "../output.ts";

interface ServeOptions extends RootOptions {
  readonly address: string;
  readonly namespaces: "shared" | "isolated" | "off";
}

/** `drayage serve --address unix:///PATH` */
export function addServeCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("serve")
    .description("offer the blobs of a data root as containerd's content service");
  addRootOptions(command)
    .requiredOption("--address <address>", "unix:///PATH, or tcp://HOST:PORT for anybody who reaches it")
    .addOption(
      new Option("--namespaces <policy>", "what callers that name a namespace see of each other's blobs")
        .choices(["shared", "isolated", "off"])
        .default("shared"),
    )
    .action((options: ServeOptions) => serve(options, signal));
}

/** Serves until the signal fires, then lets calls under way end. */
async function serve(
  { root, address, namespaces, logLevel }: ServeOptions,
  signal: AbortSignal,
): Promise<void> {
  const { serveContent } = await import("../../content-grpc.ts");
  await using store = await openLocalStore({ root });
  using metadata = openNamespaceMetadata({ root });
  const storeFor = (namespace: string) =>
    namespaces === "off" ? store : namespacedStore(store, metadata, { namespace, policy: namespaces });
  const logger = await openLogger(logLevel);
  await using server = await serveContent({ store, storeFor, address, logger });
  printLines(`serving ${root} at ${server.address}`);
  if (!signal.aborted) await once(signal, "abort");
}
