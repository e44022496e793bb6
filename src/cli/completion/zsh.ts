import type { DescribedCommand, DescribedOption } from "./described-commands.ts";

/** A script for zsh: to be found by its name, `_drayage`, or to be evaluated. */
export function zshCompletion(commands: readonly DescribedCommand[]): string {
  return `#compdef drayage
_drayage_images() {
  local -a names
  names=(\${(f)"$(drayage images -q 2>/dev/null)"})
  _multi_parts -M 'r:|=*' / names 2>/dev/null || compadd -a names
}
_drayage() {
  local path="" candidate i
  for ((i = 2; i < CURRENT; i++)); do
    candidate="$path $words[i]"
    case "$candidate" in
${commands
  .filter(({ path }) => path.length > 0)
  .map(({ path }) => `      " ${path.join(" ")}") path="$candidate" ;;`)
  .join("\n")}
    esac
  done
  case "$path" in
${commands.map((command) => commandCase(command, commands)).join("\n")}
  esac
}
if [[ $funcstack[1] == _drayage ]]; then _drayage "$@"; else compdef _drayage drayage; fi
`;
}

function commandCase(command: DescribedCommand, all: readonly DescribedCommand[]): string {
  const { path, options, takesImages } = command;
  const start = path.map((word) => ` ${word}`).join("");
  const below = all.filter((each) => isBelow(each, command));
  const named = below.map(({ path: words, description }) =>
    quoted(`${words.at(-1)}:${description.replaceAll(":", "\\:")}`),
  );
  const first =
    below.length > 0 ? `local -a below; below=(${named.join(" ")}); _describe command below\n      ` : "";
  const rest = takesImages ? "'*:image:_drayage_images'" : "'*:file:_files'";
  const specs = [...options.map(optionSpec), ...(below.length > 0 ? [] : [rest])];
  return `    "${start}")\n      ${first}_arguments ${specs.join(" ")} ;;`;
}

function isBelow(candidate: DescribedCommand, { path }: DescribedCommand): boolean {
  return candidate.path.length === path.length + 1 && path.every((word, at) => candidate.path[at] === word);
}

function optionSpec({ long, description, takesValue, choices }: DescribedOption): string {
  const text = description.replaceAll(/[\\[\]:]/g, "\\$&");
  const values = choices.length > 0 ? `(${choices.join(" ")})` : "_files";
  return quoted(`*${long}[${text}]${takesValue ? `:value:${values}` : ""}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
