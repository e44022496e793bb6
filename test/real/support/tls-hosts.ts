import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testAuthority } from "../../../src/testing.ts";
import { APP } from "./both-clients.ts";
import { startDockerRegistry } from "./docker-registry.ts";
import { type Home, pemForms, writeHome } from "./home.ts";
import { tagInLayout, writeImage } from "./images.ts";
import { startNamedHosts } from "./named-hosts.ts";
import { skopeo } from "./skopeo.ts";

/**
 * Real registries with TLS and names of their own, each with the image `APP`: `private.test`; `chain.test`, whose certificate comes
 * from an authority below the one of all; `mutual.test`, which wants one of the client; `expired.test`; and `misnamed.test`, which
 * shows one for `elsewhere.test`.
 */
export interface TlsHosts extends AsyncDisposable {
  /** An OCI image layout with the image, tagged `app`. */
  readonly layout: string;
  /** The environment in which clients find the registries, and nothing else. */
  readonly env: Readonly<Record<string, string>>;
  /** A new and empty folder. */
  newFolder(): Promise<string>;
  /**
   * Somebody's home with these files: below `hosts/` containerd's layout, below `certs/` docker's, at their usual places.
   * `@ca` and the like stand for PEM.
   */
  newHome(files: Readonly<Record<string, string>>): Promise<Home>;
}

/** Starts the registries, and puts the image into them. */
export async function startTlsHosts(): Promise<TlsHosts> {
  const [servers, clients, strangers] = [testAuthority(), testAuthority(), testAuthority()];
  const client = clients.issue([]);
  const long = { validFrom: new Date("2020-01-01"), validTo: new Date("2021-01-01") };
  const asked = { clients: { ca: clients.cert, own: client } };
  const [secret, chain, mutual, expired, misnamed] = await Promise.all([
    startDockerRegistry({ tls: servers.issue(["private.test"]) }),
    startDockerRegistry({ tls: servers.intermediate().issue(["chain.test"]) }),
    startDockerRegistry({ tls: servers.issue(["mutual.test"]), ...asked }),
    startDockerRegistry({ tls: servers.issue(["expired.test"], long) }),
    startDockerRegistry({ tls: servers.issue(["elsewhere.test"]) }),
  ]);
  const all = {
    "private.test": secret,
    "chain.test": chain,
    "mutual.test": mutual,
    "expired.test": expired,
    "misnamed.test": misnamed,
  };
  const places = Object.entries(all).map(([name, { host }]) => [name, host] as const);
  const named = await startNamedHosts(Object.fromEntries(places));
  const pem = {
    "@ca": servers.cert,
    "@other-ca": strangers.cert,
    ...pemForms("@client", client),
    ...pemForms("@stranger", strangers.issue([])),
  };

  const folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
  const layout = join(folder, "layout");
  const newFolder = () => mkdtemp(join(folder, "folder-"));
  const hosts: TlsHosts = {
    layout,
    env: named.env,
    newFolder,
    newHome: async (files) => writeHome(await newFolder(), { files, pem, env: named.env }),
    async [Symbol.asyncDispose]() {
      await Promise.all(Object.values(all).map((registry) => registry.stop()));
      await named[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
  const { manifest } = await writeImage(layout, { layers: [{ bytes: 20_000 }, { bytes: 30_000 }] });
  await tagInLayout(layout, "app", manifest);
  const own = await hosts.newHome({ "own/c.cert": "@client.cert", "own/c.key": "@client.key" });
  const flags = ["copy", "--dest-tls-verify=false", `--dest-cert-dir=${join(own.folder, "own")}`];
  for (const { host } of Object.values(all))
    await skopeo([...flags, `oci:${layout}:app`, `docker://${host}/${APP}`]);
  return hosts;
}
