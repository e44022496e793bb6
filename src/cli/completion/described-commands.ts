import type { Command, Option } from "commander";

/** What shells need to know of an option. */
export interface DescribedOption {
  /** `--quiet` */
  readonly long: string;
  /** `-q`; absent where there is none. */
  readonly short: string | undefined;
  readonly description: string;
  readonly takesValue: boolean;
  /** The only values that it takes; empty: any, and files are offered. */
  readonly choices: readonly string[];
}

/** What shells need to know of a command. */
export interface DescribedCommand {
  /** Its words: `content ls`. */
  readonly path: readonly string[];
  readonly description: string;
  readonly options: readonly DescribedOption[];
  /** Whether names of images that are here may be its arguments. */
  readonly takesImages: boolean;
  /** The words that may follow; empty for a command that does something itself. */
  readonly subcommands: readonly string[];
}

/** Arguments that name images, by the names that the commands give them. */
const IMAGE_ARGUMENTS: ReadonlySet<string> = new Set(["ref", "src"]);

/** The commands of a program, those of one word first, with the program itself in front. */
export function describedCommands(program: Command): readonly DescribedCommand[] {
  const found: DescribedCommand[] = [];
  const left: Array<readonly [Command, readonly string[]]> = [[program, []]];
  for (let next = left.shift(); next; next = left.shift()) {
    const [command, path] = next;
    found.push({
      path,
      description: command.description(),
      options: command.options.filter(({ hidden }) => !hidden).flatMap(describedOption),
      takesImages: command.registeredArguments.some((argument) => IMAGE_ARGUMENTS.has(argument.name())),
      subcommands: command.commands.map((each) => each.name()),
    });
    left.push(...command.commands.map((each) => [each, [...path, each.name()]] as const));
  }
  return found;
}

function describedOption(option: Option): readonly DescribedOption[] {
  const { long, short, description, argChoices = [] } = option;
  if (!long) return [];
  const takesValue = option.required || option.optional;
  return [{ long, short, description, takesValue, choices: argChoices }];
}
