import { existsSync, globSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import {
  codeSpans,
  type Document,
  proseOf,
  readDocument,
  readDocuments,
  TOP,
  tableRows,
} from "./support/documents.ts";

const documents = readDocuments();
const architecture = readDocument("ARCHITECTURE.md");
const sources = globSync("src/**/*.ts", { cwd: TOP });

/** A name beside the document, or from the top of the repository. */
function find(document: Document, name: string): string | undefined {
  const candidates = [posix.join(posix.dirname(document.path), name), name];
  return candidates.find((path) => existsSync(`${TOP}${path}`));
}

/** Links to files or headings that are not there. */
function brokenLinks(document: Document): string[] {
  return [...proseOf(document).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? document.path : posix.join(posix.dirname(document.path), path);
      if (file !== document.path && !existsSync(`${TOP}${file}`)) return true;
      if (anchor === undefined) return false;
      return !anchorsOf(file === document.path ? document : readDocument(file)).includes(anchor);
    })
    .map((target) => `${document.path}: ${target}`);
}

function anchorsOf(document: Document): string[] {
  return [...proseOf(document).matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replace(/\s/g, "-"),
  );
}

/** Files of code that are named in code marks and are not there. */
function missingFiles(document: Document): string[] {
  return codeSpans(document)
    .filter(({ text }) => /^[\w./-]+\.ts$/.test(text) || /^(?:src|test|docs|bench)\/[\w./-]*$/.test(text))
    .filter(({ text }) => find(document, text) === undefined)
    .map(({ line, text }) => `${document.path}:${line}: ${text}`);
}

/** Constants that are named in code marks and that no source declares. */
function missingConstants(document: Document): string[] {
  const declared = sources.map((path) => readFileSync(`${TOP}${path}`, "utf8")).join("\n");
  return codeSpans(document)
    .filter(({ text }) => /^[A-Z][A-Z0-9]*_(?:[A-Z0-9]+_)*(?:BYTES|MS|BACKOFF|CHARS|SECONDS)$/.test(text))
    .filter(({ text }) => !new RegExp(`\\bconst ${text}\\b`).test(declared))
    .map(({ line, text }) => `${document.path}:${line}: ${text}`);
}

/** Rows of a table of constants that differ from the code. */
function wrongConstants(document: Document): string[] {
  return tableRows(document, "constant")
    .filter(({ cells: [name = "", value = "", file = ""] }) => {
      const path = find(document, file);
      const text = path === undefined ? "" : readFileSync(`${TOP}${path}`, "utf8");
      return !text.includes(`const ${name} = ${value};`);
    })
    .map(({ line, cells }) => `${document.path}:${line}: ${cells.join(" | ")}`);
}

describe("links in the documents", () => {
  it("lead to files and headings that are there", () => {
    expect(documents.flatMap(brokenLinks)).toEqual([]);
  });

  it("are found wanting when they lead nowhere", () => {
    const text =
      "[a](docs/none.md) [b](README.md#no-such-title) [c](#here) [d](https://example.com/x)\n# Here\n";
    expect(brokenLinks({ path: "A.md", text: `${text}\n\`\`\`sh\n[e](f.md)\n\`\`\`\n` })).toEqual([
      "A.md: docs/none.md",
      "A.md: README.md#no-such-title",
    ]);
  });

  it("lead to every document", () => {
    const linked = documents.flatMap((document) =>
      [...proseOf(document).matchAll(/\]\(([^)\s#]+)/g)].map(([, target = ""]) =>
        posix.join(posix.dirname(document.path), target),
      ),
    );
    const isLinked = ({ path }: Document) => linked.includes(path) || linked.includes(posix.dirname(path));
    expect(documents.filter((document) => !isLinked(document)).map(({ path }) => path)).toEqual([
      "README.md",
    ]);
  });
});

describe("files named in the documents", () => {
  it("are there", () => expect(documents.flatMap(missingFiles)).toEqual([]));

  it("are found wanting when they are not", () => {
    const text = "`src/xfer/job.ts`, `job.ts`, `src/none/` and `gone.ts`\n";
    expect(missingFiles({ path: "src/xfer/README.md", text })).toEqual([
      "src/xfer/README.md:1: src/none/",
      "src/xfer/README.md:1: gone.ts",
    ]);
  });
});

describe("constants named in the documents", () => {
  it("are declared", () => expect(documents.flatMap(missingConstants)).toEqual([]));

  it.each(
    documents
      .filter(({ text }) => text.includes("| constant |"))
      .map((document) => [document.path, document] as const),
  )("have the values of the code in %s", (_, document) => expect(wrongConstants(document)).toEqual([]));

  it("are found wanting when the code has another value, or another name", () => {
    const header = "| constant | value | file |\n|---|---|---|\n";
    const row = "| `MAX_REDIRECTS` | `11` | `src/registry/http/with-redirect.ts` |\n";
    expect(wrongConstants({ path: "A.md", text: header + row })).toEqual([
      "A.md:3: MAX_REDIRECTS | 11 | src/registry/http/with-redirect.ts",
    ]);
    expect(missingConstants({ path: "A.md", text: "`MAX_FOO_BYTES`" })).toEqual(["A.md:1: MAX_FOO_BYTES"]);
  });
});

describe("ARCHITECTURE.md", () => {
  it("has every folder of src/ in its table of strata, and no other", () => {
    const folders = tableRows(architecture, "stratum").map(({ cells: [, folder = ""] }) => folder);
    expect(folders.toSorted()).toEqual(
      globSync("src/*/", { cwd: TOP })
        .map((path) => path.replace(/\/$/, ""))
        .toSorted(),
    );
  });
});

describe("README.md", () => {
  it("has every door in its table, and no other", () => {
    const { exports } = JSON.parse(readFileSync(`${TOP}package.json`, "utf8")) as { exports: object };
    const doors = Object.keys(exports).filter((key) => key !== "./package.json");
    const named = tableRows(readDocument("README.md"), "door").map(({ cells: [door = ""] }) => door);
    expect(named.toSorted()).toEqual(doors.map((key) => key.replace(/^\./, "drayage")).toSorted());
  });
});
