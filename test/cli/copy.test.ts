import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { drayage, drayageOutput } from "../real/support/drayage.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";

const keep = closingAfterEach();

describe("drayage copy", () => {
  it("copies, prints the name with its digest, and says in a line what it could not", async () => {
    const [source, target] = await Promise.all([TestRegistry.start(), TestRegistry.start()]);
    keep(source);
    keep(target);
    const root = await mkdtemp(join(tmpdir(), "drayage-copy-"));
    keep({ [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) });
    const { descriptor } = await buildImage(source, "team/app", { tag: "v1", layers: [70_000] });
    const copy = (tag: string): readonly string[] => {
      const names = [`${source.host}/team/app:${tag}`, `${target.host}/mirror/app:${tag}`];
      return ["copy", "--plain-http", "-q", "--referrers", "--root", root, ...names];
    };
    expect(await drayageOutput(copy("v1"))).toBe(`${target.host}/mirror/app:v1@${descriptor.digest}\n`);
    expect(target.manifest("mirror/app", "v1")?.digest).toBe(descriptor.digest);
    const failed = await drayage(copy("v2"));
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain(`manifest for ${source.host}/team/app:v2 not found`);
  });
});
