import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { serveDockerApi } from "../../src/docker-api.ts";
import { openEngine } from "../distribution/support/engine.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { describeReal } from "./support/describe-real.ts";
import { openDockerCli } from "./support/docker-cli.ts";
import { canRunDockerd, startDockerd } from "./support/dockerd.ts";
import { comparable, dockerCalls, openCallStage } from "./support/dockerd-calls.ts";

/** Another dockerd to compare with, such as a newer one, that has no images: `unix:///PATH`. */
const { DRAYAGE_DOCKERD = "" } = process.env;

/** Longest time for all calls, of which there are a hundred and twenty, in milliseconds. */
const CALLS_TIMEOUT_MS = 120_000;

/**
 * Where the two differ, and are to: Go's own words for a connection that is refused; a registry's words, which dockerd says twice; the
 * manifest of a push, which dockerd without containerd's store makes anew, and what was in place of it; our words for a platform that is
 * none and for a registry that refuses; bytes; the configuration's path; of a pull or push of all tags one event, where here each tag has
 * one; and which layers go with an image, where a dockerd now and then holds one longer.
 */
const SAME: ReadonlyArray<readonly [RegExp, string]> = [
  [/manifest unknown: manifest unknown/, "manifest unknown"],
  [/(Error response from daemon: ).*connection refused/, "$1connection refused"],
  [/^GET http:.*connection refused$/, ""],
  [/(team\/copy@|[xy]: digest: )sha256:[0-9a-f]{64}(?: size: \d+)?/, "$1"],
  [/^([0-9a-f]{12}): (?:Mounted from .*|Layer already exists)$/, "$1: is there"],
  [/"a\/b\/c\/d": cannot parse platform.*|Invalid platform "a\/b\/c\/d".*/, "invalid platform"],
  [/(?:Head "\S+"|Authorize at \S+): no basic auth/, "no basic auth"],
  [/login attempt to .*401 Unauthorized|unauthorized: authentication required/, "unauthorized"],
  [/'\S+config.json'/, "config.json"],
  [/^(Total reclaimed space): .*/, "$1"],
  [/^image (?:pull|push) \S+\/team\/(?:app|app:v2|copy|copy:y) \S+$/, ""],
  [/^(d|D)eleted: sha256:[0-9a-f]{64}$/, "$1eleted"],
];

/** What a dockerd of 20.10 says otherwise than those after it: fields of containers in an image's config, and two refusals. */
const OLDER: ReadonlyArray<readonly [RegExp, string]> = [
  [/"(?:AttachStd\w+|Domainname|Hostname|Image|OpenStdin|StdinOnce|Tty)":(?:false|""),/g, ""],
  [/Invalid filter/, "invalid filter"],
  [/no such image: (\S+): No such image: \1/, "No such image: $1"],
];

const keep = closingAfterEach();
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-api-"));
  keep({ [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) });
});

async function dockerdAddress(): Promise<string> {
  if (DRAYAGE_DOCKERD !== "") return DRAYAGE_DOCKERD;
  return `unix://${keep(await startDockerd(join(folder, "dockerd"))).socket}`;
}

describeReal("outputs of docker's command line", ["docker", "dockerd"], () => {
  it.skipIf(!canRunDockerd)(
    "are those of a dockerd, call by call",
    { timeout: CALLS_TIMEOUT_MS },
    async () => {
      const stage = keep(await openCallStage(folder));
      const engine = keep(await openEngine());
      const server = keep(await serveDockerApi({ distribution: engine, address: `unix://${folder}/d.sock` }));
      const [ours, theirs] = [
        await openDockerCli(server.address),
        await openDockerCli(await dockerdAddress()),
      ];
      for (const docker of [ours, theirs]) keep(docker);
      const differing: string[] = [];
      for (const call of dockerCalls(stage, folder)) {
        const [mine, real] = [await call.run(ours), await call.run(theirs)];
        const shown = [mine, real].map(({ status, stdout, stderr }) =>
          JSON.stringify([status, ...[stdout, stderr].map((text) => comparable(text, [...SAME, ...OLDER]))]),
        );
        if (shown[0] !== shown[1])
          differing.push(`docker ${call.name}\n  here    ${shown[0]}\n  dockerd ${shown[1]}`);
      }
      expect(differing.join("\n")).toBe("");
    },
  );
});
