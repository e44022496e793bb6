/** The methods of an engine that do something and may fail, and whether each writes to the data root. */
export const VERBS = {
  assemble: "writes",
  check: "writes",
  copy: "reads",
  delete: "reads",
  diskUsage: "reads",
  export: "reads",
  extract: "reads",
  fetchArtifact: "reads",
  fetchTo: "reads",
  import: "writes",
  inspect: "reads",
  list: "reads",
  openBlob: "reads",
  plan: "reads",
  prune: "writes",
  pull: "writes",
  push: "writes",
  pushArtifact: "reads",
  referrers: "reads",
  remove: "writes",
  resolve: "reads",
  sizeOf: "reads",
  tag: "writes",
  tags: "reads",
  unpack: "writes",
  withLease: "writes",
} as const satisfies Readonly<Record<string, "reads" | "writes">>;

/** A method of an engine that does something and may fail. */
export type Verb = keyof typeof VERBS;
