/** How the certificate of an endpoint is checked, and what we show of our own. */
export interface TlsOptions {
  /**
   * Accept any certificate.
   * @defaultValue `false`
   * @avoid on any network that strangers reach: whoever answers may then be anybody
   * @example skipVerify: true
   */
  readonly skipVerify?: boolean;
  /**
   * Additional authorities, PEM.
   * @defaultValue Node's own, and `connection.authorities`
   * @example ca: ["-----BEGIN CERTIFICATE-----\n..."]
   */
  readonly ca?: readonly string[];
  /**
   * Client certificate, PEM; of several the one that the server takes.
   * @defaultValue none is shown
   * @example cert: "-----BEGIN CERTIFICATE-----\n...", key: "-----BEGIN PRIVATE KEY-----\n..."
   */
  readonly cert?: string | readonly string[];
  /**
   * Key of the client certificate, PEM; of several in the same order.
   * @defaultValue none
   * @example cert: "-----BEGIN CERTIFICATE-----\n...", key: "-----BEGIN PRIVATE KEY-----\n..."
   */
  readonly key?: string | readonly string[];
}
