import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PROFILE_NAMES } from "../../src/testing.ts";
import { ACCOUNT, APP, profileSite } from "../distribution/support/profile-site.ts";
import { PROFILE_ROWS } from "../distribution/support/profile-table.ts";
import { describeReal } from "./support/describe-real.ts";
import { partOutcome } from "./support/run-part.ts";

/** Where crane finds its configuration: it may run in a root of its own, which shares `LAB` with ours. */
const { LAB = "/tmp" } = process.env;

describeReal("crane pull, at a registry that behaves like", ["crane"], () => {
  it.each(PROFILE_NAMES.flatMap((profile) => [[profile, false] as const, [profile, true] as const]))(
    "%s (with an account: %s) makes as many requests as the table says",
    async (profile, account) => {
      await using site = await profileSite(profile, { account });
      const { host } = site.registry;
      const config = await mkdtemp(join(LAB, "drayage-crane-"));
      const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString("base64");
      await writeFile(
        join(config, "config.json"),
        JSON.stringify({ auths: account ? { [host]: { auth } } : {} }),
      );
      const args = ["pull", "--insecure", "--platform", "linux/amd64", `${host}/${APP}:v1`, "/dev/null"];
      const { status } = await partOutcome("crane", args, { env: { DOCKER_CONFIG: config } });
      await rm(config, { recursive: true });
      expect(status === 0 ? site.registry.requests.length : undefined).toBe(PROFILE_ROWS[profile].crane);
    },
  );
});
