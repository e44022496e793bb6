import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveDockerApi } from "../../src/docker-api.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { openEngine } from "../distribution/support/engine.ts";
import { type DockerCli, openDockerCli } from "./support/docker-cli.ts";

/** A dockerd that keeps images by itself, to compare with: `unix:///PATH`. Nobody promises one, so it is named by hand. */
const { DRAYAGE_DOCKERD = "" } = process.env;

/** States of a layer that depend on who was faster. */
const PASSING = /^[0-9a-f]{12}: (?:Waiting|Verifying Checksum|Download complete|Preparing)$/;

/**
 * Where the two differ, and are to: Go's own words for a connection that is refused; a registry's words, which dockerd says twice; the
 * manifest of a push, which dockerd without containerd's store makes anew, and what was in place of it; layers of an image that is
 * there already, which dockerd passes over; and which layers go with an image, where a dockerd now and then holds one longer.
 */
const SAME: ReadonlyArray<readonly [RegExp, string]> = [
  [/manifest unknown: manifest unknown/, "manifest unknown"],
  [/(Error response from daemon: ).*connection refused/, "$1connection refused"],
  [/^GET http:.*connection refused$/, ""],
  [/(team\/copy@|x: digest: )sha256:[0-9a-f]{64}(?: size: \d+)?/, "$1"],
  [/^([0-9a-f]{12}): (?:Mounted from .*|Layer already exists)$/, "$1: is there"],
  [/^[0-9a-f]{12}: Already exists$/, ""],
  [/^Status: .*@sha256:.*$/, ""],
  [/^Deleted: sha256:[0-9a-f]{64}$/, "Deleted"],
];

/** What is compared of an output: its lines, whatever order layers come in, without what is measured. */
function comparable(text: string): readonly string[] {
  const lines = text
    .split("\n")
    .map((line) => SAME.reduce((text_, [pattern, by]) => text_.replace(pattern, by), line.trimEnd()))
    .filter((line) => line !== "" && !PASSING.test(line));
  return [...new Set(lines)].toSorted();
}

describe.skipIf(DRAYAGE_DOCKERD === "")("outputs of docker's command line", () => {
  let registry: TestRegistry;
  let ours: DockerCli;
  let theirs: DockerCli;
  let folder: string;
  let close: () => Promise<void>;
  let one: BuiltImage;

  beforeAll(async () => {
    registry = await TestRegistry.start();
    folder = await mkdtemp(join(tmpdir(), "drayage-api-"));
    const layer = (text: string): Buffer => Buffer.from(`${folder} ${text}`); // which the dockerd cannot have
    const created = "2026-01-02T03:04:05Z";
    const config = {
      created,
      config: {
        Cmd: ["/bin/true"],
        Env: ["A=b"],
        Labels: { a: "b" },
        WorkingDir: "/w",
        ExposedPorts: { "80/tcp": {} },
      },
      history: [
        { created, created_by: "ADD base" },
        { created, created_by: "ADD top", comment: "last" },
      ],
    };
    one = await buildImage(registry, "team/app", {
      tag: "v1",
      layers: [layer("base"), layer("one")],
      config,
    });
    await buildImage(registry, "team/app", { tag: "v2", layers: [layer("base"), layer("two")], config });
    const engine = await openEngine();
    const server = await serveDockerApi({ distribution: engine, address: `unix://${folder}/d.sock` });
    [ours, theirs] = [await openDockerCli(server.address), await openDockerCli(DRAYAGE_DOCKERD)];
    close = async () => {
      await server.close();
      await engine[Symbol.asyncDispose]();
    };
  });

  afterAll(async () => {
    await close();
    for (const docker of [ours, theirs]) await docker[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
    await registry.close();
  });

  it("are those of a dockerd, call by call", async () => {
    const name = `${registry.host}/team/app`;
    const id = one.config.digest.slice("sha256:".length, 19);
    const archive = join(folder, "images.tar");
    const calls: ReadonlyArray<readonly string[]> = [
      ["pull", `${name}:v1`],
      ["pull", `${name}:v1`],
      ["pull", "-q", `${name}:v1`],
      ["pull", `${name}@${one.descriptor.digest}`],
      ["pull", `${name}:none`],
      ["pull", "-q", `${name}:none`],
      ["pull", `${registry.host}/no/such`],
      ["pull", "127.0.0.1:1/a/b"],
      ["pull", "-a", name],
      ["images", "--format", "{{.Repository}} {{.Tag}} {{.ID}} {{.CreatedAt}}", name],
      ["images", "--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}", `${name}:v1`],
      ["images", "-q", "--no-trunc", "--filter", "label=a=b", name],
      ["images", "--filter", "dangling=maybe"],
      [
        "inspect",
        "-f",
        "{{json .Config}} {{json .RootFS}} {{.Id}} {{.Created}} {{.Os}} {{.Architecture}}",
        `${name}:v1`,
      ],
      ["inspect", "-f", "{{json .RepoTags}} {{json .RepoDigests}} {{.Comment}} {{.Author}}", id],
      ["inspect", "nosuch"],
      ["image", "inspect", "nosuch:v1"],
      ["history", "--format", "{{.ID}} {{.CreatedBy}} {{.Comment}}", `${name}:v1`],
      ["tag", `${name}:v1`, `${registry.host}/team/copy:x`],
      ["tag", "nosuch", "x"],
      ["push", `${registry.host}/team/copy:x`],
      ["push", `${registry.host}/team/copy:x`],
      ["push", "-q", `${registry.host}/team/copy:x`],
      ["push", `${registry.host}/team/none`],
      ["push", `${registry.host}/team/copy:none`],
      ["rmi", id],
      ["save", "-o", archive, `${name}:v1`, `${name}:v2`],
      ["save", "-o", archive, "nosuch"],
      ["rmi", `${registry.host}/team/copy:x`],
      ["rmi", `${name}:v2`],
      ["rmi", `${name}:v1`],
      ["rmi", "nosuch"],
      ["rmi", "-f", "nosuch"],
      ["load", "-q", "-i", archive],
      ["rmi", `${name}:v1`, `${name}:v2`],
      ["images", "-q", name],
      ["login", "-u", "u", "-p", "p", "127.0.0.1:1"],
    ];
    const differing: string[] = [];
    for (const args of calls) {
      const [mine, real] = [await ours.outcome(args), await theirs.outcome(args)];
      const shown = [mine, real].map(({ status, stdout, stderr }) =>
        JSON.stringify([status, comparable(stdout), comparable(stderr)]),
      );
      if (shown[0] !== shown[1])
        differing.push(`docker ${args.join(" ")}\n  here    ${shown[0]}\n  dockerd ${shown[1]}`);
    }
    expect(differing.join("\n")).toBe("");
  });
});
