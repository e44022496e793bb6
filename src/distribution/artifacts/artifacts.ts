import { checkArgument, checkOptions } from "../../options/check-options.ts";
import { aPath, aString } from "../../options/rules.ts";
import type { Artifacts } from "../api/artifacts.ts";
import { FETCH_ARTIFACT_OPTIONS } from "../api/option-rules.ts";
import type { FetchArtifactEngine } from "./fetch-artifact.ts";

/** What artifacts are moved with. */
export type ArtifactsEngine = FetchArtifactEngine;

/** The verbs for artifacts; each is loaded when it is used, as most engines only pull. */
export function artifacts(engine: ArtifactsEngine): Artifacts {
  return {
    async fetchArtifact(reference, directory, options = {}) {
      checkArgument("fetch artifact", "reference", reference, aString);
      checkArgument("fetch artifact", "directory", directory, aPath);
      checkOptions("fetch artifact", options, FETCH_ARTIFACT_OPTIONS);
      const { fetchArtifact } = await import("./fetch-artifact.ts");
      return await fetchArtifact(engine, { reference, directory }, options);
    },
  };
}
