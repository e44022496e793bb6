import { afterAll, beforeAll, expect, it } from "vitest";
import { encodedOf } from "../../src/digest/digest.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { bytesOnDisk } from "./support/bytes-on-disk.ts";
import { type CountingProxy, startCountingProxy } from "./support/counting-proxy.ts";
import { describeReal } from "./support/describe-real.ts";
import { drayageOutput, isNoSlowAnswer, startDrayage } from "./support/drayage.ts";
import { writeImage } from "./support/images.ts";
import { type Stage, startStage } from "./support/stage.ts";
import { storedBlobs } from "./support/stored-blobs.ts";
import { until } from "./support/until.ts";

const MIB = 1024 ** 2;

/** Size of the layer in MiB, another one by hand: `RESUME_MIB=1024 npx vitest run test/real/resume.test.ts`. */
const { RESUME_MIB = "256" } = process.env;
const BIG_BYTES = Number(RESUME_MIB) * MIB;

/** The most that an interrupted pull may cost the registry above what an undisturbed one does, in bytes. */
const WASTE_BYTES = MIB;

/** The same where sixteen connections may bring it, each with what the buffers of the kernel and of a proxy hold. */
const WASTE_IN_RANGES_BYTES = 16 * 3 * MIB;

/** Longest time for one test, in milliseconds: half a minute, and a second for each 16 MB. */
const TIMEOUT_MS = 30_000 + BIG_BYTES / 16_000;

/** By one connection, so that what is on disk says where it is. */
function pullArguments(root: string, host: string): string[] {
  return ["pull", "--plain-http", "--no-ranges", "--root", root, `${host}/test/big:v1`];
}

