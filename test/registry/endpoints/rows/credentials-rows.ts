import type { Row } from "./row.ts";

const QUAY = "https://quay.io/v2";
const MIRROR = { "hosts/quay.io/hosts.toml": '[host."https://mirror.test"]\n' };

function auths(entries: Readonly<Record<string, string>>): string {
  const encoded = Object.entries(entries).map(([key, user]) => [
    key,
    { auth: Buffer.from(`${user}:secret`).toString("base64") },
  ]);
  return JSON.stringify({ auths: Object.fromEntries(encoded) });
}

/** Whose credentials an endpoint gets. */
export const CREDENTIALS_ROWS: readonly Row[] = [
  {
    name: "the registry's own",
    files: { "config.json": auths({ "quay.io": "q" }) },
    reference: "quay.io/a/b:1",
    endpoints: [`${QUAY} user=q`],
    skopeo: "same",
  },
  {
    name: "a mirror gets its own, and never the registry's",
    files: { ...MIRROR, "config.json": auths({ "quay.io": "q" }) },
    reference: "quay.io/a/b:1",
    endpoints: ["https://mirror.test/v2 mirror ns=quay.io", `${QUAY} user=q`],
  },
  {
    name: "a mirror with credentials",
    files: { ...MIRROR, "config.json": auths({ "quay.io": "q", "mirror.test": "m" }) },
    reference: "quay.io/a/b:1",
    endpoints: ["https://mirror.test/v2 mirror ns=quay.io user=m", `${QUAY} user=q`],
  },
  {
    name: "a mirror on a port",
    files: {
      "hosts/quay.io/hosts.toml": '[host."https://mirror.test:5000"]\n',
      "config.json": auths({ "mirror.test": "m", "mirror.test:5000": "p" }),
    },
    reference: "quay.io/a/b:1",
    endpoints: ["https://mirror.test:5000/v2 mirror ns=quay.io user=p", QUAY],
  },
  {
    name: "Docker Hub by docker's key",
    files: { "config.json": auths({ "https://index.docker.io/v1/": "h" }) },
    reference: "redis",
    endpoints: ["https://registry-1.docker.io/v2 as docker.io user=h"],
    skopeo: "same",
  },
  {
    // skopeo takes the one or the other, from run to run.
    name: "Docker Hub by docker's key beside another of its names",
    files: { "config.json": auths({ "https://index.docker.io/v1/": "h", "registry-1.docker.io": "x" }) },
    reference: "redis",
    endpoints: ["https://registry-1.docker.io/v2 as docker.io user=h"],
  },
  {
    name: "Docker Hub behind a mirror of daemon.json",
    files: {
      "daemon.json": '{"registry-mirrors": ["https://mirror.test"]}',
      "config.json": auths({ "https://index.docker.io/v1/": "h" }),
    },
    reference: "redis",
    endpoints: [
      "https://mirror.test/v2 mirror pull+resolve ns=docker.io",
      "https://registry-1.docker.io/v2 as docker.io user=h",
    ],
  },
  {
    name: "Docker Hub by its address in a hosts.toml",
    files: {
      "hosts/docker.io/hosts.toml": 'server = "https://registry-1.docker.io"\n',
      "config.json": auths({ "https://index.docker.io/v1/": "h" }),
    },
    reference: "redis",
    endpoints: ["https://registry-1.docker.io/v2 as docker.io user=h"],
  },
  {
    name: "another server has its own",
    files: {
      "hosts/quay.io/hosts.toml": 'server = "https://mirror.test"\n',
      "config.json": auths({ "quay.io": "q" }),
    },
    reference: "quay.io/a/b:1",
    endpoints: ["https://mirror.test/v2 ns=quay.io foreign"],
  },
  {
    name: "a location of registries.conf has its own",
    files: {
      "registries.conf": '[[registry]]\nprefix = "quay.io"\nlocation = "mirror.test/q"\n',
      "config.json": auths({ "quay.io": "q", "mirror.test": "m" }),
    },
    reference: "quay.io/a/b:1",
    endpoints: ["https://mirror.test/v2 repo=q/a/b foreign user=m"],
    skopeo: "same",
  },
  {
    name: "podman's file, by the longest namespace",
    files: {
      "auth.json": auths({
        "quay.io": "host",
        "quay.io/a": "team",
        "quay.io/a/b": "repo",
        "quay.io/c": "other",
      }),
    },
    reference: "quay.io/a/b:1",
    endpoints: [`${QUAY} user=repo`],
    skopeo: "same",
  },
  {
    name: "podman's file, by the namespace at the mirror",
    files: {
      "registries.conf": '[[registry]]\nprefix = "quay.io"\nlocation = "mirror.test/q"\n',
      "auth.json": auths({ "quay.io/a": "x", "mirror.test/q": "m" }),
    },
    reference: "quay.io/a/b:1",
    endpoints: ["https://mirror.test/v2 repo=q/a/b foreign user=m"],
    skopeo: "same",
  },
  {
    name: "podman's file before docker's",
    files: { "auth.json": auths({ "quay.io": "podman" }), "config.json": auths({ "quay.io": "docker" }) },
    reference: "quay.io/a/b:1",
    endpoints: [`${QUAY} user=podman`],
    skopeo: "same",
  },
  {
    name: "docker's file for whom podman's does not know",
    files: { "auth.json": auths({ "other.test": "x" }), "config.json": auths({ "quay.io": "docker" }) },
    reference: "quay.io/a/b:1",
    endpoints: [`${QUAY} user=docker`],
    skopeo: "same",
  },
];
