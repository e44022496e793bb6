import { checkArgument, checkOptions } from "../../options/check-options.ts";
import { aPath, aString } from "../../options/rules.ts";
import { AN_ARTIFACT, FETCH_ARTIFACT_OPTIONS, PUSH_ARTIFACT_OPTIONS } from "../api/artifact-rules.ts";
import type { Artifacts } from "../api/artifacts.ts";
import type { FetchArtifactEngine } from "./fetch-artifact.ts";
import type { PushArtifactEngine } from "./push-artifact.ts";

/** What artifacts are moved with. */
export interface ArtifactsEngine extends FetchArtifactEngine, PushArtifactEngine {
  readonly content: PushArtifactEngine["content"];
}

/** The verbs for artifacts; each is loaded when it is used, as most engines only pull. */
export function artifacts(engine: ArtifactsEngine): Artifacts {
  return {
    async pushArtifact(reference, artifact, options = {}) {
      checkArgument("push artifact", "reference", reference, aString);
      checkArgument("push artifact", "artifact", artifact, AN_ARTIFACT);
      checkOptions("push artifact", options, PUSH_ARTIFACT_OPTIONS);
      const { pushArtifact } = await import("./push-artifact.ts");
      return await pushArtifact(engine, { reference, artifact }, options);
    },
    async fetchArtifact(reference, directory, options = {}) {
      checkArgument("fetch artifact", "reference", reference, aString);
      checkArgument("fetch artifact", "directory", directory, aPath);
      checkOptions("fetch artifact", options, FETCH_ARTIFACT_OPTIONS);
      const { fetchArtifact } = await import("./fetch-artifact.ts");
      return await fetchArtifact(engine, { reference, directory }, options);
    },
  };
}
