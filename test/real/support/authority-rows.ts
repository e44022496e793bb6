/** Files about TLS, and what drayage and another client make of them when they pull and push. */
export interface AuthorityRow {
  readonly name: string;
  readonly host: `${"private" | "chain" | "mutual" | "expired" | "misnamed"}.test`;
  /** See `TlsHosts.newHome`. */
  readonly files?: Readonly<Record<string, string>>;
  /** Added to the environment of both; `HOME` stands for the home, here and below. */
  readonly env?: Readonly<Record<string, string>>;
  /** What drayage is told in place of the files. */
  readonly ours?: readonly string[];
  /** What the other one is told; for skopeo `*` stands for the side of the registry. */
  readonly theirs?: readonly string[];
  /** What drayage says when it cannot; absent where it can. */
  readonly flaw?: string;
  /** See `agrees`; `same` by default. */
  readonly agreement?: string;
}

const UNTRUSTED = "certificate not trusted: unknown authority";
const REFUSED = "client certificate is missing, or refused by the other side";
const EXPIRED = "certificate has expired";
const MISNAMED = "certificate is for another host: it names elsewhere.test";

/** A hosts.toml about TLS, with all files that it may name beside it. */
function toml(host: string, lines: string): Readonly<Record<string, string>> {
  const beside = (name: string, text: string) => [`hosts/${host}/${name}`, text] as const;
  return Object.fromEntries([
    beside("hosts.toml", `[host."https://${host}"]\n${lines}\n`),
    beside("ca.pem", "@ca"),
    beside("other-ca.pem", "@other-ca"),
    beside("both.pem", "@client.both"),
    beside("cert.pem", "@client.cert"),
    beside("key.pem", "@client.key"),
    beside("stranger.pem", "@stranger.both"),
    beside("locked.pem", "@client.locked"),
  ]);
}

const mutual = (client: string) => toml("mutual.test", `ca = "ca.pem"\n${client}`);

/** What containerd makes of hosts.toml. */
export const HOSTS_TOML: readonly AuthorityRow[] = [
  { name: "nothing", host: "private.test", flaw: UNTRUSTED },
  { name: "an authority", host: "private.test", files: toml("private.test", 'ca = "ca.pem"') },
  {
    name: "an authority among several",
    host: "private.test",
    files: toml("private.test", 'ca = ["other-ca.pem", "ca.pem"]'),
  },
  {
    name: "another authority",
    host: "private.test",
    files: toml("private.test", 'ca = "other-ca.pem"'),
    flaw: UNTRUSTED,
  },
  {
    name: "an authority for every registry",
    host: "private.test",
    files: { "hosts/_default/hosts.toml": 'ca = "ca.pem"\n', "hosts/_default/ca.pem": "@ca" },
    agreement: "before 2.0: it wants a host beside the server, and leaves the file out",
  },
  {
    name: "docker's layout in the place of hosts.toml",
    host: "private.test",
    files: { "hosts/private.test/ca.crt": "@ca" },
  },
  {
    name: "an authority that vouches for the one that has signed",
    host: "chain.test",
    files: toml("chain.test", 'ca = "ca.pem"'),
  },
  { name: "no check", host: "private.test", files: toml("private.test", "skip_verify = true") },
  { name: "no client certificate", host: "mutual.test", files: mutual(""), flaw: REFUSED },
  { name: "a client certificate in one file", host: "mutual.test", files: mutual('client = "both.pem"') },
  {
    name: "a client certificate in a list of files",
    host: "mutual.test",
    files: mutual('client = ["both.pem"]'),
  },
  {
    name: "a client certificate in two files",
    host: "mutual.test",
    files: mutual('client = [["cert.pem", "key.pem"]]'),
  },
  {
    name: "a client certificate in a pair without a key",
    host: "mutual.test",
    files: mutual('client = [["both.pem", ""]]'),
    agreement: "it takes the directory for the certificate",
  },
  {
    name: "the same client certificate twice",
    host: "mutual.test",
    files: mutual('client = [["cert.pem", "key.pem"], "both.pem"]'),
  },
  {
    name: "the right client certificate behind a stranger's",
    host: "mutual.test",
    files: mutual('client = ["stranger.pem", "both.pem"]'),
  },
  {
    name: "a stranger's client certificate",
    host: "mutual.test",
    files: mutual('client = "stranger.pem"'),
    flaw: REFUSED,
  },
  {
    name: "a client certificate that is not there",
    host: "mutual.test",
    files: mutual('client = "nowhere.pem"'),
    flaw: 'nowhere.pem": no such file or directory',
  },
  {
    name: "another certificate's key",
    host: "mutual.test",
    files: mutual('client = [["cert.pem", "stranger.pem"]]'),
    flaw: 'stranger.pem": not the key of the certificate in "',
  },
  {
    name: "a key with a passphrase",
    host: "mutual.test",
    files: mutual('client = [["cert.pem", "locked.pem"]]'),
    flaw: 'locked.pem": got a private key with a passphrase, wanted one without',
  },
  {
    name: "a certificate that has expired",
    host: "expired.test",
    files: toml("expired.test", 'ca = "ca.pem"'),
    flaw: EXPIRED,
  },
  {
    name: "a certificate that has expired, unchecked",
    host: "expired.test",
    files: toml("expired.test", "skip_verify = true"),
  },
  {
    name: "another host's certificate",
    host: "misnamed.test",
    files: toml("misnamed.test", 'ca = "ca.pem"'),
    flaw: MISNAMED,
  },
  {
    name: "another host's certificate, unchecked",
    host: "misnamed.test",
    files: toml("misnamed.test", "skip_verify = true"),
  },
];

