import type { Api, Door, Entry, EntryKind, Option, OptionType, Parameter } from "./api.ts";
import { oneParagraph } from "./doc-comment.ts";

/** The parts of a door's page, in their order. */
const PARTS: ReadonlyArray<readonly [EntryKind, string]> = [
  ["function", "Functions"],
  ["class", "Classes"],
  ["interface", "Interfaces"],
  ["type", "Types"],
  ["constant", "Constants"],
];

const INTRODUCTION = `What each door of drayage offers, made from the comments in its sources.

Options that are left out, or \`undefined\`, have their default; one that nobody knows is refused with \`ErrInvalidArgument\` by whatever
opens something, or moves something. Examples are what stands between the braces. They name what the doors offer, and things that somebody
has who needs the option: \`distribution\` is an engine, \`containerd\` what \`openContainerd\` gives, \`store\` a content store, \`labels\` one
of labels, \`endpoint\` one of those that \`lookupEndpoints\` finds, \`send\` that of a transport, \`layer\` a descriptor, and \`clock\` and
\`logger\` are what they are called.`;

/** The pages of the reference as Markdown, by file name: one for each door, and `README.md` that leads to them. */
export function writePages(api: Api): ReadonlyMap<string, string> {
  const pages = api.doors.map(
    (door) => [`${door.page}.md`, doorPage(door, optionTypesOf(door, api))] as const,
  );
  return new Map([["README.md", firstPage(api)], ...pages]);
}

function firstPage({ doors }: Api): string {
  const lines = doors.map((door) => {
    const [summary = ""] = oneParagraph(door.description).split(/(?<=\.) /);
    return `* [${door.name}](${door.page}.md): ${summary}`;
  });
  const names = doors.flatMap(({ page, entries }) =>
    entries.map(({ name }) => [name.toLowerCase(), `[${name}](${page}.md#${anchor(name)})`] as const),
  );
  const sorted = names.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, link]) => link);
  return ["# Reference", INTRODUCTION, lines.join("\n"), "## Every name", sorted.join(", ")]
    .join("\n\n")
    .concat("\n");
}

/** Those that the door's names take, those inside of them, and those that it exports. */
function optionTypesOf(door: Door, { optionTypes }: Api): readonly OptionType[] {
  const wanted = new Set(door.entries.flatMap(({ takes }) => takes));
  const isInside = ({ inside }: OptionType): boolean => inside.some(({ type }) => wanted.has(type));
  for (let size = 0; size < wanted.size; ) {
    size = wanted.size;
    for (const type of optionTypes.filter(isInside)) wanted.add(type.key);
  }
  return optionTypes.filter(({ key }) => wanted.has(key));
}

function doorPage(door: Door, optionTypes: readonly OptionType[]): string {
  const asOptions = new Map(optionTypes.map(({ key, name }) => [key, name]));
  const shown = new Set(asOptions.values());
  const sections = PARTS.flatMap(([kind, title]) => {
    const entries = door.entries.filter((entry) => entry.kind === kind && !shown.has(entry.name));
    if (entries.length === 0) return [];
    return [`## ${title}`, ...entries.toSorted(byName).map((entry) => entrySection(entry, asOptions))];
  });
  const options = optionTypes.length === 0 ? [] : ["## Options", ...optionTypes.map(optionsSection)];
  return [`# ${door.name}`, door.description, ...sections, ...options].join("\n\n").concat("\n");
}

function byName(a: Entry, b: Entry): number {
  return a.name < b.name ? -1 : 1;
}

function entrySection(
  { name, declarations, description, parameters, members, takes }: Entry,
  asOptions: ReadonlyMap<string, string>,
): string {
  const links = takes
    .flatMap((taken) => asOptions.get(taken) ?? [])
    .map((taken) => `[${taken}](#${anchor(taken)})`);
  const list = members.map((member) => {
    const told = member.parameters.map((parameter) => `${parameterText(parameter)}.`);
    const text = [oneParagraph(member.description), ...told].join(" ");
    return `* ${code(member.declaration)}${text === "" ? "" : `: ${text}`}`;
  });
  return [
    `### ${name}`,
    `\`\`\`ts\n${declarations.join("\n")}\n\`\`\``,
    description,
    parameters.map((parameter) => `* ${parameterText(parameter)}`).join("\n"),
    list.join("\n"),
    links.length === 0 ? "" : `Options: ${links.join(", ")}.`,
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function parameterText({ name, description }: Parameter): string {
  return `${code(name)}: ${description}`;
}

function optionsSection({ name, description, options, inside }: OptionType): string {
  const places = inside.map(
    ({ type, option, as }) => `${code(`${type.replace(/^.* /, "")}.${option}`)}${AS[as]}`,
  );
  const rows = options.map(optionRow);
  return [
    `### ${name}`,
    description,
    places.length === 0 ? "" : `The value of ${[...new Set(places)].join(", ")}.`,
    [
      "| option | type | unit | default | what it does | example |",
      "|---|---|---|---|---|---|",
      ...rows.map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`),
    ].join("\n"),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

const AS = { object: "", list: ", in a list", record: ", under names" } as const;

function optionRow(option: Option): readonly string[] {
  const { name, type, isRequired, unit = "", defaultValue = "", description, avoid, examples } = option;
  const notFor = avoid === undefined ? "" : ` **Not** ${avoid}.`;
  return [
    code(name),
    code(type),
    unit,
    isRequired ? "*required*" : defaultValue,
    `${oneParagraph(description)}${notFor}`,
    examples.map(code).join("<br>"),
  ];
}

/** Text in code marks, also where it has such marks itself. */
function code(text: string): string {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** What a heading is called in links. */
function anchor(title: string): string {
  return title.toLowerCase().replaceAll(/[^\w-]/g, "");
}
