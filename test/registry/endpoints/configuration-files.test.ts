import { describe, expect, it } from "vitest";
import { describedEndpoints } from "../support/configured-lookup.ts";
import { CREDENTIALS_ROWS } from "./rows/credentials-rows.ts";
import { DOCKER_ROWS } from "./rows/docker-rows.ts";
import { HOSTS_DIRECTORY_ROWS } from "./rows/hosts-directory-rows.ts";
import { HOSTS_TOML_ROWS } from "./rows/hosts-toml-rows.ts";
import { REGISTRIES_CONF_ROWS } from "./rows/registries-conf-rows.ts";

describe.each([
  ["hosts.toml", HOSTS_TOML_ROWS],
  ["directories of hosts.toml", HOSTS_DIRECTORY_ROWS],
  ["certs.d and daemon.json", DOCKER_ROWS],
  ["registries.conf", REGISTRIES_CONF_ROWS],
  ["credentials", CREDENTIALS_ROWS],
])("lookupEndpoints() by %s", (_, rows) => {
  it.each(rows)("$name", async (row) => {
    const endpoints = describedEndpoints(row);
    if (row.flaw === undefined) expect(await endpoints).toEqual(row.endpoints);
    else await expect(endpoints).rejects.toThrow(row.flaw);
  });
});
