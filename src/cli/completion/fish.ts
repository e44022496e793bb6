import type { DescribedCommand, DescribedOption } from "./described-commands.ts";

/** A script for fish (3.0 and newer). */
export function fishCompletion(commands: readonly DescribedCommand[]): string {
  return ["# fish completion for drayage", "complete -c drayage -f", ...commands.flatMap(linesFor), ""].join(
    "\n",
  );
}

function linesFor(
  command: DescribedCommand,
  _at: number,
  all: readonly DescribedCommand[],
): readonly string[] {
  const { path, options, takesImages } = command;
  const condition = conditionFor(command);
  const below = all.filter(({ path: words }) => words.length === path.length + 1 && startsWith(words, path));
  return [
    ...below.map(({ path: words, description }) => {
      return `complete -c drayage -n ${condition} -a ${words.at(-1)} -d ${quoted(description)}`;
    }),
    ...options.map((option) => `complete -c drayage -n ${condition} ${optionParts(option)}`),
    ...(takesImages ? [`complete -c drayage -n ${condition} -a '(drayage images -q 2>/dev/null)'`] : []),
    ...(path.length > 0 && !takesImages && below.length === 0
      ? [`complete -c drayage -n ${condition} -F`]
      : []),
  ];
}

/** Where the words of the command, and none of a command below it, have been typed. */
function conditionFor({ path, subcommands }: DescribedCommand): string {
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const isOver = subcommands.length > 0 ? [`not __fish_seen_subcommand_from ${subcommands.join(" ")}`] : [];
  return quoted([...seen, ...isOver].join("; and "));
}

function startsWith(words: readonly string[], path: readonly string[]): boolean {
  return path.every((word, at) => words[at] === word);
}

function optionParts({ long, short, description, takesValue, choices }: DescribedOption): string {
  const names = `-l ${long.slice(2)}${short === undefined ? "" : ` -s ${short.slice(1)}`}`;
  const values = choices.length > 0 ? ` -xa ${quoted(choices.join(" "))}` : " -rF";
  return `${names}${takesValue ? values : ""} -d ${quoted(description)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
