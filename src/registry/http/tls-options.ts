/** How the certificate of an endpoint is checked, and what we show of our own. */
export interface TlsOptions {
  /** Accept any certificate. */
  readonly skipVerify?: boolean;
  /** Additional authorities, PEM. */
  readonly ca?: readonly string[];
  /** Client certificate, PEM. */
  readonly cert?: string;
  /** Key of the client certificate, PEM. */
  readonly key?: string;
}
