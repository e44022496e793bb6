import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { ErrInvalidArgument } from "../../src/errors.ts";
import type { ImageEvent } from "../../src/images.ts";
import type { DistributionOptions } from "../../src/index.ts";
import { buildImage, type TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { type Engine, failureOf, namesOn, openEngine } from "./support/engine.ts";
import { rootSite } from "./support/root-site.ts";
import { until } from "./support/until.ts";

const keep = closingAfterEach();
let registry: TestRegistry;
let parent: string;
let root: string;
let name: string;

beforeEach(async () => {
  ({ registry, parent, root, name } = await rootSite(keep));
});

async function opened(options: Partial<DistributionOptions> = {}): Promise<Engine> {
  return keep(await openEngine({ root, ...options }));
}

/** What an engine tells of names, in order. */
function heard(engine: Engine): Array<ImageEvent & { readonly kind: string }> {
  const events: Array<ImageEvent & { readonly kind: string }> = [];
  for (const kind of ["tag", "untag"] as const)
    engine.events.on(kind, (event) => void events.push({ kind, ...event }));
  return events;
}

const shown = (events: ReturnType<typeof heard>) =>
  events.map(({ kind, cause, name: full }) => `${kind} by ${cause}: ${full.replace(registry.host, "")}`);

describe("an engine that watches its data root", () => {
  it("tells what another one does to names: pulls, tags, moves, removals", async () => {
    const [watching, other] = [await opened({ watch: true }), await opened()];
    const events = heard(watching);
    const first = (await other.pull(name)).digest;
    await until(() => events.length === 1);
    await buildImage(registry, "app", { tag: "v1", layers: [2_000] });
    await other.pull(name);
    await until(() => events.length === 2);
    expect(events[1]?.previous?.digest).toBe(first);
    await other.tag(name, "copy:v1");
    await until(() => events.length === 3);
    await other.remove(name);
    await until(() => events.length === 4);
    expect(shown(events)).toEqual([
      "tag by elsewhere: /app:v1",
      "tag by elsewhere: /app:v1",
      "tag by elsewhere: docker.io/library/copy:v1",
      "untag by elsewhere: /app:v1",
    ]);
    expect(await watching.images.list()).toEqual(await other.images.list());
  });

  it("tells its own changes once, as its own, whatever others do meanwhile", async () => {
    const [one, two] = [await opened({ watch: true }), await opened({ watch: true })];
    await one.pull(name);
    const [ofOne, ofTwo] = [heard(one), heard(two)];
    await Promise.all([
      ...Array.from({ length: 8 }, (_, at) => one.tag(name, `one:v${at}`)),
      ...Array.from({ length: 8 }, (_, at) => two.tag(name, `two:v${at}`)),
    ]);
    await until(() => ofOne.length >= 16 && ofTwo.length >= 16);
    await one.tag(name, "end:v1");
    await until(() => shown(ofTwo).at(-1) === "tag by elsewhere: docker.io/library/end:v1");
    for (const [events, own] of [
      [ofOne, "one"],
      [ofTwo, "two"],
    ] as const) {
      const of = events.filter(({ name: full }) => !full.includes("end") && !full.includes("app"));
      expect(of).toHaveLength(16);
      for (const { name: full, cause } of of)
        expect(`${full} ${cause}`).toBe(`${full} ${full.includes(`/${own}:`) ? "tag" : "elsewhere"}`);
    }
  });

  it("tells nothing of what was there, and nothing unless it is asked to", async () => {
    const other = await opened();
    await other.pull(name);
    const [watching, deaf] = [await opened({ watch: true }), await opened()];
    const [events, none] = [heard(watching), heard(deaf)];
    await other.tag(name, "copy:v1");
    await until(() => events.length > 0);
    expect(shown(events)).toEqual(["tag by elsewhere: docker.io/library/copy:v1"]);
    expect(none).toEqual([]);
  });

  it("tells what other tools write, and goes on when the index was away or damaged", async () => {
    const other = await opened();
    await other.pull(name);
    const watching = await opened({ watch: true });
    const events = heard(watching);
    const path = join(root, "index.json");
    const text = await readFile(path, "utf8");
    await rename(path, join(parent, "away.json"));
    await writeFile(path, "{");
    await writeFile(path, text.replaceAll("/app:v1", "/renamed:v1"));
    await until(() => events.length === 2);
    expect(new Set(shown(events))).toEqual(
      new Set(["tag by elsewhere: /renamed:v1", "untag by elsewhere: /app:v1"]),
    );
  });

  it("sees the file behind a symbolic link", async () => {
    await (await opened()).pull(name);
    await rename(join(root, "index.json"), join(parent, "real.json"));
    await symlink(join(parent, "real.json"), join(root, "index.json"));
    const [watching, other] = [await opened({ watch: true }), await opened()];
    const events = heard(watching);
    await other.tag(name, "copy:v1");
    await until(() => events.length === 1);
  });

  it("watches for an engine that only reads", async () => {
    const other = await opened();
    const watching = await opened({ watch: true, readOnly: true });
    const events = heard(watching);
    await other.pull(name);
    await until(() => events.length === 1);
  });

  it("tells nothing more when it is closed, and keeps no process alive", async () => {
    const other = await opened();
    const watching = await opened({ watch: true });
    const events = heard(watching);
    await watching.close();
    await other.pull(name);
    const code = `
      import { openDistribution } from ${JSON.stringify(join(import.meta.dirname, "../../src/index.ts"))};
      await openDistribution({ root: ${JSON.stringify(root)}, watch: true });`;
    const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", code], {
      stdio: "inherit",
    });
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(events).toEqual([]);
  });

  it("is refused with names of another place", async () => {
    const failure = await failureOf(
      opened({ watch: true, images: (await opened()).images, content: {} as never }),
    );
    expect(failure).toBeInstanceOf(ErrInvalidArgument);
  });

  it("agrees with the disk after another process was killed in the middle of its changes", async () => {
    await (await opened()).pull(name);
    const watching = await opened({ watch: true });
    const names = new Set(await namesOn(root));
    watching.events.on("tag", (event) => void names.add(event.name));
    watching.events.on("untag", (event) => void names.delete(event.name));
    const causes = new Set<string>();
    watching.events.on("tag", ({ cause }) => void causes.add(cause));
    const script = join(import.meta.dirname, "support/naming-child.ts");
    for (let round = 0; round < 2; round++) {
      const child = spawn(process.execPath, ["--no-warnings", script, root, name], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      await until(() => causes.has("elsewhere"));
      child.kill("SIGKILL");
      await once(child, "exit");
      await until(async () => [...names].toSorted().join() === (await namesOn(root)).toSorted().join());
    }
    expect([...causes]).toEqual(["elsewhere"]);
    await watching.tag(name, "after:v1"); // the dead hold nothing
    expect(await namesOn(root)).toContain("docker.io/library/after:v1");
  });
});
