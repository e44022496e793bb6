/** All that the package offers. */
export interface Api {
  readonly doors: readonly Door[];
  /** Whatever is an option, by the type that it is in; those of a door's functions and of what is inside of them. */
  readonly optionTypes: readonly OptionType[];
}

/** One way into the package. */
export interface Door {
  /** What is written behind `from`: `drayage/content`. */
  readonly name: string;
  /** Name of its page, without an extension: `content`. */
  readonly page: string;
  readonly description: string;
  readonly entries: readonly Entry[];
}

/** One name that a door exports. */
export interface Entry {
  readonly name: string;
  readonly kind: EntryKind;
  readonly description: string;
  /** The parameters that the comment tells of. */
  readonly parameters: readonly Parameter[];
  /** How it is declared, without its body: one for each overload. */
  readonly declarations: readonly string[];
  /** Of classes and interfaces, in the order of the source. */
  readonly members: readonly Member[];
  /** Keys of the option types that it takes, and its own where it is one. */
  readonly takes: readonly string[];
}

/** What a name is. Interfaces without methods, and aliases, are types. */
export type EntryKind = "function" | "class" | "interface" | "type" | "constant";

/** What a comment says of a parameter. */
export interface Parameter {
  readonly name: string;
  readonly description: string;
}

/** A property or method of a class or an interface. */
export interface Member {
  readonly name: string;
  readonly declaration: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
}

/** An object of options. */
export interface OptionType {
  /** File and name, which no other has. */
  readonly key: string;
  /** Its name, or where it is where it has none: `DockerApiOptions.product`. */
  readonly name: string;
  /** TypeScript for it, with `root` in scope. */
  readonly expression: string;
  /** What has to be imported to name it, and the file from the top of the repository that exports it. */
  readonly root: { readonly name: string; readonly file: string; readonly isType: boolean };
  readonly description: string;
  readonly options: readonly Option[];
  /** Which options it is the value of. */
  readonly inside: readonly Inside[];
  /** Whether a function of a door takes it, and not only another option. */
  readonly isTaken: boolean;
}

/** Where an option type is the value of an option: as it is, in a list, or under names of the caller's choice. */
export interface Inside {
  /** Key of the type that has the option. */
  readonly type: string;
  readonly option: string;
  readonly as: "object" | "list" | "record";
}

/** One option. */
export interface Option {
  readonly name: string;
  /** Which type declares it, for those that are inherited: `AbortOptions`. */
  readonly owner: string;
  /** Its type as the source has it. */
  readonly type: string;
  readonly isRequired: boolean;
  /** Whether a number may be given for it, which then needs a unit. */
  readonly isNumber: boolean;
  readonly description: string;
  readonly unit: string | undefined;
  readonly defaultValue: string | undefined;
  /** When it is not for: what follows a `not`. */
  readonly avoid: string | undefined;
  /** What stands between the braces of an object: `platform: "linux/arm64"`. */
  readonly examples: readonly string[];
  /** File and line of its declaration. */
  readonly place: string;
}
