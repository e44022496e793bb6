import type { DescribedCommand } from "./described-commands.ts";

/**
 * A script for bash (3.2 and newer). Names of images come from `drayage images -q` when they are wanted; of these only such are offered as no
 * shell takes for anything but text, because bash puts them on the line as they are.
 */
export function bashCompletion(commands: readonly DescribedCommand[]): string {
  return `# bash completion for drayage
_drayage() {
  local line=\${COMP_LINE:0:COMP_POINT} word cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local path="" i words="" images="" name start
  word=\${line##* }
  start=\${word%"$cur"}
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
${commands
  .filter(({ path }) => path.length > 0)
  .map(({ path }) => `      " ${path.join(" ")}") path=" ${path.join(" ")}" ;;`)
  .join("\n")}
    esac
  done
  case "$path $prev" in
${commands.flatMap(valueCases).join("\n")}
  esac
  case "$path" in
${commands.map(commandCase).join("\n")}
  esac
  COMPREPLY=()
  for name in $words; do
    if [[ $name == "$word"* ]]; then COMPREPLY+=("\${name#"$start"}"); fi
  done
  if [[ -n $images && $word != -* ]]; then
    while IFS= read -r name; do
      if [[ $name == "$word"* && $name =~ ^[A-Za-z0-9._:/@-]+$ ]]; then COMPREPLY+=("\${name#"$start"}"); fi
    done < <(drayage images -q 2>/dev/null)
  fi
}
complete -o default -F _drayage drayage
`;
}

/** What follows an option with a value: its choices, or files, which bash offers when there is no reply. */
function valueCases({ path, options }: DescribedCommand): readonly string[] {
  const start = path.map((word) => ` ${word}`).join("");
  return options
    .filter(({ takesValue }) => takesValue)
    .map(({ long, short, choices }) => {
      const names = [long, ...(short === undefined ? [] : [short])]
        .map((name) => `"${start} ${name}"`)
        .join(" | ");
      const reply =
        choices.length > 0 ? `COMPREPLY=($(compgen -W "${choices.join(" ")}" -- "$cur"))` : "COMPREPLY=()";
      return `    ${names}) ${reply}; return ;;`;
    });
}

function commandCase({ path, options, subcommands, takesImages }: DescribedCommand): string {
  const start = path.map((word) => ` ${word}`).join("");
  const words = [...subcommands, ...options.map(({ long }) => long)].join(" ");
  return `    "${start}") words="${words}"${takesImages ? " images=yes" : ""} ;;`;
}
