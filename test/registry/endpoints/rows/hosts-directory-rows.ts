import type { Row } from "./row.ts";

const QUAY = "https://quay.io/v2";
const MIRROR = '[host."https://mirror.test"]\n';
const OTHER = '[host."https://other.test"]\n';

/** Which directory counts, and what is no hosts.toml. */
export const HOSTS_DIRECTORY_ROWS: readonly Row[] = [
  {
    name: "a port, in underscores",
    files: { "hosts/quay.io_8443_/hosts.toml": MIRROR, "hosts/quay.io:8443/hosts.toml": OTHER },
    reference: "quay.io:8443/a/b:1",
    endpoints: ["https://mirror.test/v2 mirror ns=quay.io:8443", "https://quay.io:8443/v2"],
    ctr: "same",
  },
  {
    name: "a port, as it is",
    files: { "hosts/quay.io:8443/hosts.toml": MIRROR, "hosts/quay.io/hosts.toml": OTHER },
    reference: "quay.io:8443/a/b:1",
    endpoints: ["https://mirror.test/v2 mirror ns=quay.io:8443", "https://quay.io:8443/v2"],
    ctr: "same",
  },
  {
    name: "another port",
    files: { "hosts/quay.io:8443/hosts.toml": MIRROR },
    reference: "quay.io/a/b:1",
    endpoints: [QUAY],
    ctr: "same",
  },
  {
    name: "an IPv6 address with a port",
    files: { "hosts/[fd00::1]_5000_/hosts.toml": MIRROR },
    reference: "[fd00::1]:5000/a/b:1",
    endpoints: ["https://mirror.test/v2 mirror ns=[fd00::1]:5000", "https://[fd00::1]:5000/v2"],
  },
  {
    name: "_default for everybody",
    files: { "hosts/_default/hosts.toml": MIRROR },
    reference: "quay.io/a/b:1",
    endpoints: ["https://mirror.test/v2 mirror ns=quay.io", QUAY],
    ctr: "same",
  },
  {
    name: "_default and the registry's own",
    files: { "hosts/_default/hosts.toml": OTHER, "hosts/quay.io/hosts.toml": MIRROR },
    reference: "quay.io/a/b:1",
    endpoints: ["https://mirror.test/v2 mirror ns=quay.io", QUAY],
    ctr: "same",
  },
  {
    name: "an empty directory of the registry hides _default",
    files: { "hosts/_default/hosts.toml": OTHER, "hosts/quay.io/README": "" },
    reference: "quay.io/a/b:1",
    endpoints: [QUAY],
    ctr: "same",
  },
  {
    name: "the first of two roots",
    files: { "hosts-1/quay.io/hosts.toml": MIRROR, "hosts-2/quay.io/hosts.toml": OTHER },
    reference: "quay.io/a/b:1",
    endpoints: ["https://mirror.test/v2 mirror ns=quay.io", QUAY],
  },
  {
    name: "the second of two roots",
    files: { "hosts-1/docker.io/hosts.toml": OTHER, "hosts-2/quay.io/hosts.toml": MIRROR },
    reference: "quay.io/a/b:1",
    endpoints: ["https://mirror.test/v2 mirror ns=quay.io", QUAY],
  },
  {
    name: "_default of the first root before the second root",
    files: { "hosts-1/_default/hosts.toml": MIRROR, "hosts-2/quay.io/hosts.toml": OTHER },
    reference: "quay.io/a/b:1",
    endpoints: ["https://mirror.test/v2 mirror ns=quay.io", QUAY],
  },
  {
    name: "a file of zero bytes leaves docker's layout",
    files: { "hosts/quay.io/hosts.toml": "", "hosts/quay.io/ca.crt": "@ca" },
    reference: "quay.io/a/b:1",
    endpoints: [`${QUAY} ca=@ca`],
    ctr: "same",
  },
  {
    name: "docker's layout without a hosts.toml",
    files: {
      "hosts/quay.io/ca.crt": "@ca",
      "hosts/quay.io/client.cert": "@client.cert",
      "hosts/quay.io/client.key": "@client.key",
      "hosts/quay.io/notes.txt": "x",
    },
    reference: "quay.io/a/b:1",
    endpoints: [`${QUAY} ca=@ca cert=@client.cert key=@client.key`],
    ctr: "same",
  },
  {
    name: "a hosts.toml leaves docker's layout beside it",
    files: { "hosts/quay.io/hosts.toml": MIRROR, "hosts/quay.io/ca.crt": "@ca" },
    reference: "quay.io/a/b:1",
    endpoints: ["https://mirror.test/v2 mirror ns=quay.io", QUAY],
    ctr: "same",
  },
  {
    name: "a comment alone is a hosts.toml",
    files: { "hosts/quay.io/hosts.toml": "# nothing\n", "hosts/quay.io/ca.crt": "@other-ca" },
    reference: "quay.io/a/b:1",
    endpoints: [QUAY],
    ctr: "same",
  },
  ...(
    [
      ["no TOML", "server = \n", "line 1, column 10: invalid value"],
      ["a table twice", `${MIRROR}${MIRROR}`, "line 2, column 2: trying to redefine"],
      [
        "an unknown capability",
        `${MIRROR}  capabilities = ["pull", "x"]\n`,
        "line 2, column 3: capabilities: got an unknown one",
      ],
      [
        "capabilities that are no list",
        'capabilities = "pull"\n',
        "line 1, column 1: capabilities: wanted a list of strings",
      ],
      [
        "a wrong type",
        `${MIRROR}skip_verify = "yes"\n`,
        "line 2, column 1: skip_verify: wanted true or false",
      ],
      [
        "a scheme that is none",
        '[host."ftp://mirror.test"]\n',
        "line 1, column 1: wanted an http or https URL",
      ],
      ["a host that is none", '# hosts\n\n[host."https://"]\n', "line 3, column 1: not a valid URL"],
      [
        "a password in a URL",
        '[host."https://u:secret@mirror.test"]\n',
        "line 1, column 1: user name and password are not allowed",
      ],
      [
        "a server that is none",
        'ca = []\nserver = "ftp://x"\n',
        "line 2, column 1: server: wanted an http or https URL",
      ],
      [
        "a bad duration",
        `${MIRROR}dial_timeout = "5"\n`,
        "line 2, column 1: dial_timeout: wanted a duration",
      ],
      [
        "a duration that is a number",
        `${MIRROR}dial_timeout = 5\n`,
        "line 2, column 1: dial_timeout: wanted a string",
      ],
      [
        "a client that is no pair",
        `${MIRROR}client = [["a", "b", "c"]]\n`,
        "line 2, column 1: client: wanted a file, or a list",
      ],
      [
        "a header that is a number",
        `${MIRROR}[host."https://mirror.test".header]\nx-a = 1\n`,
        "line 3, column 1: x-a: wanted a string or a list",
      ],
      [
        "a header with a line break",
        `${MIRROR}[host."https://mirror.test".header]\nx-a = "a\\nb"\n`,
        "line 3, column 1: x-a: a value has characters",
      ],
      [
        "a host without a header of its own",
        '[host]\n"https://mirror.test" = {}\n',
        "line 2, column 1: https://mirror.test: wanted a table with a header",
      ],
      ["a list of hosts", "[[host]]\nx = 1\n", "line 1, column 1: wanted a table"],
    ] as const
  ).map(
    ([name, text, flaw]): Row => ({
      name: `an error for ${name}`,
      files: { "hosts/quay.io/hosts.toml": text },
      reference: "quay.io/a/b:1",
      flaw: `Read hosts.toml "hosts/quay.io/hosts.toml", ${flaw}`,
      ctr: `${name === "a server that is none" ? "before 2.0: " : ""}it leaves the whole file out and asks the registry, which the file may be there to prevent`,
    }),
  ),
  {
    name: "an error for authorities that are not there",
    files: { "hosts/quay.io/hosts.toml": '[host."https://a.test"]\nca = "ca.pem"\n' },
    reference: "quay.io/a/b:1",
    flaw: 'read "hosts/quay.io/ca.pem": no such file',
    ctr: "same",
  },
  {
    name: "an error for authorities that are none",
    files: {
      "hosts/quay.io/hosts.toml": '[host."https://a.test"]\nca = "ca.pem"\n',
      "hosts/quay.io/ca.pem": "hello",
    },
    reference: "quay.io/a/b:1",
    flaw: 'read "hosts/quay.io/ca.pem": got no PEM certificate',
    ctr: "same",
  },
];
