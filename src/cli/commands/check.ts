import type { Command } from "commander";
import type {
  CheckedLayers,
  CheckResult,
  DamagedContent,
  DamagedLayer,
  DistributionOptions,
} from "../../index.ts";
import { parseNormalizedNamed } from "../../reference.ts";
import { DamageRemains } from "../damage-remains.ts";
import { shownName } from "../image-names.ts";
import { addRegistryOptions, openRoot, type RegistryCliOptions, registryOptions } from "../options.ts";
import { printJson, printLines, printTable } from "../output.ts";

interface CheckCliOptions extends RegistryCliOptions {
  readonly repair?: boolean;
  readonly json?: boolean;
}

/** `drayage check` */
export function addCheckCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("check")
    .description(
      "verify all content and all unpacked layers, name what is damaged or missing, and put damaged bytes out of the way",
    );
  addRegistryOptions(command)
    .option(
      "--repair",
      "fetch again what is damaged or missing, from where it came, and unpack damaged layers again",
    )
    .option("--json", "print the result as JSON")
    .action(async ({ repair, json, ...options }: CheckCliOptions) => {
      await using distribution = await openRoot(options, await checkOptions(options, signal));
      const result = await distribution.check({ repair, signal });
      const { damage, layers } = result;
      if (json) printJson({ ...result, damage: damage.map(withText), layers: layersWithText(layers) });
      else show(result);
      if (!result.whole) {
        throw new DamageRemains([...damage, ...layers.damage].filter(({ repaired }) => !repaired).length);
      }
    });
}

/** Whatever host content came from is one that `--insecure` and the certificates speak of. */
async function checkOptions(
  options: RegistryCliOptions,
  signal: AbortSignal,
): Promise<Partial<DistributionOptions>> {
  const { insecure = false, caFile, cert } = options;
  if (!insecure && caFile === undefined && cert === undefined) return registryOptions(options, []);
  await using distribution = await openRoot(options);
  const names = await distribution.images.list({ signal });
  return registryOptions(options, [...new Set(names.flatMap(({ name }) => hostOf(name)))]);
}

/** None for a name of another tool that is no reference. */
function hostOf(name: string): readonly string[] {
  try {
    return [parseNormalizedNamed(name).domain];
  } catch {
    return [];
  }
}

function show({ checked, damage, layers }: CheckResult): void {
  if (damage.length > 0) {
    const rows = damage.map((found) => [
      found.digest,
      found.problem,
      stateOf(found),
      found.images.map(shownName).join(", ") || "-",
    ]);
    printTable([["DIGEST", "PROBLEM", "STATE", "IMAGES"], ...rows]);
  }
  printLines(`Checked ${checked.count} blobs, ${damage.length} damaged or missing`);
  showLayers(layers);
}

function showLayers({ checked, damage, unverified }: CheckedLayers): void {
  if (damage.length > 0) {
    const rows = damage.map((found) => [
      found.chainId,
      problemOf(found),
      found.repaired ? "repaired" : withReason("not repaired", found.error),
      found.images.map(shownName).join(", ") || "-",
    ]);
    printTable([["LAYER", "PROBLEM", "STATE", "IMAGES"], ...rows]);
  }
  if (unverified.length > 0) {
    const rows = unverified.map(({ chainId, images, error }) => [
      chainId,
      withReason("not verified", error),
      images.map(shownName).join(", ") || "-",
    ]);
    printTable([["LAYER", "STATE", "IMAGES"], ...rows]);
  }
  if (checked.count + damage.length + unverified.length > 0) {
    printLines(`Checked ${checked.count} layers, ${damage.length} damaged or missing`);
  }
}

/** The first thing that is wrong, and how many more there are. */
function problemOf({ differences: { count, examples } }: DamagedLayer): string {
  const [first = "damaged"] = examples;
  return count > 1 ? `${first} (and ${count - 1} more)` : first;
}

function stateOf({ repaired, contained, error }: DamagedContent): string {
  if (repaired) return "repaired";
  return withReason(contained ? "set aside" : "not repaired", error);
}

function withReason(state: string, error: unknown): string {
  return error instanceof Error ? `${state}: ${error.message.split("\n", 1)[0]}` : state;
}

/** An error as JSON is `{}`; its text is what counts. */
function withText(found: { readonly error?: unknown }): object {
  return { ...found, ...(found.error instanceof Error && { error: found.error.message }) };
}

function layersWithText({ damage, unverified, ...layers }: CheckedLayers): object {
  return { ...layers, damage: damage.map(withText), unverified: unverified.map(withText) };
}
