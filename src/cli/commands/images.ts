import { type Command, InvalidArgumentError } from "commander";
import type { Distribution } from "../../index.ts";
import { formatBytes } from "../format-bytes.ts";
import { FormatTemplate } from "../format-template.ts";
import { shownName } from "../image-names.ts";
import { createdAt, listedFields, listedImages } from "../listed-image.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { printFormatted, printJson, printLines, printTable } from "../output.ts";
import { addPlaceOptions, openPlace, type PlaceCliOptions } from "../place.ts";

interface ImagesCliOptions extends RootOptions, PlaceCliOptions {
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly format?: string;
}

/** `drayage images` */
export function addImagesCommand(program: Command, signal: AbortSignal): void {
  const command = program.command("images").description("list the images of the data root");
  addPlaceOptions(addRootOptions(command))
    .option("-q, --quiet", "print only full names")
    .option("--json", "print exact numbers as JSON")
    .option("--format <template>", 'placeholders such as "{{.ID}} {{.Repository}}:{{.Tag}} {{.Size}}"')
    .action((options: ImagesCliOptions) => list(options, signal));
}

async function list(options: ImagesCliOptions, signal: AbortSignal): Promise<void> {
  const { quiet = false, json = false, format } = options;
  if ([quiet, json, format !== undefined].filter(Boolean).length > 1) {
    throw new InvalidArgumentError("wanted one of --quiet, --json and --format");
  }
  const template = format === undefined ? undefined : FormatTemplate.parse(format);
  await using place = await openPlace(options, signal);
  await using distribution = await openRoot(options, place.parts);
  if (quiet) printLines(...(await distribution.images.list({ signal })).map(({ name }) => name));
  else if (json) printJson(await facts(distribution, signal));
  else if (template) await printEach(template, distribution, signal);
  else await printAll(distribution, signal);
}

async function printAll(distribution: Distribution, signal: AbortSignal): Promise<void> {
  const rows = [["NAME", "DIGEST", "SIZE"]];
  for (const { name, target } of await distribution.images.list({ signal })) {
    const size = await distribution.sizeOf(target, { signal });
    rows.push([shownName(name), target.digest.slice(0, 19), formatBytes(size)]);
  }
  printTable(rows);
}

async function printEach(
  template: FormatTemplate,
  distribution: Distribution,
  signal: AbortSignal,
): Promise<void> {
  for (const image of await listedImages(distribution, signal)) {
    printFormatted(await template.format(listedFields(distribution, image, signal)));
  }
}

async function facts(distribution: Distribution, signal: AbortSignal): Promise<readonly object[]> {
  const all: object[] = [];
  for (const { name, id, target } of await listedImages(distribution, signal)) {
    const bytes = await distribution.sizeOf(target, { signal });
    all.push({ name, id, target, bytes, created: await createdAt(distribution, name, signal) });
  }
  return all;
}
