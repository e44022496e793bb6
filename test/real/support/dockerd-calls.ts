import { randomBytes } from "node:crypto";
import { stripVTControlCharacters } from "node:util";
import { type BuiltImage, buildImage, buildIndex, TestRegistry } from "../../../src/testing.ts";
import { until } from "../../distribution/support/until.ts";
import type { DockerCli } from "./docker-cli.ts";
import type { PartOutcome } from "./run-part.ts";

/** What calls are about: two registries, one of which wants a password, and images that no dockerd can have. */
export interface CallStage extends AsyncDisposable {
  readonly registry: TestRegistry;
  readonly guarded: TestRegistry;
  /** `v1` of `team/app`; `v2` has another layer above the same one. */
  readonly one: BuiltImage;
  /** An image for `cancels`, and one for `shares`: they have layers of their own. */
  readonly slow: BuiltImage;
  readonly shared: BuiltImage;
}

const ACCOUNT = { username: "u", password: "p" };

/** Size of a layer that comes slowly. */
const SLOW_BYTES = 2_000_000;

/** A label that only these images have. */
const LABEL = "drayage.calls";

/** Starts the registries and makes the images; `seed` makes their layers other ones than those of any run before. The caller disposes of it. */
export async function openCallStage(seed: string): Promise<CallStage> {
  const registry = await TestRegistry.start();
  const guarded = await TestRegistry.start({ auth: { basic: ACCOUNT } });
  const layer = (text: string): Buffer => Buffer.from(`${seed} ${text} `.repeat(1_000));
  const created = "2026-01-02T03:04:05Z";
  const config = {
    created,
    config: {
      Cmd: ["/bin/true"],
      Env: ["A=b"],
      Labels: { [LABEL]: "b" },
      WorkingDir: "/w",
      ExposedPorts: { "80/tcp": {} },
    },
    history: [
      { created, created_by: "ADD base" },
      { created, created_by: "ADD top", comment: "last" },
    ],
  };
  const [base, top, other] = ["base", "one", "two"].map(layer) as [Buffer, Buffer, Buffer];
  const one = await buildImage(registry, "team/app", { tag: "v1", layers: [base, top], config });
  await buildImage(registry, "team/app", { tag: "v2", layers: [base, other], config });
  await buildImage(guarded, "team/app", { tag: "v1", layers: [layer("guarded")] });
  const arm64 = { os: "linux", architecture: "arm64" };
  for (const repository of ["team/many", "team/again"]) {
    const amd = await buildImage(registry, repository, { layers: [layer(`${repository} amd64`)] });
    const arm = await buildImage(registry, repository, {
      layers: [layer(`${repository} arm64`)],
      platform: arm64,
    });
    buildIndex(registry, repository, { tag: "v1", images: [amd, arm] });
  }
  await buildImage(registry, "team/bars", { tag: "v1", layers: [layer("c"), layer("d")] });
  const slow = await buildImage(registry, "team/slow", { tag: "v1", layers: [randomBytes(SLOW_BYTES)] });
  const shared = await buildImage(registry, "team/shared", { tag: "v1", layers: [layer("a"), layer("b")] });
  return {
    registry,
    guarded,
    one,
    slow,
    shared,
    async [Symbol.asyncDispose]() {
      await guarded.close();
      await registry.close();
    },
  };
}

/** One call of docker's command line, or a few that belong together. */
export interface DockerCall {
  readonly name: string;
  run(docker: DockerCli): Promise<PartOutcome>;
}

