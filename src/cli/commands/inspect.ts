import { type Command, InvalidArgumentError } from "commander";
import type { Distribution, InspectedImage } from "../../index.ts";
import { parseAnyReference } from "../../reference.ts";
import { metaHeadersOf } from "../credentials.ts";
import { FormatTemplate } from "../format-template.ts";
import { inspectedFields } from "../inspected-fields.ts";
import { addAskingOptions, openRoot, type RegistryCliOptions, registryOptions } from "../options.ts";
import { printFormatted, printJson, printPrettyJson, tellMessage, writeDocument } from "../output.ts";
import { addPlaceOptions, openPlace, type PlaceCliOptions } from "../place.ts";
import { RegistryNotices } from "../registry-notices.ts";
import { addTotalTimeout } from "../timeouts.ts";

interface InspectCliOptions extends RegistryCliOptions, PlaceCliOptions {
  readonly platform?: string;
  readonly registry?: boolean;
  readonly local?: boolean;
  readonly raw?: boolean;
  readonly format?: string;
  readonly timeout?: number;
}

/** `drayage inspect REF` */
export function addInspectCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("inspect")
    .description("tell what an image consists of: one that is here, or else at its registry")
    .argument("<ref>", "name, digest, ID, or the beginning of an ID");
  addPlaceOptions(addTotalTimeout(addAskingOptions(command)))
    .option("--registry", "look at the registry only")
    .option("--local", "look here only")
    .option(
      "--platform <os/arch[/variant]>",
      "image to take out of an index (default: this machine's, or any)",
    )
    .option("--raw", "print the manifest or index byte for byte; with --platform the manifest of that")
    .option("-f, --format <template>", 'json, or placeholders such as "{{.Id}} {{json .Config.Labels}}"')
    .action((reference: string, options: InspectCliOptions) => inspect(reference, options, signal));
}

async function inspect(reference: string, options: InspectCliOptions, signal: AbortSignal): Promise<void> {
  const { raw = false, format, platform } = options;
  if (raw && format !== undefined) throw new InvalidArgumentError("wanted one of --raw and --format");
  const from = placeOf(options);
  const print = printerOf(format);
  const { domain } = parseAnyReference(reference);
  await using place = await openPlace(options, signal);
  await using distribution = await openRoot(options, {
    ...registryOptions(options, domain === undefined ? [] : [domain]),
    ...place.parts,
  });
  using _ = new RegistryNotices(distribution);
  const metaHeaders = await metaHeadersOf(options);
  const asked = { metaHeaders, timeoutMs: options.timeout, signal, onProgress: tellMessage };
  const image = await distribution.inspect(reference, { platform, from, ...asked });
  if (raw) await writeDocument(documentOf(image, platform), signal);
  else await print(inspectedFields(image, await namesOf(distribution, image, signal)));
}

function placeOf({ registry = false, local = false }: InspectCliOptions): "registry" | "local" | undefined {
  if (registry && local) throw new InvalidArgumentError("wanted one of --registry and --local");
  if (registry) return "registry";
  return local ? "local" : undefined;
}

type Fields = ReturnType<typeof inspectedFields>;

function printerOf(format: string | undefined): (fields: Fields) => void | Promise<void> {
  if (format === undefined) return printPrettyJson;
  if (format === "json") return printJson;
  const template = FormatTemplate.parse(format);
  return async (fields) =>
    printFormatted(await template.format((name) => (name === "" ? fields : fields[name])));
}

/** The manifest of the platform that somebody asked for, otherwise what the name points at. */
function documentOf({ documents }: InspectedImage, platform: string | undefined): Uint8Array {
  return (platform === undefined ? undefined : documents.manifest) ?? documents.target;
}

async function namesOf(
  { images }: Distribution,
  { from, reference }: InspectedImage,
  signal: AbortSignal,
): Promise<readonly string[]> {
  return from === "local" ? (await images.find(reference, { signal })).names : [];
}
