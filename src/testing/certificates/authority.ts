import { randomBytes } from "node:crypto";
import {
  certificateOf,
  type KeyAndCertificate,
  keyOf,
  type Party,
  party,
  type Validity,
} from "./certificate.ts";

/** Somebody who vouches for others, as a company's own authority does. */
export interface Authority {
  /** What a client has to trust, PEM: its `ca`. */
  readonly cert: string;
  /** A fresh key and a certificate for `hosts`, names and addresses; one of a client may be for none. */
  issue(hosts: readonly string[], validity?: Validity): KeyAndCertificate;
  /** An authority that this one vouches for: what it issues brings its certificate along. */
  intermediate(): Authority;
}

/** A fresh authority, which nobody trusts unless he is told to. */
export function testAuthority(): Authority {
  const self = authorityParty();
  return authorityOf(self, { cert: certificateOf(self, self, { isAuthority: true }), chain: "" });
}

/** @param trust what is to be trusted, and what stands between it and `self` */
function authorityOf(
  self: Party,
  { cert, chain }: { readonly cert: string; readonly chain: string },
): Authority {
  return {
    cert,
    issue(hosts, validity = {}) {
      const subject = party("drayage test certificate");
      const issued = certificateOf(subject, self, { ...validity, hosts, isAuthority: false });
      return { key: keyOf(subject), cert: issued + chain };
    },
    intermediate() {
      const subject = authorityParty();
      const issued = certificateOf(subject, self, { isAuthority: true });
      return authorityOf(subject, { cert, chain: issued + chain });
    },
  };
}

/** Each has a name of its own: clients find the issuer of a certificate by it. */
function authorityParty(): Party {
  return party(`drayage test authority ${randomBytes(6).toString("hex")}`);
}
