import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { SecureVersion, TLSSocket } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import type { HttpRequest } from "../../../src/registry/http/send.ts";
import { certificateChoices } from "../../../src/registry/transport/client-certificates.ts";
import { createTransport, type Transport } from "../../../src/registry/transport/transport.ts";
import { type Authority, type KeyAndCertificate, selfSigned, testAuthority } from "../../../src/testing.ts";

const [clients, strangers] = [testAuthority(), testAuthority()];
const good = clients.issue([]);
const bad = [strangers.issue([]), strangers.issue([])];
const server = selfSigned();

let listening: Server | undefined;
let transport: Transport | undefined;

afterEach(async () => {
  await transport?.close();
  listening?.closeAllConnections();
  listening?.close();
});

/** Options with these client certificates. */
function tlsWith(pairs: readonly KeyAndCertificate[]) {
  return { ca: [server.cert], cert: pairs.map(({ cert }) => cert), key: pairs.map(({ key }) => key) };
}

/** A server that lets in whom `authority` vouches for, and what it was asked by whom. */
async function start(authority: Authority, version: SecureVersion) {
  const asked: string[] = [];
  let handshakes = 0;
  listening = createServer(
    { ...server, ca: authority.cert, requestCert: true, minVersion: version, maxVersion: version },
    (request, response) => {
      asked.push(`${request.method} ${(request.socket as TLSSocket).getPeerX509Certificate()?.serialNumber}`);
      request.resume().once("end", () => response.end("ok"));
    },
  );
  listening.on("connection", () => handshakes++);
  listening.on("tlsClientError", () => {});
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const made = createTransport();
  transport = made;
  const url = `https://127.0.0.1:${(listening.address() as AddressInfo).port}/`;
  const send = async (pairs: readonly KeyAndCertificate[], parts: Partial<HttpRequest> = {}) => {
    const response = await made.send({ method: "GET", url, tls: tlsWith(pairs), ...parts });
    await response.body.discard();
    return response.status;
  };
  return { asked, send, handshakes: () => handshakes };
}

describe.each<SecureVersion>(["TLSv1.2", "TLSv1.3"])(
  "client certificates of one kind, over %s",
  (version) => {
    it("are tried one after another, and the one that is taken goes first from then on", async () => {
      const { asked, send, handshakes } = await start(clients, version);
      expect(await send([...bad, good])).toBe(200);
      expect(handshakes()).toBe(3);
      expect(await send([...bad, good], { method: "PUT", body: "streamed or not" })).toBe(200);
      expect(handshakes()).toBe(3);
      expect(new Set(asked.map((line) => line.split(" ")[1])).size).toBe(1);
    });

    it("are all refused before the refusal is the answer", async () => {
      const { asked, send, handshakes } = await start(clients, version);
      await expect(send(bad)).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });
      expect([asked, handshakes()]).toEqual([[], 2]);
    });

    it("are shown no more than is needed", async () => {
      const { send, handshakes } = await start(strangers, version);
      expect(await send([...bad, good])).toBe(200);
      expect(handshakes()).toBe(1);
    });
  },
);

describe("certificateChoices()", () => {
  it("makes one choice of what fits together", () => {
    expect(certificateChoices(undefined)).toEqual([undefined]);
    expect(certificateChoices({ skipVerify: true })).toEqual([{ skipVerify: true }]);
    expect(certificateChoices({ cert: good.cert, key: good.key })).toEqual([good]);
    expect(certificateChoices(tlsWith([good, good]))).toEqual([tlsWith([good])]);
    const unknown = { cert: "of a kind that nobody knows", key: "its key" };
    expect(certificateChoices(tlsWith([unknown, good]))).toEqual([tlsWith([unknown, good])]);
  });

  it("makes a choice for each of one kind, in their order", () => {
    const unknown = { cert: "of a kind that nobody knows", key: "its key" };
    const given = [...bad, unknown, good];
    const [first, second] = bad.map((pair) => [pair]);
    expect(certificateChoices(tlsWith(given))).toEqual(
      [[...(first ?? []), unknown], second ?? [], [good]].map(tlsWith),
    );
  });
});
