import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemCertificates } from "../../../src/registry/transport/system-certificates.ts";
import { createTransport } from "../../../src/registry/transport/transport.ts";
import { httpsServer } from "../support/raw-server.ts";

const pem = (name: string): Promise<string> =>
  readFile(new URL(`../../fixtures/tls/${name}`, import.meta.url), "utf8");

describe("systemCertificates()", () => {
  let directory: string;
  let authority: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "drayage-authorities-"));
    authority = (await pem("ca.pem")).trim();
  });
  afterEach(() => rm(directory, { recursive: true }));

  const write = async (name: string, text: string): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, text);
    return path;
  };

  it("reads SSL_CERT_FILE in the place of the system's own file", async () => {
    const file = await write("ca.crt", `# Corp\n${authority}\n${authority}\n`);
    expect(systemCertificates({ environment: { SSL_CERT_FILE: file } })).toEqual([authority]);
  });

  it("reads every file below the directories of SSL_CERT_DIR", async () => {
    await mkdir(join(directory, "sub"));
    await write("a.pem", authority);
    const environment = { SSL_CERT_FILE: join(directory, "none"), SSL_CERT_DIR: `/nowhere:${directory}` };
    expect(systemCertificates({ environment })).toEqual([authority]);
  });

  it("follows the links of such a directory to files that are elsewhere, and to those beside them", async () => {
    await mkdir(join(directory, "links"));
    await write("a.pem", authority);
    await symlink("../a.pem", join(directory, "links", "b.pem"));
    await symlink("b.pem", join(directory, "links", "0a1b2c3d.0"));
    await symlink("nowhere.pem", join(directory, "links", "0a1b2c3d.1"));
    const environment = { SSL_CERT_FILE: join(directory, "none"), SSL_CERT_DIR: join(directory, "links") };
    expect(systemCertificates({ environment })).toEqual([authority]);
  });

  it("leaves out a file of such a directory that is no certificate", async () => {
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
    await write("broken.pem", broken);
    await write("good.pem", authority);
    const environment = { SSL_CERT_FILE: join(directory, "none"), SSL_CERT_DIR: directory };
    expect(systemCertificates({ environment })).toEqual([authority]);
  });

  it("reads NODE_EXTRA_CA_CERTS as well", async () => {
    const file = await write("extra.pem", authority);
    const environment = { NODE_EXTRA_CA_CERTS: file, SSL_CERT_FILE: join(directory, "none") };
    expect(systemCertificates({ environment })).toEqual([authority]);
  });

  it("leaves out what is no certificate", async () => {
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
    const file = await write("mixed.pem", `${broken}\n${authority}\n-----BEGIN CERTIFICATE-----\n`);
    expect(systemCertificates({ environment: { SSL_CERT_FILE: file } })).toEqual([authority]);
  });

  it("gives a transport the authorities that it trusts beside Node's own, asked for once and late", async () => {
    const tls = { cert: await pem("server.pem"), key: await pem("server.key") };
    await using server = await httpsServer(tls, (_, response) => void response.end("trusted"));
    let asked = 0;
    const authorities = (): readonly string[] => {
      asked++;
      return [authority];
    };
    const transport = createTransport({ authorities });
    expect(asked).toBe(0);
    for (const skipVerify of [false, true]) {
      const request = { method: "GET", url: server.origin, tls: { skipVerify } } as const;
      await (await transport.send(request)).body.discard();
    }
    expect(asked).toBe(1);
    await transport.close();
  });
});
