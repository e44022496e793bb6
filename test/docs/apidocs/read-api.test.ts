import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Api, OptionType } from "../../../docs/apidocs/api.ts";
import { readApi } from "../../../docs/apidocs/read-api.ts";
import { writePages } from "../../../docs/apidocs/write-pages.ts";

const THING = `
/** How long something may take. */
export interface PatientOptions {
  /**
   * Longest time.
   * @defaultValue 5,000
   * @example timeoutMs: 10
   */
  readonly timeoutMs?: number | undefined;
}
/** How a thing is opened. */
export interface ThingOptions extends PatientOptions {
  /**
   * Where it is,
   * wherever that is.
   * @example path: "/a|b"
   */
  readonly path: string;
  /**
   * How many.
   * @unit things
   */
  readonly most?: number | "all" | undefined;
  /** Each of its parts. */
  readonly parts?: readonly PartOptions[] | undefined;
  /** By name. */
  readonly named?: Readonly<Record<string, { readonly deep?: boolean }>> | undefined;
  /** @hidden */
  readonly secret?: Map<string, string> | undefined;
  /** A doer, and no options. */
  readonly doer?: Doer | undefined;
}
/** A part. */
export interface PartOptions { readonly size?: number }
/** What does something. */
export interface Doer { do(options: { readonly fast?: boolean }): void }
/** Data. */
export interface Data { readonly id: string; readonly note?: string }
/** A thing. */
export class Thing {
  readonly #secret = 1;
  private constructor(options: { readonly inner?: boolean }) { void options; void this.#secret; }
  /**
   * Opens it.
   * @param data what is in it
   */
  static open(data: Data, options?: ThingOptions): Thing { void data; return new Thing({ ...options }); }
}
/** Only its type is public. */
export class Made { constructor(options: { readonly made?: boolean }) { void options; } }
`;

let top: string;
let api: Api;

beforeAll(async () => {
  top = await realpath(await mkdtemp(join(tmpdir(), "drayage-apidocs-")));
  await mkdir(join(top, "src"));
  const door = { types: "./dist/index.d.ts", default: "./dist/index.js" };
  await writeFile(
    join(top, "package.json"),
    JSON.stringify({ name: "thing", type: "module", exports: { ".": door } }),
  );
  const compilerOptions = {
    target: "es2023",
    module: "nodenext",
    strict: true,
    noEmit: true,
    types: [],
    allowImportingTsExtensions: true,
  };
  await writeFile(join(top, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  await writeFile(join(top, "src", "thing.ts"), THING);
  const exported =
    'export { type Doer, type Made, type PartOptions, Thing, type ThingOptions } from "./thing.ts";';
  await writeFile(
    join(top, "src", "index.ts"),
    `/**\n * Things. All of them.\n * @module\n */\n${exported}\n`,
  );
  api = readApi(top);
});

afterAll(() => rm(top, { recursive: true, force: true }));

const typeOf = (name: string): OptionType | undefined => api.optionTypes.find((type) => type.name === name);

describe("readApi()", () => {
  it("finds the options of what may be called, and those inside of them, and no others", () => {
    const names = api.optionTypes.map(({ name, isTaken, inside }) => [
      name,
      isTaken,
      inside.map(({ as }) => as),
    ]);
    expect(names).toEqual([
      ["Doer.do", true, []],
      ["PartOptions", false, ["list"]],
      ["ThingOptions", true, []],
      ["ThingOptions.named", false, ["record"]],
    ]);
  });

  it("tells of an option what its comment, its type and whoever declares it say", () => {
    const options = typeOf("ThingOptions")?.options ?? [];
    expect(options.map(({ owner, name }) => `${owner}.${name}`).toSorted()).toEqual([
      "PatientOptions.timeoutMs",
      "ThingOptions.doer",
      "ThingOptions.most",
      "ThingOptions.named",
      "ThingOptions.parts",
      "ThingOptions.path",
    ]);
    const find = (name: string) => options.find((option) => option.name === name);
    expect(find("path")).toMatchObject({
      isRequired: true,
      isNumber: false,
      description: "Where it is,\nwherever that is.",
      examples: ['path: "/a|b"'],
      place: "src/thing.ts",
    });
    expect(find("timeoutMs")).toMatchObject({
      isRequired: false,
      type: "number",
      unit: "milliseconds",
      defaultValue: "5,000",
    });
    expect(find("most")).toMatchObject({ isNumber: true, unit: "things" });
  });
});

describe("writePages()", () => {
  it("has a page for each door, with what it exports, parameters and options", () => {
    const pages = writePages(api);
    expect([...pages.keys()]).toEqual(["README.md", "thing.md"]);
    expect(pages.get("README.md")).toContain("* [thing](thing.md): Things.");
    const page = pages.get("thing.md") ?? "";
    expect(page).toContain(
      "* `static open(data: Data, options?: ThingOptions): Thing`: Opens it. `data`: what is in it.",
    );
    expect(page).toContain("Options: [ThingOptions](#thingoptions).");
    expect(page).toContain(
      '| `path` | `string` |  | *required* | Where it is, wherever that is. | `path: "/a\\|b"` |',
    );
    expect(page).toContain("The value of `ThingOptions.parts`, in a list.");
    expect(page).not.toContain("secret");
  });
});
