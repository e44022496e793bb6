import { certificateOf, type KeyAndCertificate, keyOf, party } from "./certificate.ts";

/**
 * A fresh key and a certificate for `hosts`, names and addresses, that vouches for itself: its `cert` is also the `ca` that a
 * client has to trust. Good from 2020 to 2049.
 */
export function selfSigned(hosts: readonly string[] = ["localhost", "127.0.0.1"]): KeyAndCertificate {
  const self = party("drayage test registry");
  return { key: keyOf(self), cert: certificateOf(self, self, { hosts, isAuthority: true }) };
}
