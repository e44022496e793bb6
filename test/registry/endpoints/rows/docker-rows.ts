import type { Row } from "./row.ts";

const HUB = "https://registry-1.docker.io/v2 as docker.io";
const QUAY = "https://quay.io/v2";

function daemon(value: object): Readonly<Record<string, string>> {
  return { "daemon.json": JSON.stringify(value) };
}

/** docker's certs.d and daemon.json. */
export const DOCKER_ROWS: readonly Row[] = [
  {
    name: "certs.d of the registry",
    files: { "certs/quay.io/ca.crt": "@ca" },
    reference: "quay.io/a/b:1",
    endpoints: [`${QUAY} ca=@ca`],
    skopeo: "same",
  },
  {
    name: "certs.d of another port",
    files: { "certs/quay.io:5000/ca.crt": "@ca" },
    reference: "quay.io/a/b:1",
    endpoints: [QUAY],
    skopeo: "same",
  },
  {
    name: "certs.d of a port",
    files: { "certs/quay.io:5000/ca.crt": "@ca" },
    reference: "quay.io:5000/a/b:1",
    endpoints: ["https://quay.io:5000/v2 ca=@ca"],
    skopeo: "same",
  },
  {
    name: "certs.d with a client certificate",
    files: { "certs/quay.io/c.cert": "@client.cert", "certs/quay.io/c.key": "@client.key" },
    reference: "quay.io/a/b:1",
    endpoints: [`${QUAY} cert=@client.cert key=@client.key`],
    skopeo: "same",
  },
  {
    name: "certs.d with certificate and key in one file",
    files: { "certs/quay.io/c.cert": "@client.both" },
    reference: "quay.io/a/b:1",
    endpoints: [`${QUAY} cert=@client.both key=@client.both`],
    skopeo: "it wants a key file of its own, as dockerd does; containerd does not",
  },
  {
    name: "certs.d in the order of names",
    files: { "certs/quay.io/b.crt": "@other-ca", "certs/quay.io/a.crt": "@ca" },
    reference: "quay.io/a/b:1",
    endpoints: [`${QUAY} ca=@ca,@other-ca`],
    skopeo: "same",
  },
  {
    name: "certs.d with other names and a directory",
    files: { "certs/quay.io/ca.pem": "x", "certs/quay.io/sub/ca.crt": "x" },
    reference: "quay.io/a/b:1",
    endpoints: [QUAY],
    skopeo: "same",
  },
  {
    name: "the first of two certs.d",
    files: { "certs-1/quay.io/ca.crt": "@ca", "certs-2/quay.io/ca.crt": "@other-ca" },
    reference: "quay.io/a/b:1",
    endpoints: [`${QUAY} ca=@ca`],
  },
  {
    name: "an empty directory in the first certs.d",
    files: { "certs-1/quay.io/README": "", "certs-2/quay.io/ca.crt": "@ca" },
    reference: "quay.io/a/b:1",
    endpoints: [QUAY],
  },
  {
    name: "certs.d of Docker Hub goes by its name",
    files: { "certs/docker.io/ca.crt": "@ca", "certs/registry-1.docker.io/ca.crt": "@other-ca" },
    reference: "redis",
    endpoints: ["https://registry-1.docker.io/v2 ca=@ca as docker.io"],
    skopeo: "same",
  },
  {
    name: "certs.d of a mirror goes by the mirror's host",
    files: { "certs/mirror.test/ca.crt": "@ca", ...daemon({ "registry-mirrors": ["https://mirror.test"] }) },
    reference: "redis",
    endpoints: ["https://mirror.test/v2 mirror pull+resolve ns=docker.io ca=@ca", HUB],
  },
  {
    name: "certs.d where a hosts.toml names the host without a word about TLS",
    files: { "hosts/quay.io/hosts.toml": '[host."https://a.test"]\n', "certs/a.test/ca.crt": "@ca" },
    reference: "quay.io/a/b:1",
    endpoints: ["https://a.test/v2 mirror ns=quay.io ca=@ca", QUAY],
  },
  {
    name: "certs.d where a hosts.toml has a word about TLS",
    files: {
      "hosts/quay.io/hosts.toml": '[host."https://a.test"]\nskip_verify = true\n',
      "certs/a.test/ca.crt": "@ca",
    },
    reference: "quay.io/a/b:1",
    endpoints: ["https://a.test/v2 mirror unverified ns=quay.io", QUAY],
  },
  {
    name: "docker's layout in the directory for hosts.toml before certs.d",
    files: { "hosts/quay.io/ca.crt": "@ca", "certs/quay.io/ca.crt": "@other-ca" },
    reference: "quay.io/a/b:1",
    endpoints: [`${QUAY} ca=@ca`],
  },
  {
    name: "certs.d of an insecure registry",
    files: { "certs/quay.io/ca.crt": "@ca", ...daemon({ "insecure-registries": ["quay.io"] }) },
    reference: "quay.io/a/b:1",
    endpoints: [`${QUAY} unverified ca=@ca`, "http://quay.io/v2"],
  },
  {
    name: "an error for a key without a certificate",
    files: { "certs/quay.io/c.key": "@client.key" },
    reference: "quay.io/a/b:1",
    flaw: 'read "certs/quay.io": missing client certificate c.cert for key c.key',
    skopeo: "same",
  },
  {
    name: "an error for a certificate without a key",
    files: { "certs/quay.io/c.cert": "@client.cert" },
    reference: "quay.io/a/b:1",
    flaw: 'read "certs/quay.io/c.cert" (or c.key): got no private key, wanted one',
    skopeo: "same",
  },
  {
    name: "an error for another certificate's key",
    files: { "certs/quay.io/c.cert": "@ca", "certs/quay.io/c.key": "@client.key" },
    reference: "quay.io/a/b:1",
    flaw: 'read "certs/quay.io/c.key": not the key of the certificate in "certs/quay.io/c.cert"',
    skopeo: "same",
  },
  {
    name: "an error for authorities that are none",
    files: { "certs/quay.io/ca.crt": "hello" },
    reference: "quay.io/a/b:1",
    flaw: 'read "certs/quay.io/ca.crt": got no PEM certificate',
    skopeo: "it goes on without them",
  },
  {
    name: "registry-mirrors are for Docker Hub",
    files: daemon({ "registry-mirrors": ["https://a.test", "http://b.test:5000/hub/"] }),
    reference: "redis",
    endpoints: [
      "https://a.test/v2 mirror pull+resolve ns=docker.io",
      "http://b.test:5000/hub/v2 mirror pull+resolve ns=docker.io",
      HUB,
    ],
  },
  {
    name: "registry-mirrors are for nobody else",
    files: daemon({ "registry-mirrors": ["https://a.test"] }),
    reference: "quay.io/a/b:1",
    endpoints: [QUAY],
  },
  {
    name: "registry-mirrors take no push",
    files: daemon({ "registry-mirrors": ["https://a.test"] }),
    push: true,
    reference: "redis",
    endpoints: [HUB],
  },
  {
    name: "a mirror twice",
    files: daemon({ "registry-mirrors": ["https://a.test", "https://a.test/"] }),
    reference: "redis",
    endpoints: ["https://a.test/v2 mirror pull+resolve ns=docker.io", HUB],
  },
  {
    name: "an insecure registry",
    files: daemon({ "insecure-registries": ["quay.io:5000"] }),
    reference: "quay.io:5000/a/b:1",
    endpoints: ["https://quay.io:5000/v2 unverified", "http://quay.io:5000/v2"],
  },
  {
    name: "an insecure registry of another port",
    files: daemon({ "insecure-registries": ["quay.io:5000"] }),
    reference: "quay.io/a/b:1",
    endpoints: [QUAY],
  },
  {
    name: "an insecure network",
    files: daemon({ "insecure-registries": ["10.1.0.0/16"] }),
    reference: "10.1.2.3:5000/a/b:1",
    endpoints: ["https://10.1.2.3:5000/v2 unverified", "http://10.1.2.3:5000/v2"],
  },
  {
    name: "another network",
    files: daemon({ "insecure-registries": ["10.1.0.0/16"] }),
    reference: "10.2.2.3:5000/a/b:1",
    endpoints: ["https://10.2.2.3:5000/v2"],
  },
  {
    name: "a name in an insecure network",
    files: daemon({ "insecure-registries": ["10.1.0.0/16"] }),
    options: { resolveHost: async () => ["10.1.2.3"] },
    reference: "quay.io/a/b:1",
    endpoints: [`${QUAY} unverified`, "http://quay.io/v2"],
  },
  {
    name: "an insecure mirror",
    files: daemon({ "registry-mirrors": ["https://a.test"], "insecure-registries": ["a.test"] }),
    reference: "redis",
    endpoints: ["https://a.test/v2 mirror unverified pull+resolve ns=docker.io", HUB],
  },
  {
    name: "keys about other things, and none",
    files: daemon({ "data-root": "/x", "log-driver": "json-file" }),
    reference: "redis",
    endpoints: [HUB],
  },
  {
    name: "an empty file",
    files: { "daemon.json": "" },
    reference: "redis",
    endpoints: [HUB],
  },
  {
    name: "a hosts.toml before daemon.json",
    files: {
      "hosts/docker.io/hosts.toml": '[host."https://b.test"]\n',
      ...daemon({ "registry-mirrors": ["https://a.test"], "insecure-registries": ["b.test"] }),
    },
    reference: "redis",
    endpoints: ["https://b.test/v2 mirror ns=docker.io", HUB],
  },
  {
    name: "options before daemon.json",
    files: daemon({ "registry-mirrors": ["https://a.test"] }),
    options: { mirrors: { "docker.io": ["https://o.test"] } },
    reference: "redis",
    endpoints: [
      "https://o.test/v2 mirror pull+resolve ns=docker.io",
      "https://a.test/v2 mirror pull+resolve ns=docker.io",
      HUB,
    ],
  },
  {
    name: "options before a hosts.toml",
    files: { "hosts/quay.io/hosts.toml": '[host."https://a.test"]\n' },
    options: {
      mirrors: { "quay.io": ["https://o.test"] },
      insecureRegistries: ["a.test"],
      tls: { "quay.io": { ca: ["@ca"] } },
    },
    reference: "quay.io/a/b:1",
    endpoints: [
      "https://o.test/v2 mirror pull+resolve ns=quay.io",
      "https://a.test/v2 mirror unverified ns=quay.io",
      `${QUAY} ca=@ca`,
    ],
  },
  {
    name: "options before certs.d",
    files: { "certs/docker.io/ca.crt": "@other-ca" },
    options: { tls: { "index.docker.io": { ca: ["@ca"] } } },
    reference: "redis",
    endpoints: ["https://registry-1.docker.io/v2 ca=@ca as docker.io"],
  },
  ...(
    [
      ["no JSON", '{"registry-mirrors": [}', "line 1, column 23"],
      [
        "a mirror without a scheme",
        '{\n  "registry-mirrors": ["a.test"]\n}',
        "line 2, column 23: registry-mirrors: ",
      ],
      [
        "mirrors that are no list",
        '{"registry-mirrors": "https://a.test"}',
        "line 1, column 22: registry-mirrors: wanted a list",
      ],
      [
        "an insecure registry that is none",
        '{"insecure-registries": ["ftp://a"]}',
        "line 1, column 25: insecure-registries: ",
      ],
      ["proxies that are no table", '{"proxies": 1}', "line 1, column 13: wanted a table"],
      ["no table at all", "[]", "line 1, column 1: wanted a table"],
    ] as const
  ).map(
    ([name, text, flaw]): Row => ({
      name: `an error for ${name}`,
      files: { "daemon.json": text },
      reference: "redis",
      flaw: `Read docker's daemon.json "daemon.json", ${flaw}`,
    }),
  ),
];
