import { checkArgument, checkOptions } from "../../options/check-options.ts";
import { objectOf, required } from "../../options/rule.ts";
import { aPath, aString } from "../../options/rules.ts";
import type { Artifacts, ArtifactToPush } from "../api/artifacts.ts";
import { ARTIFACT_TO_PUSH, FETCH_ARTIFACT_OPTIONS, PUSH_ARTIFACT_OPTIONS } from "../api/option-rules.ts";
import type { FetchArtifactEngine } from "./fetch-artifact.ts";
import type { PushArtifactEngine } from "./push-artifact.ts";

/** What artifacts are moved with. */
export interface ArtifactsEngine extends FetchArtifactEngine, PushArtifactEngine {
  readonly content: FetchArtifactEngine["content"] & PushArtifactEngine["content"];
}

/** The verbs for artifacts; each is loaded when it is used, as most engines only pull. */
export function artifacts(engine: ArtifactsEngine): Artifacts {
  return {
    async pushArtifact(reference, artifact, options = {}) {
      checkArgument("push artifact", "reference", reference, aString);
      checkArgument(
        "push artifact",
        "artifact",
        artifact,
        required(objectOf<ArtifactToPush>(ARTIFACT_TO_PUSH)),
      );
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
