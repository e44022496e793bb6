import { nodeTls } from "./node-tls.ts";

/** How Node.js makes connections unless it is told otherwise for one, as somebody has set it in one thread: no other thread knows. */
export interface NetworkDefaults {
  readonly resultOrder: ReturnType<typeof import("node:dns").getDefaultResultOrder>;
  readonly autoSelectFamily: boolean;
  readonly attemptTimeoutMs: number;
}

/** The same of TLS, by the names of `node:tls`. */
export type TlsDefaults = Readonly<
  Pick<
    typeof import("node:tls"),
    "DEFAULT_MIN_VERSION" | "DEFAULT_MAX_VERSION" | "DEFAULT_CIPHERS" | "DEFAULT_ECDH_CURVE"
  >
>;

/** What holds in this thread by now. */
export function networkDefaults(): NetworkDefaults {
  const [dns, net] = [process.getBuiltinModule("node:dns"), process.getBuiltinModule("node:net")];
  return {
    resultOrder: dns.getDefaultResultOrder(),
    autoSelectFamily: net.getDefaultAutoSelectFamily(),
    attemptTimeoutMs: net.getDefaultAutoSelectFamilyAttemptTimeout(),
  };
}

/** Has what holds in another thread hold in this one. */
export function takeNetworkDefaults({
  resultOrder,
  autoSelectFamily,
  attemptTimeoutMs,
}: NetworkDefaults): void {
  const [dns, net] = [process.getBuiltinModule("node:dns"), process.getBuiltinModule("node:net")];
  dns.setDefaultResultOrder(resultOrder);
  net.setDefaultAutoSelectFamily(autoSelectFamily);
  net.setDefaultAutoSelectFamilyAttemptTimeout(attemptTimeoutMs);
}

/** What holds of TLS in this thread by now. */
export function tlsDefaults(): TlsDefaults {
  const { DEFAULT_MIN_VERSION, DEFAULT_MAX_VERSION, DEFAULT_CIPHERS, DEFAULT_ECDH_CURVE } = nodeTls();
  return { DEFAULT_MIN_VERSION, DEFAULT_MAX_VERSION, DEFAULT_CIPHERS, DEFAULT_ECDH_CURVE };
}

/** Has what holds of TLS in another thread hold in this one. */
export function takeTlsDefaults(defaults: TlsDefaults): void {
  Object.assign(nodeTls(), defaults);
}
