import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { fileArgument } from "../../src/cli/file-arguments.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { drayage, drayageOutput } from "../real/support/drayage.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";

const TYPE = "application/vnd.example.report";
const keep = closingAfterEach();
let folder: string;
let registry: TestRegistry;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-artifact-cli-"));
  keep({ [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) });
  registry = keep(await TestRegistry.start());
});

describe("drayage push-artifact and fetch-artifact", () => {
  it("push files, about an image, and make them again", async () => {
    const { descriptor } = await buildImage(registry, "team/app", { tag: "v1", layers: [1_000] });
    const repository = `${registry.host}/team/app`;
    await writeFile(join(folder, "a.txt"), "one");
    await writeFile(join(folder, "b.json"), "{}\n");
    const common = ["--plain-http", "-q", "--root", join(folder, "root")];
    const files = [`${join(folder, "a.txt")}:text/plain`, join(folder, "b.json")];
    const said = ["--artifact-type", TYPE, "--annotation", "note=a=b", "--subject", `${repository}:v1`];
    const pushed = await drayageOutput(["push-artifact", ...common, ...said, repository, ...files]);
    expect(pushed).toMatch(/@sha256:[0-9a-f]{64}\n$/);
    const name = pushed.trimEnd();
    const held = registry.manifest("team/app", name.slice(name.indexOf("@") + 1));
    expect(JSON.parse(Buffer.from(held?.bytes ?? "").toString())).toMatchObject({
      artifactType: TYPE,
      annotations: { note: "a=b" },
      subject: { digest: descriptor.digest },
      layers: [{ mediaType: "text/plain" }, { mediaType: "application/octet-stream" }],
    });
    const into = join(folder, "into");
    const made = await drayageOutput(["fetch-artifact", ...common, name, into]);
    expect(made).toBe(`${join(into, "a.txt")}\n${join(into, "b.json")}\n`);
    expect(await readFile(join(into, "a.txt"), "utf8")).toBe("one");
    const failed = await drayage(["fetch-artifact", ...common, name, into, "c"]);
    expect(failed).toMatchObject({ status: 1 });
    expect(failed.stderr).toContain('there is no file "c" in it');
    const unsaid = await drayage(["push-artifact", ...common, `${repository}:v2`, ...files]);
    expect(unsaid).toMatchObject({ status: 1 });
    expect(unsaid.stderr).toContain("artifactType");
  });
});

describe("fileArgument()", () => {
  it.each([
    ["/x/a.txt", { path: "/x/a.txt", title: "a.txt", mediaType: undefined }],
    ["/x/a.txt:text/plain", { path: "/x/a.txt", title: "a.txt", mediaType: "text/plain" }],
    ["sub/a:b:application/x+json", { path: "sub/a:b", title: "sub/a:b", mediaType: "application/x+json" }],
    ["./sub//a", { path: "./sub//a", title: "sub/a", mediaType: undefined }],
    ["../a", { path: "../a", title: "a", mediaType: undefined }],
  ])("understands %s", async (argument, file) => {
    expect(await fileArgument(argument)).toEqual(file);
  });

  it("takes a file that is there for what it is called", async () => {
    await mkdir(join(folder, "a:text"));
    const path = join(folder, "a:text", "plain");
    await writeFile(path, "");
    expect(await fileArgument(path)).toMatchObject({ path, title: "plain", mediaType: undefined });
  });
});
