import { describe, expect, it } from "vitest";
import { credentialFilesFromEnvironment } from "../../../src/registry/credentials/credential-files.ts";
import { registriesFilesFromEnvironment } from "../../../src/registry/endpoints/usual-files.ts";

const HOME = "/users/ann";

describe("credentialFilesFromEnvironment()", () => {
  it.runIf(process.platform === "linux")("names the files of podman, then those of docker", () => {
    expect(credentialFilesFromEnvironment({ HOME })).toEqual({
      authFile: [
        `/run/containers/${process.getuid?.()}/auth.json`,
        "/users/ann/.config/containers/auth.json",
      ],
      dockerConfigDir: "/users/ann/.docker",
      dockercfg: "/users/ann/.dockercfg",
      registriesConf: registriesFilesFromEnvironment({ HOME }),
    });
  });

  it.runIf(process.platform === "linux")("heeds the variables that move them", () => {
    const moved = {
      HOME,
      XDG_RUNTIME_DIR: "/run/user/7",
      XDG_CONFIG_HOME: "/config",
      DOCKER_CONFIG: "/docker",
      DOCKER_AUTH_CONFIG: "{}",
    };
    expect(credentialFilesFromEnvironment(moved)).toEqual({
      dockerAuthConfig: "{}",
      authFile: ["/run/user/7/containers/auth.json", "/config/containers/auth.json"],
      dockerConfigDir: "/docker",
      dockercfg: "/users/ann/.dockercfg",
      registriesConf: registriesFilesFromEnvironment(moved),
    });
  });

  it("names the file of REGISTRY_AUTH_FILE alone, behind DOCKER_AUTH_CONFIG", () => {
    const environment = { HOME, REGISTRY_AUTH_FILE: "/auth.json", DOCKER_CONFIG: "/docker" };
    expect(credentialFilesFromEnvironment(environment)).toEqual({ authFile: "/auth.json" });
    expect(credentialFilesFromEnvironment({ ...environment, DOCKER_AUTH_CONFIG: "{}" })).toEqual({
      dockerAuthConfig: "{}",
      authFile: "/auth.json",
    });
  });

  it("takes an empty variable for none", () => {
    const empty = { HOME, REGISTRY_AUTH_FILE: "", DOCKER_AUTH_CONFIG: "", DOCKER_CONFIG: "" };
    expect(credentialFilesFromEnvironment(empty)).toEqual(credentialFilesFromEnvironment({ HOME }));
  });
});
