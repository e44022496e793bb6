import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf, shortId } from "../../src/digest/digest.ts";
import { startCountingProxy } from "./support/counting-proxy.ts";
import { describeReal } from "./support/describe-real.ts";
import { ACCOUNT } from "./support/docker-registry.ts";
import { type DrayageOutcome, drayage, drayageOutput, isNoSlowAnswer } from "./support/drayage.ts";
import { type MadeImage, writeImage } from "./support/images.ts";
import { type Stage, startStage } from "./support/stage.ts";
import { storedBlobs } from "./support/stored-blobs.ts";
import { until } from "./support/until.ts";

/** Turns of the event loop in which a request too many would come. */
const TURNS = 1_000;

/** What a stack trace looks like. */
const STACK = / at .*\.[jt]s:\d+/;

/** Fails unless the run ended with status 1 and said why in one line on stderr, without a stack. */
function expectFailure({ status, stdout, stderr }: DrayageOutcome, reason: RegExp): void {
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: "",
    stderr: expect.stringMatching(/^drayage: [^\n]+\n$/),
  });
  expect(stderr).toMatch(reason);
  expect(stderr).not.toMatch(STACK);
}

describeReal("the command line", ["docker-registry", "skopeo"], () => {
  let stage: Stage;
  /** Two images with a common lowest layer, as tags one and two of one repository. */
  let one: MadeImage;
  let two: MadeImage;

  beforeAll(async () => {
    stage = await startStage();
    one = await writeImage(stage.layout, { layers: [{ bytes: 300_000 }, { bytes: 10_000, seed: "one" }] });
    two = await writeImage(stage.layout, { layers: [{ bytes: 300_000 }, { bytes: 20_000, seed: "two" }] });
    await stage.push("test/cli", one.manifest, { tag: "one" });
    await stage.push("test/cli", two.manifest, { tag: "two" });
  });

  afterAll(() => stage.close());

  function nameOf(tag: string): string {
    return stage.nameOf("test/cli", tag);
  }

  /** A data root with the images of these tags. */
  async function rootWith(...tags: readonly string[]): Promise<string> {
    const root = await stage.newRoot();
    for (const tag of tags) await drayageOutput(["pull", "-q", "--plain-http", "--root", root, nameOf(tag)]);
    return root;
  }

  /** Pulls into a data root of its own. */
  async function pull(...args: readonly string[]): Promise<DrayageOutcome> {
    return await drayage(["pull", "--plain-http", "--root", await stage.newRoot(), ...args]);
  }

  describe("drayage pull", () => {
    it("prints the full name and the digest alone with -q", async () => {
      expect(await pull("-q", nameOf("one"))).toMatchObject({
        status: 0,
        stdout: `${nameOf("one")}@${one.manifest.digest}\n`,
        stderr: "",
      });
    });

    it("prints a name with a digest as it is with -q", async () => {
      const name = `${stage.registry.host}/test/cli@${one.manifest.digest}`;
      expect(await pull("-q", name)).toMatchObject({ status: 0, stdout: `${name}\n`, stderr: "" });
    });

    it("prints a line for each change of state into a pipe", async () => {
      const [lowest, highest] = one.layers.map(({ digest }) => shortId(digest));
      const { stdout, ...rest } = await pull("--max-concurrent-downloads", "1", nameOf("one"));
      expect(rest).toEqual({ status: 0, signal: null, stderr: "" });
      const lines = stdout.split("\n").filter(isNoSlowAnswer);
      expect(lines.slice(0, 3)).toEqual([
        "one: Pulling from test/cli",
        `${lowest}: Pulling fs layer`,
        `${highest}: Pulling fs layer`,
      ]);
      expect(lines.slice(-4)).toEqual([
        `Digest: ${one.manifest.digest}`,
        `Status: Downloaded newer image for ${nameOf("one")}`,
        nameOf("one"),
        "",
      ]);
      expect(lines.filter((line) => line.startsWith(`${highest}: `))).toEqual([
        `${highest}: Pulling fs layer`,
        `${highest}: Waiting`,
        `${highest}: Downloading`,
        `${highest}: Verifying Checksum`,
        `${highest}: Download complete`,
        `${highest}: Pull complete`,
      ]);
    });

    it("tells what is there already", async () => {
      const root = await rootWith("one");
      const args = ["pull", "--plain-http", "--root", root, "--progress", "plain"];
      const [lowest] = one.layers.map(({ digest }) => shortId(digest));
      expect(await drayageOutput([...args, nameOf("two")])).toContain(`\n${lowest}: Already exists\n`);
      expect(await drayageOutput([...args, nameOf("one")])).toContain(
        `\nStatus: Image is up to date for ${nameOf("one")}\n`,
      );
    });

    it("prints docker's JSON messages with --progress json", async () => {
      const { status, stdout, stderr } = await pull("--progress", "json", nameOf("one"));
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toMatch(/^(?:\{[^\r\n]*\}\r\n)+$/);
      const messages = stdout
        .split("\r\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as object);
      expect(messages[0]).toEqual({ status: "Pulling from test/cli", id: "one" });
      const Served = [
        { Endpoint: expect.any(String), Contents: one.layers.length + 2, Size: expect.any(Number) },
      ];
      expect(messages.slice(-3)).toEqual([
        { status: `Digest: ${one.manifest.digest}` },
        { status: `Status: Downloaded newer image for ${nameOf("one")}` },
        { progressDetail: {}, aux: { Served } },
      ]);
      for (const { digest, size } of one.layers) {
        const id = shortId(digest);
        expect(messages).toContainEqual({ status: "Pulling fs layer", progressDetail: {}, id });
        expect(messages).toContainEqual({
          status: "Downloading",
          progressDetail: { current: size, total: size },
          progress: expect.stringMatching(/^\[={50}>\] {1,9}\S+B\/\S+B$/),
          id,
        });
        expect(messages).toContainEqual({ status: "Pull complete", progressDetail: {}, id });
      }
    });

    it("ends docker's JSON messages with the error", async () => {
      const { status, stdout } = await pull("--progress", "json", nameOf("three"));
      expect(status).toBe(1);
      const message = expect.stringContaining("manifest for");
      expect(JSON.parse(stdout.trimEnd().split("\r\n").at(-1) ?? "")).toEqual({
        errorDetail: { message },
        error: message,
      });
    });

    it("brings every tag with --all-tags", async () => {
      const root = await stage.newRoot();
      const repository = `${stage.registry.host}/test/cli`;
      const args = ["pull", "-q", "--plain-http", "--root", root, "--all-tags", repository];
      expect(await drayageOutput(args)).toBe(
        `${nameOf("one")}@${one.manifest.digest}\n${nameOf("two")}@${two.manifest.digest}\n`,
      );
      expect(await drayageOutput(["images", "-q", "--root", root])).toBe(
        `${nameOf("one")}\n${nameOf("two")}\n`,
      );
    });

    it("downloads no more layers at once than --max-concurrent-downloads says", async () => {
      const layers = Array.from({ length: 5 }, () => ({ bytes: 100_000, compression: "none" as const }));
      const image = await writeImage(stage.layout, { layers });
      await stage.push("test/limit", image.manifest);
      await using proxy = await startCountingProxy(stage.registry.host);
      const sizes = new Map(image.layers.map(({ digest, size }) => [`/v2/test/limit/blobs/${digest}`, size]));
      const atOnce: number[] = [];
      proxy.pace({
        path: new RegExp([...sizes.keys()].join("|")),
        async before(offset, gone) {
          const open = proxy.records.filter(({ path, bytes }) => bytes < (sizes.get(path) ?? 0));
          if (offset === 0) atOnce.push(open.length);
          await until(() => atOnce.length > 1, gone); // the second one, which may take its time
          for (let turn = 0; turn < TURNS; turn++) await setImmediate();
        },
      });

      const limit = ["--max-concurrent-downloads", "2"];
      const { status } = await pull("-q", ...limit, `${proxy.host}/test/limit:v1`);

      expect([status, Math.max(...atOnce)]).toEqual([0, 2]);
    });
  });

  describe("what fails", () => {
    it.each([
      ["an unknown tag", "test/cli:three", /manifest for 127\.0\.0\.1:\d+\/test\/cli:three not found/],
      ["an unknown repository", "test/none:v1", /test\/none/],
      ["a name in capitals", "Test/cli:one", /repository name .*must be lowercase/],
      ["a malformed tag", "test/cli:no spaces", /invalid reference format/],
    ])("says so for %s", async (_, name, reason) => {
      const root = await stage.newRoot();
      const args = ["pull", "-q", "--plain-http", "--root", root, `${stage.registry.host}/${name}`];
      expectFailure(await drayage(args), reason);
    });

    it.each([["pull", "-q", "--plain-http"], ["images"], ["content", "ls"]])(
      "says so for a root that is a file: %s",
      async (...command) => {
        const root = join(await stage.newRoot(), "file");
        await writeFile(root, "");
        const names = command[0] === "pull" ? [nameOf("one")] : [];
        expectFailure(await drayage([...command, "--root", root, ...names]), /file/);
      },
    );

    it.each([
      ["no command"],
      ["an unknown command", "haul"],
      ["an unknown option", "pull", "--fast", "alpine"],
      ["a missing argument", "pull"],
      ["an argument too many", "pull", "alpine", "busybox"],
      ["a limit that is no number", "pull", "--max-concurrent-downloads", "many", "alpine"],
      ["a mirror that is no pair", "pull", "--mirror", "docker.io", "alpine"],
      ["an unknown form of progress", "pull", "--progress", "loud", "alpine"],
      ["a missing digest", "content", "get"],
    ])("ends with status 2 for %s", async (_, ...args) => {
      const { status, stdout, stderr } = await drayage(args);
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).not.toBe("");
      expect(stderr).not.toMatch(STACK);
    });
  });

  describe("names", () => {
    it("are listed by drayage images with digest and size", async () => {
      const root = await rootWith("one", "two");
      const table = (await drayageOutput(["images", "--root", root])).split("\n");
      expect(table.map((line) => line.split(/ {2,}/))).toEqual([
        ["NAME", "DIGEST", "SIZE"],
        [nameOf("one"), one.manifest.digest.slice(0, 19), expect.stringMatching(/^31\d\.?\d*kB$/)],
        [nameOf("two"), two.manifest.digest.slice(0, 19), expect.stringMatching(/^32\d\.?\d*kB$/)],
        [""],
      ]);
    });

    it("are given by drayage tag and taken by drayage rmi, with the content that nothing else needs", async () => {
      const root = await rootWith("one", "two");
      await drayageOutput(["tag", "--root", root, nameOf("one"), "again:v1"]);
      expect(await drayageOutput(["images", "-q", "--root", root])).toBe(
        [nameOf("one"), nameOf("two"), "docker.io/library/again:v1"].map((name) => `${name}\n`).join(""),
      );

      expect(await drayageOutput(["rmi", "--root", root, nameOf("one")])).toBe(
        `Untagged: ${nameOf("one")}\n`,
      );
      const [untagged, ...deleted] = (await drayageOutput(["rmi", "--root", root, "again:v1"]))
        .trimEnd()
        .split("\n");

      expect(untagged).toBe("Untagged: again:v1");
      const own = [one.manifest, one.config, ...one.layers.slice(1)];
      expect(deleted.sort()).toEqual(own.map(({ digest }) => `Deleted: ${digest}`).sort());
      expect(await storedBlobs(root)).toEqual(
        [two.manifest, two.config, ...two.layers].map(({ digest }) => digest).sort(),
      );
    });

    it("must be there to be tagged or taken", async () => {
      const root = await stage.newRoot();
      expectFailure(
        await drayage(["tag", "--root", root, "none", "some"]),
        /library\/none:latest: not found/,
      );
      expectFailure(await drayage(["rmi", "--root", root, "none"]), /library\/none:latest: not found/);
    });
  });

  describe("drayage content", () => {
    it("lists every blob", async () => {
      const root = await rootWith("one");
      const [head, ...rows] = (await drayageOutput(["content", "ls", "--root", root])).trimEnd().split("\n");
      expect(head?.split(/ +/)).toEqual(["DIGEST", "SIZE", "CREATED", "LABELS"]);
      expect(new Set(rows.map((row) => row.split(" ")[0]))).toEqual(new Set(await storedBlobs(root)));
      expect(rows).toHaveLength(4);
    });

    it("gets a blob byte for byte", async () => {
      const root = await rootWith("one");
      const { digest, size } = one.manifest;
      const bytes = Buffer.from(await drayageOutput(["content", "get", "--root", root, digest]));
      expect([bytes.length, digestOf(bytes)]).toEqual([size, digest]);
    });

    it("removes a blob that an image needs when forced to, once", async () => {
      const root = await rootWith("one");
      const unforced = ["content", "rm", "--root", root, one.config.digest];
      expectFailure(await drayage(unforced), /needs it/);
      const args = [...unforced, "--force"];
      expect(await drayageOutput(args)).toBe(`${one.config.digest}\n`);
      expect(await storedBlobs(root)).not.toContain(one.config.digest);
      expectFailure(await drayage(args), /not found/);
      expectFailure(await drayage(["content", "get", "--root", root, one.config.digest]), /not found/);
    });

    it("refuses what is no digest", async () => {
      const root = await stage.newRoot();
      expectFailure(await drayage(["content", "get", "--root", root, "sha256:short"]), /digest/);
    });

    it("lists no ingest when nothing is unfinished", async () => {
      const table = await drayageOutput(["content", "active", "--root", await rootWith("one")]);
      expect(table.trimEnd().split(/ +/)).toEqual(["REF", "SIZE", "TOTAL", "STARTED", "UPDATED"]);
    });
  });
});

