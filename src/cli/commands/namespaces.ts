import type { Command } from "commander";
import { openLocalStore, openNamespaceMetadata } from "../../content.ts";
import { formatLabels, parseLabels } from "../label-arguments.ts";
import { addRootOptions, type RootOptions } from "../options.ts";
import { printLines } from "../output.ts";

/** `drayage namespaces label` */
export function addNamespacesCommand(program: Command): void {
  const namespaces = program
    .command("namespaces")
    .description("look after the namespaces that `serve` tells apart");
  addRootOptions(namespaces.command("label").description("show or change the labels of a namespace itself"))
    .argument("<namespace>")
    .argument("[key=value...]", "an empty value removes the label")
    .action((namespace: string, pairs: readonly string[], options: RootOptions) =>
      label(namespace, pairs, options),
    );
}

async function label(namespace: string, pairs: readonly string[], { root }: RootOptions): Promise<void> {
  await using _store = await openLocalStore({ root }); // makes the root
  using metadata = openNamespaceMetadata({ root });
  if (pairs.length > 0) await metadata.labelNamespace(namespace, parseLabels(pairs));
  printLines(...formatLabels(await metadata.namespaceLabels(namespace)));
}