/** All calls, in their order: each finds what those before it have left. `folder` is for archives; what happened since then is asked for. */
export function dockerCalls(stage: CallStage, folder: string): readonly DockerCall[] {
  const { registry, guarded, one } = stage;
  const name = `${registry.host}/team/app`;
  const copy = `${registry.host}/team/copy`;
  const many = `${registry.host}/team/many:v1`;
  // Here an index is one image, whatever platforms of it have come; in a dockerd each is one, and the last has the name.
  const again = `${registry.host}/team/again:v1`;
  const id = one.config.digest.slice("sha256:".length, 19);
  const archive = `${folder}/images.tar`;
  const began = (Date.now() / 1000).toFixed(3);
  return [
    call("pull", `${name}:v1`),
    call("pull", `${name}:v1`),
    call("pull", "-q", `${name}:v1`),
    call("pull", `${name}@${one.descriptor.digest}`),
    call("pull", `${name}:none`),
    call("pull", "-q", `${name}:none`),
    call("pull", `${registry.host}/no/such`),
    call("pull", "127.0.0.1:1/a/b"),
    call("pull", "-a", name),
    call("images", "--format", "{{.Repository}} {{.Tag}} {{.ID}} {{.CreatedAt}}", name),
    call("images", "--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}", `${name}:v1`),
    call("images", "-q", "--no-trunc", "--filter", `label=${LABEL}=b`, name),
    call("images", "-q", "--filter", `before=${name}:v1`),
    call("images", "--filter", "dangling=maybe"),
    call("inspect", "-f", "{{json .Config}} {{json .RootFS}} {{.Id}} {{.Created}} {{.Os}}", `${name}:v1`),
    call("inspect", "-f", "{{json .RepoTags}} {{json .RepoDigests}} {{.Comment}} {{.Author}}", id),
    call("inspect", "nosuch"),
    call("image", "inspect", "nosuch:v1"),
    call("history", "--format", "{{.ID}} {{.CreatedBy}} {{.Comment}}", `${name}:v1`),
    call("pull", "--platform", "linux/arm64", many),
    call("inspect", "-f", "{{.Architecture}} {{.Id}}", many),
    call("pull", "--platform", "linux/amd64", again),
    call("inspect", "-f", "{{.Architecture}} {{.Id}}", again),
    call("pull", "--platform", "linux/s390x", many),
    call("pull", "--platform", "a/b/c/d", many),
    call("tag", `${name}:v1`, `${copy}:x`),
    call("tag", "nosuch", "x"),
    call("push", `${copy}:x`),
    call("push", `${copy}:x`),
    call("push", "-q", `${copy}:x`),
    call("tag", `${name}:v2`, `${copy}:y`),
    call("push", "-a", copy),
    call("push", `${registry.host}/team/none`),
    call("push", `${copy}:none`),
    call("rmi", id),
    call("save", "-o", archive, `${name}:v1`, `${name}:v2`),
    call("save", "-o", archive, "nosuch"),
    call("rmi", `${copy}:x`, `${copy}:y`),
    call("rmi", `${name}:v2`),
    call("rmi", `${name}:v1`),
    call("rmi", "nosuch"),
    call("rmi", "-f", "nosuch"),
    call("load", "-q", "-i", archive),
    call("load", "-i", archive),
    call("rmi", `${name}:v1`, `${name}:v2`),
    call("images", "-q", name),
    call("login", "-u", "u", "-p", "p", "127.0.0.1:1"),
    call("pull", `${guarded.host}/team/app:v1`),
    login(guarded.host, "wrong"),
    login(guarded.host, ACCOUNT.password),
    call("pull", `${guarded.host}/team/app:v1`),
    call("logout", guarded.host),
    call("pull", `${guarded.host}/team/app:v2`),
    call("tag", `${guarded.host}/team/app:v1`, `${guarded.host}/team/app:v3`),
    call("push", `${guarded.host}/team/app:v3`),
    barsOf(`${registry.host}/team/bars:v1`),
    cancels(stage),
    shares(stage),
    call("system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}}"),
    call("image", "prune", "-f"),
    call("image", "prune", "-af", "--filter", `label=${LABEL}`),
    call("image", "prune", "-af", "--filter", `label!=${LABEL}`),
    call("images", "-q"),
    {
      name: "events",
      run: async (docker) => {
        const format = '{{.Type}} {{.Action}} {{.Actor.ID}} {{index .Actor.Attributes "name"}}';
        const now = (Date.now() / 1000).toFixed(3);
        return await docker.outcome(["events", "--since", began, "--until", now, "--format", format]);
      },
    },
  ];
}

function call(...args: readonly string[]): DockerCall {
  return { name: args.join(" "), run: (docker) => docker.outcome(args) };
}

function login(host: string, password: string): DockerCall {
  const args = ["login", "-u", ACCOUNT.username, "--password-stdin", host];
  return {
    name: `login with ${password}`,
    run: (docker) => docker.outcome(args, { input: password }),
  };
}

/** What stays on the terminal of states of layers, and what they end with. */
function barsOf(reference: string): DockerCall {
  return {
    name: `pull ${reference} on a terminal`,
    run: async (docker) => {
      const { status, stdout } = await docker.onTerminal(["pull", reference], { columns: 160 });
      const lines = stripVTControlCharacters(stdout).split(/[\r\n]+/);
      return { status, stdout: lines.join("\n"), stderr: "" };
    },
  };
}

/** Ctrl-C while a layer comes: that the registry is left and nothing kept. The status is the command line's own, and seldom 0. */
function cancels({ registry, slow }: CallStage): DockerCall {
  const reference = `${registry.host}/team/slow:v1`;
  const digest = String(slow.layers[0]?.descriptor.digest);
  return {
    name: "Ctrl-C",
    run: async (docker) => {
      const before = registry.requests.length;
      const fault = registry.fault({ kind: "blob", digest }, { bytesPerSecond: SLOW_BYTES / 20 });
      await docker.onTerminal(["pull", reference], {
        columns: 160,
        interruptWhen: (printed) => printed.includes("Pulling fs layer") && fault.hits === 1,
      });
      const [request] = registry.requests.slice(before).filter((one) => one.digest === digest);
      await until(() => request?.state === "aborted");
      fault.remove();
      return await docker.outcome(["images", "-q", reference]);
    },
  };
}

/** Two clients pull at once: how often each layer has come. */
function shares({ registry, shared }: CallStage): DockerCall {
  const reference = `${registry.host}/team/shared:v1`;
  return {
    name: "two clients pull at once",
    run: async (docker) => {
      const before = registry.requests.length;
      const [one, other] = await Promise.all([1, 2].map(() => docker.outcome(["pull", reference])));
      const requests = registry.requests.slice(before);
      const counts = shared.layers.map(
        ({ descriptor: { digest } }) => requests.filter((request) => request.digest === digest).length,
      );
      // Which of both brought what is nobody's business.
      const said = `${one?.stdout}${other?.stdout}`.replaceAll(/^Status: .*$|^.*: Already exists$/gm, "");
      return { status: one?.status ?? null, stdout: `${said}${counts.join(" ")}`, stderr: `${one?.stderr}` };
    },
  };
}

/** States of a layer that depend on who was faster. */
const PASSING =
  /^[0-9a-f]{12}: (?:Waiting.*|Verifying Checksum|Download(?:ing.*| complete)|Extracting.*|Preparing)\s*$/;

/** What is compared of an output: its lines, whatever order layers come in, without what is measured; `same` says what stands for what. */
export function comparable(text: string, same: ReadonlyArray<readonly [RegExp, string]>): readonly string[] {
  const lines = text
    .split("\n")
    .map((line) => same.reduce((shown, [pattern, by]) => shown.replace(pattern, by), line.trimEnd()))
    .filter((line) => line !== "" && !PASSING.test(line));
  return [...new Set(lines)].toSorted();
}