/** An entry of docker's configuration. */
function authOf(password: string): { auth: string } {
  return { auth: btoa(`${ACCOUNT.username}:${password}`) };
}

describeReal("the command line with docker's credentials", ["docker-registry", "skopeo"], () => {
  let stage: Stage;
  let image: MadeImage;

  beforeAll(async () => {
    stage = await startStage({ auth: true });
    image = await writeImage(stage.layout, { layers: [{ bytes: 1_000 }] });
    await stage.push("test/guarded", image.manifest);
  });

  afterAll(() => stage.close());

  /** Pulls with a docker configuration folder that holds these auths. */
  async function pullWith(auths: object): Promise<DrayageOutcome> {
    const config = await mkdtemp(join(stage.folder, "docker-"));
    await writeFile(join(config, "config.json"), JSON.stringify({ auths }));
    const args = ["pull", "-q", "--plain-http", "--root", await stage.newRoot(), "--config", config];
    return await drayage([...args, stage.nameOf("test/guarded")]);
  }

  it("pulls with the ones of --config", async () => {
    expect(await pullWith({ [stage.registry.host]: authOf(ACCOUNT.password) })).toMatchObject({
      status: 0,
      stdout: `${stage.nameOf("test/guarded")}@${image.manifest.digest}\n`,
      stderr: "",
    });
  });

  it("fails without any, and with those of another registry", async () => {
    expectFailure(await pullWith({}), /no basic auth credentials/);
    expectFailure(await pullWith({ "127.0.0.1:1": authOf(ACCOUNT.password) }), /no basic auth credentials/);
  });

  it("fails with a wrong password and tells nobody which", async () => {
    const outcome = await pullWith({ [stage.registry.host]: authOf("wrong:secret") });
    expectFailure(outcome, /test\/guarded refused: unauthorized: authentication required/);
    expect(outcome.stderr).not.toContain("secret");
    expect(outcome.stderr).not.toContain(authOf("wrong:secret").auth);
  });
});