const FILES = {
  "ca.pem": "@ca",
  "other-ca.pem": "@other-ca",
  "cert.pem": "@client.cert",
  "key.pem": "@client.key",
  "locked.pem": "@client.locked",
  "authorities/one.pem": "@other-ca",
  "authorities/two.pem": "@ca",
};

/** What containerd's `ctr` makes of its command line, or of the environment. */
export const COMMAND_LINES: readonly AuthorityRow[] = [
  {
    name: "an authority",
    host: "private.test",
    files: FILES,
    ours: ["--ca-file", "HOME/ca.pem"],
    theirs: ["--tlscacert", "HOME/ca.pem"],
  },
  {
    name: "another authority",
    host: "private.test",
    files: FILES,
    ours: ["--ca-file", "HOME/other-ca.pem"],
    theirs: ["--tlscacert", "HOME/other-ca.pem"],
    flaw: UNTRUSTED,
  },
  {
    name: "a client certificate",
    host: "mutual.test",
    files: FILES,
    ours: ["--ca-file", "HOME/ca.pem", "--cert", "HOME/cert.pem", "--key", "HOME/key.pem"],
    theirs: ["--tlscacert", "HOME/ca.pem", "--tlscert", "HOME/cert.pem", "--tlskey", "HOME/key.pem"],
  },
  {
    name: "a key with a passphrase",
    host: "mutual.test",
    files: FILES,
    ours: ["--ca-file", "HOME/ca.pem", "--cert", "HOME/cert.pem", "--key", "HOME/locked.pem"],
    theirs: ["--tlscacert", "HOME/ca.pem", "--tlscert", "HOME/cert.pem", "--tlskey", "HOME/locked.pem"],
    flaw: "got a private key with a passphrase, wanted one without",
  },
  { name: "no check", host: "misnamed.test", ours: ["--insecure"], theirs: ["--skip-verify"] },
  {
    name: "a file of the system's authorities",
    host: "private.test",
    files: FILES,
    env: { SSL_CERT_FILE: "HOME/ca.pem" },
  },
  {
    name: "a directory of the system's authorities",
    host: "private.test",
    files: FILES,
    env: { SSL_CERT_FILE: "HOME/other-ca.pem", SSL_CERT_DIR: "HOME/nowhere:HOME/authorities" },
  },
  {
    name: "other authorities of the system",
    host: "private.test",
    files: FILES,
    env: { SSL_CERT_FILE: "HOME/other-ca.pem", SSL_CERT_DIR: "HOME/nowhere" },
    flaw: UNTRUSTED,
  },
];