describeReal("an interrupted pull of a big layer", ["docker-registry", "skopeo"], () => {
  let stage: Stage;
  let layer: Descriptor;

  beforeAll(async () => {
    stage = await startStage();
    const image = await writeImage(stage.layout, { layers: [{ bytes: BIG_BYTES, compression: "none" }] });
    [layer] = image.layers as [Descriptor];
    await stage.push("test/big", image.manifest);
  }, TIMEOUT_MS);

  afterAll(() => stage.close());

  /**
   * A proxy that passes on a piece of the layer only when the one before it is on disk. What a kill or a reset finds in the
   * buffers of the kernel, megabytes otherwise, is then one piece, and what the proxy served is what the client had.
   */
  async function startProxyInStep(root: string): Promise<CountingProxy> {
    const proxy = await startCountingProxy(stage.registry.host);
    const path = new RegExp(layer.digest);
    proxy.pace({ path, before: (offset, signal) => until(() => bytesOnDisk(root, layer) >= offset, signal) });
    return proxy;
  }

  /** The requests for the layer, in their order. */
  function requests(...proxies: readonly CountingProxy[]) {
    return proxies
      .flatMap(({ records }) => records)
      .filter(({ method, path }) => method === "GET" && path.includes(layer.digest));
  }

  function served(...proxies: readonly CountingProxy[]): number {
    return requests(...proxies).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  it(
    "goes on where kill -9 ended it",
    async ({ signal }) => {
      const root = await stage.newRoot();
      await using proxy = await startProxyInStep(root);
      const running = startDrayage(pullArguments(root, proxy.host));
      await until(() => bytesOnDisk(root, layer) > layer.size / 2, signal);
      running.kill("SIGKILL");
      expect(await running.done).toMatchObject({ status: null, signal: "SIGKILL" });
      const kept = bytesOnDisk(root, layer);
      expect(kept).toBeLessThan(layer.size);

      await drayageOutput(pullArguments(root, proxy.host));

      expect(requests(proxy)).toMatchObject([
        { range: undefined, status: 200 },
        { range: `bytes=${kept}-`, status: 206, bytes: layer.size - kept },
      ]);
      expect(served(proxy)).toBeLessThanOrEqual(layer.size + WASTE_BYTES);
      expect(await storedBlobs(root)).toContain(layer.digest);
    },
    TIMEOUT_MS,
  );

  it(
    "goes on where kill -9 ended it when it comes over as many connections as help",
    async ({ signal }) => {
      const root = await stage.newRoot();
      await using proxy = await startCountingProxy(stage.registry.host);
      const command = pullArguments(root, proxy.host).filter((argument) => argument !== "--no-ranges");
      const running = startDrayage(command);
      await until(() => served(proxy) > layer.size / 2, signal);
      running.kill("SIGKILL");
      expect(await running.done).toMatchObject({ status: null, signal: "SIGKILL" });
      const begun = requests(proxy).length;

      await drayageOutput(command);

      const later = requests(proxy).slice(begun);
      expect(later.map(({ range, status }) => [range !== undefined, status])).toEqual(
        later.map(() => [true, 206]),
      );
      expect(served(proxy)).toBeLessThanOrEqual(layer.size + WASTE_IN_RANGES_BYTES);
      expect(await storedBlobs(root)).toContain(layer.digest);
    },
    TIMEOUT_MS,
  );

  it(
    "survives ten resets of the connection",
    async () => {
      const root = await stage.newRoot();
      await using proxy = await startProxyInStep(root);
      const part = Math.floor(layer.size / 11);
      proxy.cut({ path: new RegExp(layer.digest), afterBytes: part, times: 10 });

      await drayageOutput(pullArguments(root, proxy.host));

      expect(requests(proxy).map(({ range, cut }) => ({ range, cut }))).toEqual(
        Array.from({ length: 11 }, (_, index) => ({
          range: index === 0 ? undefined : `bytes=${index * part}-`,
          cut: index < 10,
        })),
      );
      expect(served(proxy)).toBeLessThanOrEqual(layer.size + WASTE_BYTES);
      expect(await storedBlobs(root)).toContain(layer.digest);
    },
    TIMEOUT_MS,
  );

  it(
    "takes the second half from the next endpoint when the first one dies",
    async ({ signal }) => {
      const root = await stage.newRoot();
      await using mirror = await startProxyInStep(root);
      await using own = await startProxyInStep(root);
      const mirrored = ["--mirror", `${own.host}=${mirror.url}`];
      const running = startDrayage([...pullArguments(root, own.host), ...mirrored]);
      await until(() => bytesOnDisk(root, layer) > layer.size / 2, signal);
      await mirror.stop();

      const { status, stderr } = await running.done;
      expect(status).toBe(0);
      expect(stderr.split("\n")[0]).toMatch(new RegExp(`^drayage: ${mirror.url} was passed over: `));

      expect(requests(mirror)).toMatchObject([{ range: undefined, status: 200 }]);
      expect(requests(own)).toMatchObject([{ range: expect.stringMatching(/^bytes=\d+-$/), status: 206 }]);
      expect(served(own)).toBeLessThan(layer.size / 2);
      expect(served(mirror, own)).toBeLessThanOrEqual(layer.size + WASTE_BYTES);
      expect(await storedBlobs(root)).toContain(layer.digest);
    },
    TIMEOUT_MS,
  );

  it(
    "ends with status 130 after Ctrl-C and goes on with the next command",
    async ({ signal }) => {
      const root = await stage.newRoot();
      await using proxy = await startProxyInStep(root);
      const running = startDrayage(pullArguments(root, proxy.host));
      await until(() => bytesOnDisk(root, layer) > layer.size / 8, signal);
      running.kill("SIGINT");

      const { stdout, ...end } = await running.done;
      expect(end).toEqual({ status: 130, signal: null, stderr: "" });
      const id = encodedOf(layer.digest).slice(0, 12);
      expect(stdout.split("\n").filter(isNoSlowAnswer)).toEqual([
        "v1: Pulling from test/big",
        `${id}: Pulling fs layer`,
        `${id}: Downloading`,
        "",
      ]);
      const kept = bytesOnDisk(root, layer);
      expect(kept).toBeLessThan(layer.size);
      const active = await drayageOutput(["content", "active", "--root", root]);
      expect(active).toMatch(new RegExp(`^layer-${layer.digest} `, "m"));
      expect(await drayageOutput(["images", "-q", "--root", root])).toBe("");

      await drayageOutput(pullArguments(root, proxy.host));

      expect(requests(proxy).at(-1)).toMatchObject({ range: `bytes=${kept}-`, bytes: layer.size - kept });
      expect(served(proxy)).toBeLessThanOrEqual(layer.size + WASTE_BYTES);
    },
    TIMEOUT_MS,
  );
});
