import type { Command } from "commander";
import type { CheckResult, DamagedContent, DistributionOptions } from "../../index.ts";
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
    .description("hash all content, name what is damaged or missing, and put damaged bytes out of the way");
  addRegistryOptions(command)
    .option("--repair", "fetch again what is damaged or missing, from where it came")
    .option("--json", "print the result as JSON")
    .action(async ({ repair, json, ...options }: CheckCliOptions) => {
      await using distribution = await openRoot(options, await checkOptions(options, signal));
      const result = await distribution.check({ repair, signal });
      if (json) printJson({ ...result, damage: result.damage.map(withText) });
      else show(result);
      if (!result.whole) throw new DamageRemains(result.damage.filter(({ repaired }) => !repaired).length);
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

function show({ checked, damage }: CheckResult): void {
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
}

function stateOf({ repaired, contained, error }: DamagedContent): string {
  if (repaired) return "repaired";
  const state = contained ? "set aside" : "not repaired";
  return error instanceof Error ? `${state}: ${error.message.split("\n", 1)[0]}` : state;
}

/** An error as JSON is `{}`; its text is what counts. */
function withText(found: DamagedContent): object {
  return { ...found, ...(found.error instanceof Error && { error: found.error.message }) };
}
