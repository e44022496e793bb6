import type { Row } from "./row.ts";

const QUAY = "https://quay.io/v2";
const HUB = "https://registry-1.docker.io/v2 as docker.io";
const DIGEST = `sha256:${"a".repeat(64)}`;

function conf(text: string): Readonly<Record<string, string>> {
  return { "registries.conf": text };
}

const MIRRORED = `[[registry]]
location = "quay.io"
[[registry.mirror]]
location = "a.test"
[[registry.mirror]]
location = "b.test:5000/cache"
`;

/** podman's registries.conf. */
export const REGISTRIES_CONF_ROWS: readonly Row[] = [
  {
    name: "an empty file",
    files: conf(""),
    reference: "quay.io/a/b:1",
    endpoints: [QUAY],
    skopeo: "same",
  },
  {
    name: "mirrors, in their order, under the names that they have there",
    files: conf(MIRRORED),
    reference: "quay.io/a/b:1",
    endpoints: [
      "https://a.test/v2 mirror pull+resolve",
      "https://b.test:5000/v2 mirror pull+resolve repo=cache/a/b",
      QUAY,
    ],
    skopeo: "same",
  },
  {
    name: "mirrors take no push",
    files: conf(MIRRORED),
    push: true,
    reference: "quay.io/a/b:1",
    endpoints: [QUAY],
  },
  {
    name: "another registry",
    files: conf(MIRRORED),
    reference: "ghcr.io/a/b:1",
    endpoints: ["https://ghcr.io/v2"],
    skopeo: "same",
  },
  {
    name: "a prefix that is rewritten",
    files: conf('[[registry]]\nprefix = "quay.io/team"\nlocation = "internal.test/mirrors/team"\n'),
    reference: "quay.io/team/app:1",
    endpoints: ["https://internal.test/v2 repo=mirrors/team/app foreign"],
    skopeo: "same",
  },
  {
    name: "a prefix ends at a part of the name",
    files: conf('[[registry]]\nprefix = "quay.io/team"\nlocation = "internal.test/x"\n'),
    reference: "quay.io/teams/app:1",
    endpoints: [QUAY],
    skopeo: "same",
  },
  {
    name: "a prefix that is the whole repository",
    files: conf('[[registry]]\nprefix = "quay.io/team/app"\nlocation = "internal.test/other"\n'),
    reference: "quay.io/team/app:1",
    endpoints: ["https://internal.test/v2 repo=other foreign"],
    skopeo: "same",
  },
  {
    name: "a prefix that is one tag",
    files: conf('[[registry]]\nprefix = "quay.io/team/app:1"\nlocation = "internal.test/other:1"\n'),
    reference: "quay.io/team/app:1",
    endpoints: ["https://internal.test/v2 repo=other foreign"],
    skopeo: "its manual has tags in prefixes, but it compares names alone",
  },
  {
    name: "a prefix that is another tag",
    files: conf('[[registry]]\nprefix = "quay.io/team/app:1"\nlocation = "internal.test/other:1"\n'),
    reference: "quay.io/team/app:2",
    endpoints: [QUAY],
    skopeo: "same",
  },
  {
    name: "a location that is another tag",
    files: conf('[[registry]]\nprefix = "quay.io/team/app:1"\nlocation = "internal.test/other:2"\n'),
    reference: "quay.io/team/app:1",
    flaw: 'read registries.conf:1:1: location gives "internal.test/other:2", wanted a repository and ":1" behind it',
    skopeo: "its manual has tags in prefixes, but it compares names alone",
  },
  {
    name: "a location without the tag of its prefix",
    files: conf('[[registry]]\nprefix = "quay.io/team/app:1"\nlocation = "internal.test/other"\n'),
    reference: "quay.io/team/app:1",
    flaw: 'read registries.conf:1:1: location gives "internal.test/other", wanted a repository and ":1" behind it',
    skopeo: "its manual has tags in prefixes, but it compares names alone",
  },
  {
    name: "a host is a prefix of all its ports",
    files: conf('[[registry]]\nprefix = "quay.io"\nlocation = "internal.test"\n'),
    reference: "quay.io:5000/a/b:1",
    endpoints: ["https://internal.test:5000/v2 foreign"],
    skopeo: "same",
  },
  {
    name: "the longest prefix",
    files: conf(
      '[[registry]]\nprefix = "quay.io/a/b"\nlocation = "long.test/ab"\n[[registry]]\nprefix = "quay.io/a"\nlocation = "short.test/a"\n',
    ),
    reference: "quay.io/a/b:1",
    endpoints: ["https://long.test/v2 repo=ab foreign"],
    skopeo: "same",
  },
  {
    name: "a location with a slash at the end",
    files: conf('[[registry]]\nprefix = "quay.io/"\nlocation = "internal.test/"\n'),
    reference: "quay.io/a/b:1",
    endpoints: ["https://internal.test/v2 foreign"],
    skopeo: "same",
  },
  {
    name: "a location at Docker Hub",
    files: conf('[[registry]]\nprefix = "quay.io"\nlocation = "docker.io"\n'),
    reference: "quay.io/a/b:1",
    endpoints: [`https://registry-1.docker.io/v2 foreign as docker.io`],
    skopeo: "same",
  },
  {
    name: "every subdomain",
    files: conf('[[registry]]\nprefix = "*.quay.io"\nlocation = "internal.test"\n'),
    reference: "eu.west.quay.io/a/b:1",
    endpoints: ["https://internal.test/v2 foreign"],
    skopeo: "same",
  },
  {
    name: "every subdomain, with a port",
    files: conf('[[registry]]\nprefix = "*.quay.io"\nlocation = "internal.test"\n'),
    reference: "eu.quay.io:5000/a/b:1",
    endpoints: ["https://internal.test:5000/v2 foreign"],
    skopeo: "same",
  },
  {
    name: "every subdomain is not the domain itself",
    files: conf('[[registry]]\nprefix = "*.quay.io"\nlocation = "internal.test"\n'),
    reference: "quay.io/a/b:1",
    endpoints: [QUAY],
    skopeo: "same",
  },
  {
    name: "every subdomain, where it is, by plain HTTP",
    files: conf('[[registry]]\nprefix = "*.quay.io"\ninsecure = true\n'),
    reference: "eu.quay.io/a/b:1",
    endpoints: ["https://eu.quay.io/v2 unverified", "http://eu.quay.io/v2"],
    skopeo: "same",
  },
  {
    name: "an insecure registry",
    files: conf('[[registry]]\nlocation = "untrusted.test"\ninsecure = true\n'),
    reference: "untrusted.test/a/b:1",
    endpoints: ["https://untrusted.test/v2 unverified", "http://untrusted.test/v2"],
    skopeo: "same",
  },
  {
    name: "an insecure mirror of a secure registry",
    files: conf(
      '[[registry]]\nlocation = "quay.io"\n[[registry.mirror]]\nlocation = "untrusted.test"\ninsecure = true\n',
    ),
    reference: "quay.io/a/b:1",
    endpoints: [
      "https://untrusted.test/v2 mirror unverified pull+resolve",
      "http://untrusted.test/v2 mirror pull+resolve",
      QUAY,
    ],
    skopeo: "same",
  },
  {
    name: "a secure registry in an insecure location",
    files: conf('[[registry]]\nprefix = "quay.io"\nlocation = "internal.test"\ninsecure = false\n'),
    options: { insecureRegistries: ["internal.test"] },
    reference: "quay.io/a/b:1",
    endpoints: ["https://internal.test/v2 unverified foreign", "http://internal.test/v2 foreign"],
  },
  {
    name: "a mirror for digests does not say what a tag means",
    files: conf(
      '[[registry]]\nlocation = "quay.io"\n[[registry.mirror]]\nlocation = "a.test"\npull-from-mirror = "digest-only"\n',
    ),
    reference: "quay.io/a/b:1",
    endpoints: ["https://a.test/v2 mirror pull", QUAY],
    skopeo: "same",
  },
  {
    name: "a mirror for digests",
    files: conf(
      '[[registry]]\nlocation = "quay.io"\n[[registry.mirror]]\nlocation = "a.test"\npull-from-mirror = "digest-only"\n',
    ),
    reference: `quay.io/a/b@${DIGEST}`,
    endpoints: ["https://a.test/v2 mirror pull", QUAY],
    skopeo: "same",
  },
  {
    name: "a mirror for tags is not asked for a digest",
    files: conf(
      '[[registry]]\nlocation = "quay.io"\n[[registry.mirror]]\nlocation = "a.test"\npull-from-mirror = "tag-only"\n',
    ),
    reference: `quay.io/a/b@${DIGEST}`,
    endpoints: [QUAY],
    skopeo: "same",
  },
  {
    name: "a mirror for tags",
    files: conf(
      '[[registry]]\nlocation = "quay.io"\n[[registry.mirror]]\nlocation = "a.test"\npull-from-mirror = "tag-only"\n',
    ),
    reference: "quay.io/a/b:1",
    endpoints: ["https://a.test/v2 mirror pull+resolve", QUAY],
    skopeo: "same",
  },
  {
    name: "mirror-by-digest-only, for a digest",
    files: conf(
      `[[registry]]\nlocation = "quay.io"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "a.test"\n`,
    ),
    reference: `quay.io/a/b@${DIGEST}`,
    endpoints: ["https://a.test/v2 mirror pull", QUAY],
    skopeo: "same",
  },
  {
    name: "a blocked registry",
    files: conf('[[registry]]\nlocation = "quay.io"\nblocked = true\n'),
    reference: "quay.io/a/b:1",
    flaw: "registry quay.io is blocked in registries.conf:1:1",
    skopeo: "same",
  },
  {
    name: "a blocked namespace takes no push either",
    files: conf('[[registry]]\nprefix = "quay.io/a"\nlocation = "quay.io/a"\nblocked = true\n'),
    push: true,
    reference: "quay.io/a/b:1",
    flaw: "registry quay.io/a is blocked in registries.conf:1:1",
  },
  {
    name: "a blocked registry is blocked, whatever a hosts.toml says",
    files: {
      ...conf('[[registry]]\nlocation = "quay.io"\nblocked = true\n'),
      "hosts/quay.io/hosts.toml": '[host."https://a.test"]\n',
    },
    reference: "quay.io/a/b:1",
    flaw: "registry quay.io is blocked in registries.conf:1:1",
  },
  {
    name: "a drop-in file replaces the whole table of a prefix",
    files: {
      ...conf(MIRRORED),
      "registries.conf.d/10.conf":
        '[[registry]]\nlocation = "quay.io"\n[[registry.mirror]]\nlocation = "first.test"\n',
      "registries.conf.d/20.conf":
        '[[registry]]\nlocation = "quay.io"\n[[registry.mirror]]\nlocation = "last.test"\n',
      "registries.conf.d/30.txt": "not read",
    },
    reference: "quay.io/a/b:1",
    endpoints: ["https://last.test/v2 mirror pull+resolve", QUAY],
    skopeo: "same",
  },
  {
    name: "a drop-in file for another prefix",
    files: {
      ...conf(MIRRORED),
      "registries.conf.d/10.conf": '[[registry]]\nprefix = "quay.io/a"\nlocation = "quay.io/a"\n',
    },
    reference: "quay.io/a/b:1",
    endpoints: [QUAY],
    skopeo: "same",
  },
  {
    name: "of a prefix that stands twice in one file the first",
    files: conf(
      '[[registry]]\nprefix = "quay.io"\nlocation = "a.test"\n[[registry]]\nprefix = "quay.io"\nlocation = "b.test"\n',
    ),
    reference: "quay.io/a/b:1",
    endpoints: ["https://a.test/v2 foreign"],
    skopeo: "same",
  },
  {
    name: "Docker Hub goes by its full names",
    files: conf('[[registry]]\nprefix = "docker.io/library"\nlocation = "a.test/hub"\n'),
    reference: "redis",
    endpoints: ["https://a.test/v2 repo=hub/redis foreign"],
    skopeo: "same",
  },
  {
    name: "short names are not ours",
    files: conf('unqualified-search-registries = ["quay.io"]\n[aliases]\nredis = "quay.io/x/redis"\n'),
    reference: "redis",
    endpoints: [HUB],
    skopeo: "same",
  },
  {
    name: "a file of version 1",
    files: conf(
      '[registries.insecure]\nregistries = ["untrusted.test"]\n[registries.block]\nregistries = ["bad.test"]\n',
    ),
    reference: "bad.test/a/b:1",
    flaw: "registry bad.test is blocked in registries.conf:1:1",
    skopeo: "same",
  },
  {
    name: "a hosts.toml before registries.conf",
    files: { ...conf(MIRRORED), "hosts/quay.io/hosts.toml": '[host."https://h.test"]\n' },
    reference: "quay.io/a/b:1",
    endpoints: ["https://h.test/v2 mirror ns=quay.io", QUAY],
  },
  {
    name: "registries.conf before daemon.json",
    files: {
      ...conf('[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "a.test"\n'),
      "daemon.json": '{"registry-mirrors": ["https://d.test"]}',
    },
    reference: "redis",
    endpoints: ["https://a.test/v2 mirror pull+resolve", HUB],
  },
  {
    name: "certificates go by the host of the location",
    files: { ...conf(MIRRORED), "certs/a.test/ca.crt": "@ca", "certs/quay.io/ca.crt": "@other-ca" },
    reference: "quay.io/a/b:1",
    endpoints: [
      "https://a.test/v2 mirror pull+resolve ca=@ca",
      "https://b.test:5000/v2 mirror pull+resolve repo=cache/a/b",
      `${QUAY} ca=@other-ca`,
    ],
    skopeo: "same",
  },
  ...(
    [
      ["no TOML", "[[registry]\n", "line 1, column 12: "],
      [
        "a scheme",
        '[[registry]]\nlocation = "https://quay.io"\n',
        "line 2, column 1: location: wanted host[:port][/path] without a scheme",
      ],
      [
        "neither location nor prefix",
        "[[registry]]\ninsecure = true\n",
        "line 1, column 1: wanted a location or a prefix",
      ],
      [
        "a prefix without a location",
        '[[registry]]\nprefix = "quay.io"\n',
        "line 1, column 1: location: wanted one",
      ],
      [
        "a * in the middle",
        '[[registry]]\nprefix = "a.*.io"\nlocation = "x.test"\n',
        "line 2, column 1: prefix: wanted * at the beginning",
      ],
      [
        "a path behind *.",
        '[[registry]]\nprefix = "*.quay.io/a"\nlocation = "x.test"\n',
        "line 2, column 1: prefix: wanted a domain alone",
      ],
      [
        "a mirror without a location",
        '[[registry]]\nlocation = "quay.io"\n[[registry.mirror]]\ninsecure = true\n',
        "line 3, column 1: location: wanted one",
      ],
      [
        "an unknown pull-from-mirror",
        '[[registry]]\nlocation = "quay.io"\n[[registry.mirror]]\nlocation = "a.test"\npull-from-mirror = "x"\n',
        "line 5, column 1: pull-from-mirror: wanted all, digest-only or tag-only",
      ],
      [
        "pull-from-mirror of a registry",
        '[[registry]]\nlocation = "quay.io"\npull-from-mirror = "all"\n',
        "line 3, column 1: pull-from-mirror: belongs to a mirror",
      ],
      [
        "two words about digests",
        '[[registry]]\nlocation = "quay.io"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "a.test"\npull-from-mirror = "all"\n',
        "line 6, column 1: pull-from-mirror: not together",
      ],
      [
        "a location that is secure and not",
        '[[registry]]\nlocation = "quay.io"\n[[registry]]\nprefix = "a.io"\nlocation = "quay.io"\ninsecure = true\n',
        "line 6, column 1: insecure: differs",
      ],
      [
        "both versions",
        '[registries.insecure]\nregistries = ["x.test"]\n[[registry]]\nlocation = "quay.io"\n',
        "line 1, column 1: registries: got a table of version 1",
      ],
    ] as const
  ).map(
    ([name, text, flaw]): Row => ({
      name: `an error for ${name}`,
      files: conf(text),
      reference: "quay.io/a/b:1",
      flaw: `Read registries.conf "registries.conf", ${flaw}`,
      skopeo: name === "a * in the middle" ? "it looks for a host of that name" : "same",
    }),
  ),
];
