import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { registryFilesFromEnvironment } from "../../../src/registry/endpoints/usual-files.ts";

const MACHINE = ["/etc/containers/registries.conf", "/etc/containers/registries.conf.d"];

it("names a user's own places before the machine's", () => {
  expect(registryFilesFromEnvironment({ HOME: "/users/ann" })).toEqual({
    hostsDir: [
      "/users/ann/.config/containerd/certs.d",
      "/users/ann/.config/docker/certs.d",
      "/etc/containerd/certs.d",
      "/etc/docker/certs.d",
    ],
    certsDir: [
      "/users/ann/.config/containers/certs.d",
      "/users/ann/.config/docker/certs.d",
      "/etc/containers/certs.d",
      "/etc/docker/certs.d",
    ],
    registriesConf: [...MACHINE, "/users/ann/.config/containers/registries.conf.d"],
    daemonConfig: ["/users/ann/.config/docker/daemon.json", "/etc/docker/daemon.json"],
  });
});

it("has a user's own registries.conf in the place of the machine's, and a named one in that of both", async () => {
  const home = await mkdtemp(join(tmpdir(), "drayage-home-"));
  const own = join(home, "containers", "registries.conf");
  await mkdir(join(home, "containers"));
  await writeFile(own, "");
  const named = (environment: Record<string, string>) =>
    registryFilesFromEnvironment({ XDG_CONFIG_HOME: home, ...environment }).registriesConf;
  expect(named({})).toEqual([own, `${own}.d`]);
  expect(named({ CONTAINERS_REGISTRIES_CONF: "/dev/null" })).toEqual(["/dev/null", MACHINE[1], `${own}.d`]);
  await rm(home, { recursive: true });
});
