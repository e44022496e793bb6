/** How the certificate of an endpoint is checked, and what we show of our own. */
export interface TlsOptions {
  /** Accept any certificate. */
  readonly skipVerify?: boolean;
  /** Additional authorities, PEM. */
  readonly ca?: readonly string[];
  /** Client certificate, PEM; of several the one that the server takes. */
  readonly cert?: string | readonly string[];
  /** Key of the client certificate, PEM; of several in the same order. */
  readonly key?: string | readonly string[];
}
