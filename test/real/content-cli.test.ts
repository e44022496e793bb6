import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { serveContent } from "../../src/content/grpc/serve-content.ts";
import { openLocalStore } from "../../src/content/local/local-store.ts";
import { namespacedStore } from "../../src/content/namespaces/namespaced-store.ts";
import { openNamespaceMetadata } from "../../src/content/namespaces/sqlite-namespace-metadata.ts";
import { readBlob } from "../../src/content/read-blob.ts";
import type { Store } from "../../src/content/store.ts";
import { writeBlob } from "../../src/content/write-blob.ts";
import { type Digest, digestOf } from "../../src/digest/digest.ts";
import { type DrayageOutcome, drayage, drayageOutput, startDrayage } from "./support/drayage.ts";
import { until } from "./support/until.ts";

const TEXT = "what is in the blob\n";
const DIGEST = digestOf(TEXT);
const EDITED = `${TEXT}changed\n`;

let folder: string;
let root: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-content-"));
  root = join(folder, "root");
  await using store = await openLocalStore({ root });
  await writeBlob(store, "blob", Buffer.from(TEXT), { digest: DIGEST });
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** An editor that runs these commands on the file `$1`. */
async function editor(commands: string): Promise<string> {
  const path = join(folder, "an editor");
  await writeFile(path, `#!/bin/sh\n${commands}\n`, { mode: 0o755 });
  return `'${path}'`;
}

/** Edits the blob with a temporary folder that only this run uses. */
function edit(env: Record<string, string>, ...args: readonly string[]): Promise<DrayageOutcome> {
  return drayage(["content", "edit", "--root", root, ...args], {
    env: { VISUAL: "", EDITOR: "", TMPDIR: folder, ...env },
  });
}

async function textOf(store: Store, digest: Digest): Promise<string> {
  const { size } = await store.info(digest);
  return Buffer.from(await readBlob(store, { digest, size })).toString();
}

/** What there is: blobs, ingests and copies that an editor had. */
async function left(): Promise<{ blobs: number; ingests: number; copies: string[] }> {
  await using store = await openLocalStore({ root });
  let blobs = 0;
  for await (const _ of store.walk()) blobs++;
  const ingests = (await store.listStatuses()).length;
  return {
    blobs,
    ingests,
    copies: (await readdir(folder)).filter((name) => name.startsWith("drayage-edit")),
  };
}

describe("drayage content edit", () => {
  it("stores what the editor made of a copy, and prints its digest", async () => {
    const { status, stdout, stderr } = await edit({ EDITOR: await editor('echo changed >>"$1"') }, DIGEST);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${digestOf(EDITED)}\n`, stderr: "" });
    await using store = await openLocalStore({ root });
    expect(await textOf(store, digestOf(EDITED))).toBe(EDITED);
    expect(await textOf(store, DIGEST)).toBe(TEXT);
    expect(await left()).toEqual({ blobs: 2, ingests: 0, copies: [] });
  });

  it("takes an editor that puts a new file in the place of the copy, and arguments for it", async () => {
    const command = await editor('echo "$1" >"$2.new" && mv "$2.new" "$2"');
    const { stdout } = await edit({ VISUAL: `${command} replaced`, EDITOR: "false" }, DIGEST);
    expect(stdout).toBe(`${digestOf("replaced\n")}\n`);
    const other = await edit({ VISUAL: "false" }, "--editor", `${command} again`, DIGEST);
    expect(other.stdout).toBe(`${digestOf("again\n")}\n`);
  });

  it("edits at a content service", async () => {
    await using store = await openLocalStore({ root: join(folder, "served") });
    await writeBlob(store, "blob", Buffer.from(TEXT), { digest: DIGEST });
    await using server = await serveContent({ store, address: `unix://${folder}/s` });
    const env = { EDITOR: await editor('echo changed >>"$1"') };
    const { stdout } = await edit(env, "--address", server.address, "--namespace", "any", DIGEST);
    expect(stdout).toBe(`${digestOf(EDITED)}\n`);
    expect(await textOf(store, digestOf(EDITED))).toBe(EDITED);
    expect(await left()).toMatchObject({ blobs: 1 });
  });

  it.each([
    ["that nobody changed", "true", new RegExp(`^drayage: blob with digest ${DIGEST} exists\n$`)],
    ["whose editor fails", "exit 3", /^drayage: editor ".*" ended with 3\n$/],
    ["whose editor is killed", "kill -9 $$", /(?:^|\n)drayage: editor ".*" ended with (?:137|SIGKILL)\n$/],
    ["that becomes too large", 'truncate -s 8388609 "$1"', /got 8388609 bytes, want at most 8388608\n$/],
    ["that the editor removes", 'rm "$1"', /^drayage: edited copy: .*no such file/],
  ])("stores nothing of a copy %s", async (_title, commands, reason) => {
    const { status, stdout, stderr } = await edit({ EDITOR: await editor(commands) }, DIGEST);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(reason);
    expect(await left()).toEqual({ blobs: 1, ingests: 0, copies: [] });
  });

  it("stores nothing once it was interrupted, and waits for its editor", async () => {
    const [begun, go] = [join(folder, "begun"), join(folder, "go")];
    const EDITOR = await editor(`touch '${begun}'; until [ -e '${go}' ]; do :; done; echo changed >>"$1"`);
    const env = { EDITOR, VISUAL: "", TMPDIR: folder };
    const running = startDrayage(["content", "edit", "--root", root, DIGEST], { env });
    await until(() => existsSync(begun));
    running.kill("SIGINT");
    await writeFile(go, "");
    expect(await running.done).toMatchObject({ status: 130, stdout: "", stderr: "" });
    expect(await left()).toEqual({ blobs: 1, ingests: 0, copies: [] });
  });

  it("needs an editor, and a blob that is there", async () => {
    expect(await edit({}, DIGEST)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("editor is required"),
    });
    const unknown = digestOf("unknown");
    const missing = await edit({ EDITOR: "true" }, unknown);
    expect(missing).toMatchObject({ status: 1, stderr: `drayage: content ${unknown}: not found\n` });
    expect(await edit({ EDITOR: "true" }, "nonsense")).toMatchObject({ status: 1 });
  });
});

describe("drayage namespaces label", () => {
  const SHAREABLE = "containerd.io/namespace.shareable";

  it("shows and changes the labels of a namespace, which the service goes by", async () => {
    const label = (...args: readonly string[]) =>
      drayageOutput(["namespaces", "label", "--root", root, ...args]);
    expect(await label("base")).toBe("");
    expect(await label("base", `${SHAREABLE}=true`, "z=a=b")).toBe(`${SHAREABLE}=true\nz=a=b\n`);
    expect(await label("base", "z=")).toBe(`${SHAREABLE}=true\n`);

    await using store = await openLocalStore({ root });
    using metadata = openNamespaceMetadata({ root });
    const view = (namespace: string) => namespacedStore(store, metadata, { namespace, policy: "isolated" });
    await writeBlob(view("base"), "blob", Buffer.from(TEXT), { digest: DIGEST });
    const writer = await view("other").writer({ ref: "blob", expected: DIGEST });
    expect(await writer.commit()).toBe(DIGEST);
  });

  it("works on a root that is not there yet, and refuses a name that is none", async () => {
    const fresh = join(folder, "fresh");
    expect(await drayageOutput(["namespaces", "label", "--root", fresh, "base", "a=b"])).toBe("a=b\n");
    const refused = await drayage(["namespaces", "label", "--root", root, "a/b", "a=b"]);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("namespace validation") });
  });
});
