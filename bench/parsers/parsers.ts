import { parseDigest } from "../../src/digest/digest.ts";
import { parseManifest } from "../../src/oci/parse-document.ts";
import { parsePlatform } from "../../src/platform/parse-platform.ts";
import { parse } from "../../src/reference/parse.ts";
import { parseHostsToml } from "../../src/registry/configuration/hosts-toml.ts";
import { parseChallenges } from "../../src/registry/http/challenge.ts";
import { parseTarHeader } from "../../src/tar/tar-header.ts";
import { recordsOf } from "../../test/tar/support/tar-writer.ts";
import { digestOf } from "../support/image.ts";

/** A parser with something to parse, and what it may take for that, in seconds: small beside the request that brought it. */
export interface Parser {
  readonly name: string;
  readonly mostSeconds: number;
  /** Throws when it does not parse. */
  parse(this: void): unknown;
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

const digest = digestOf("a blob");
const reference = `registry.example:5000/team/project/app:v1.2.3@${digest}`;
const challenge =
  'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:team/app:pull,push"';
const [tarRecord = Buffer.alloc(0)] = recordsOf({ name: "usr/share/doc/package/copyright", size: 12_345 });
const hostsToml = `server = "https://registry.example"
[host."https://mirror.example"]
  capabilities = ["pull", "resolve"]
  override_path = true
[host."https://mirror.example".header]
  x-team = ["one", "two"]
`;

function descriptorOf(at: number, mediaType: string) {
  return { mediaType, digest: digestOf(`${at}`), size: at + 1 };
}

/** A manifest of so many layers. */
function manifestOf(count: number): Buffer {
  const layers = Array.from({ length: count }, (_, at) => {
    return descriptorOf(at, "application/vnd.oci.image.layer.v1.tar+gzip");
  });
  const config = descriptorOf(count, "application/vnd.oci.image.config.v1+json");
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers }));
}

const [small, large] = [manifestOf(40), manifestOf(4_000)];

/** What is parsed for nearly every pull. */
export const PARSERS: readonly Parser[] = [
  { name: "reference with tag and digest", mostSeconds: 10e-6, parse: () => parse(reference) },
  { name: "digest", mostSeconds: 1e-6, parse: () => parseDigest(digest) },
  { name: "platform", mostSeconds: 5e-6, parse: () => parsePlatform("linux/arm64/v8") },
  { name: "manifest of 40 layers", mostSeconds: 500e-6, parse: () => parseManifest(small, MANIFEST) },
  { name: "manifest of 4,000 layers", mostSeconds: 50e-3, parse: () => parseManifest(large, MANIFEST) },
  { name: "WWW-Authenticate", mostSeconds: 20e-6, parse: () => parseChallenges(challenge) },
  { name: "tar header", mostSeconds: 10e-6, parse: () => parseTarHeader(tarRecord) },
  { name: "hosts.toml", mostSeconds: 500e-6, parse: () => parseHostsToml(hostsToml, "hosts.toml") },
];
