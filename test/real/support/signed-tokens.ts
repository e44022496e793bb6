import { createPrivateKey, randomBytes, sign, X509Certificate } from "node:crypto";
import { selfSigned } from "../../../src/testing/certificates/self-signed.ts";
import type { TokenClaims } from "../../../src/testing.ts";

/** Who signs the tokens of tests. */
export const ISSUER = "drayage-test-issuer";

/** What of a token may be other than it should be. */
interface Twist {
  /** The registry that it says it is for. */
  readonly audience?: string | undefined;
  /** Until when it says it is good, in milliseconds since the epoch. */
  readonly expiresAtMs?: number | undefined;
}

/** Writes tokens that docker-registry verifies (JWT with ES256, the certificate inside). */
export interface TokenSigner {
  /** PEM, for the registry. */
  readonly certificate: string;
  sign(claims: TokenClaims, twist?: Twist): string;
}

/** Makes a signer with a key of its own. */
export function tokenSigner(): TokenSigner {
  const { key, cert } = selfSigned();
  const privateKey = createPrivateKey(key);
  const x5c = [new X509Certificate(cert).raw.toString("base64")];
  return {
    certificate: cert,
    sign({ subject, service, access, expiresAtMs }, twist = {}) {
      const payload = {
        iss: ISSUER,
        sub: subject,
        aud: twist.audience ?? service,
        exp: seconds(twist.expiresAtMs ?? expiresAtMs),
        nbf: seconds(Date.now()) - 300,
        iat: seconds(Date.now()),
        jti: randomBytes(8).toString("hex"),
        access: access.map(({ repository, actions }) => ({ type: "repository", name: repository, actions })),
      };
      const signed = [{ typ: "JWT", alg: "ES256", x5c }, payload].map(encode).join(".");
      const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });
      return `${signed}.${signature.toString("base64url")}`;
    },
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
