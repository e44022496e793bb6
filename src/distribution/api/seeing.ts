/** Transfers of one kind. */
export interface TransferStats {
  /** Those that have a slot. */
  readonly running: number;
  /** Those that wait for one. */
  readonly waiting: number;
}

/** The connections to one host. */
export interface HostStats {
  /** Host and port. */
  readonly host: string;
  /** Sockets that are open, or being opened. */
  readonly connections: number;
  /** Those of them that nobody uses. */
  readonly idle: number;
  /** Requests that wait for one. */
  readonly waiting: number;
  /** How many requests the host is sent at once, at present. */
  readonly requestsAtOnce: number;
}

/** What an engine does at the moment. */
export interface DistributionStats {
  /** Calls under way, of any method. */
  readonly operations: number;
  readonly downloads: TransferStats;
  /** Manifests, indexes and configs. */
  readonly documents: TransferStats;
  readonly uploads: TransferStats;
  /** Bytes of contents that endpoints have brought since the engine was opened, as far as attempts have ended. */
  readonly bytesServed: number;
  /** Hosts to which sockets are open, or are waited for. */
  readonly hosts: readonly HostStats[];
}

/** What an engine shows of itself. */
export interface Seeing {
  /** What it does at the moment. Asks nobody and costs little: for a metrics endpoint, or a person who wonders. */
  stats(): DistributionStats;
}