/** A directory of docker's layout. */
function certs(host: string, files: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [`certs/${host}/${name}`, text]));
}

const CLIENT = { "client.cert": "@client.cert", "client.key": "@client.key" };

/** What skopeo makes of docker's layout. */
export const CERTS_DIRECTORY: readonly AuthorityRow[] = [
  { name: "nothing", host: "private.test", flaw: UNTRUSTED },
  { name: "an authority", host: "private.test", files: certs("private.test", { "ca.crt": "@ca" }) },
  {
    name: "authorities by any name",
    host: "private.test",
    files: certs("private.test", { "a.crt": "@other-ca", "b.crt": "@ca" }),
  },
  {
    name: "an authority by a name that does not count",
    host: "private.test",
    files: certs("private.test", { "ca.pem": "@ca" }),
    flaw: UNTRUSTED,
  },
  {
    name: "another host's authority",
    host: "private.test",
    files: certs("chain.test", { "ca.crt": "@ca" }),
    flaw: UNTRUSTED,
  },
  {
    name: "an authority that vouches for the one that has signed",
    host: "chain.test",
    files: certs("chain.test", { "ca.crt": "@ca" }),
  },
  {
    name: "a client certificate",
    host: "mutual.test",
    files: certs("mutual.test", { "ca.crt": "@ca", ...CLIENT }),
  },
  {
    name: "no client certificate",
    host: "mutual.test",
    files: certs("mutual.test", { "ca.crt": "@ca" }),
    flaw: REFUSED,
  },
  {
    name: "a stranger's client certificate",
    host: "mutual.test",
    files: certs("mutual.test", { "ca.crt": "@ca", "c.cert": "@stranger.cert", "c.key": "@stranger.key" }),
    flaw: REFUSED,
  },
  {
    name: "the right client certificate behind a stranger's",
    host: "mutual.test",
    files: certs("mutual.test", {
      "ca.crt": "@ca",
      "a.cert": "@stranger.cert",
      "a.key": "@stranger.key",
      ...CLIENT,
    }),
  },
  {
    name: "a client certificate without its key",
    host: "mutual.test",
    files: certs("mutual.test", { "ca.crt": "@ca", "client.cert": "@client.cert" }),
    flaw: "got no private key, wanted one",
  },
  {
    name: "a client certificate with its key inside",
    host: "mutual.test",
    files: certs("mutual.test", { "ca.crt": "@ca", "client.cert": "@client.both" }),
    agreement: "it wants a file with the key; containerd does not",
  },
  {
    name: "a key with a passphrase",
    host: "mutual.test",
    files: certs("mutual.test", { "ca.crt": "@ca", "c.cert": "@client.cert", "c.key": "@client.locked" }),
    flaw: "got a private key with a passphrase, wanted one without",
  },
  {
    name: "a certificate that has expired",
    host: "expired.test",
    files: certs("expired.test", { "ca.crt": "@ca" }),
    flaw: EXPIRED,
  },
  {
    name: "another host's certificate",
    host: "misnamed.test",
    files: certs("misnamed.test", { "ca.crt": "@ca" }),
    flaw: MISNAMED,
  },
  {
    name: "directories that the command line names",
    host: "mutual.test",
    files: Object.fromEntries(
      Object.entries({ "ca.crt": "@ca", ...CLIENT }).map(([name, text]) => [`own/mutual.test/${name}`, text]),
    ),
    ours: ["--certs-dir", "HOME/own"],
    theirs: ["--*-cert-dir=HOME/own/mutual.test"],
  },
  { name: "no check", host: "expired.test", ours: ["--insecure"], theirs: ["--*-tls-verify=false"] },
];
