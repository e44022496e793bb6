import type { Descriptor } from "../../oci/descriptor.ts";
import { isMediaType } from "../../oci/media-types.ts";
import { eitherOf, listOf, objectOf, type RulesOf, recordOf, required, rule } from "../../options/rule.ts";
import { aFunction, aPath, aString } from "../../options/rules.ts";
import type {
  ArtifactToPush,
  ConfigToPush,
  FetchArtifactOptions,
  FileToPush,
  PushArtifactOptions,
} from "./artifacts.ts";
import { A_DESCRIPTOR, BLOB_OPTIONS, INSPECT_OPTIONS, PUSH_OPTIONS } from "./option-rules.ts";

const aMediaType = rule(
  'a media type such as "text/plain"',
  (value) => typeof value === "string" && isMediaType(value),
);

const aTypedDescriptor = rule("a descriptor with its media type", (value) => {
  if (A_DESCRIPTOR.check(value, "") !== undefined) return false;
  const { mediaType, size } = value as Descriptor;
  return aMediaType.check(mediaType, "") === undefined && size >= 0;
});

const annotations = recordOf(aString);

const fields: RulesOf<ArtifactToPush> = {
  files: listOf(
    objectOf<FileToPush>({ path: required(aPath), title: aString, mediaType: aMediaType, annotations }),
  ),
  artifactType: aMediaType,
  annotations,
  subject: eitherOf(aString, aTypedDescriptor),
  config: objectOf<ConfigToPush>({ path: required(aPath), mediaType: required(aMediaType) }),
};

/** What `Distribution.pushArtifact` makes an artifact of. */
export const AN_ARTIFACT = required(objectOf<ArtifactToPush>(fields));

/** The options of `Distribution.pushArtifact`. */
export const PUSH_ARTIFACT_OPTIONS: RulesOf<PushArtifactOptions> = {
  ...BLOB_OPTIONS,
  priority: PUSH_OPTIONS.priority,
};

/** The options of `Distribution.fetchArtifact`. */
export const FETCH_ARTIFACT_OPTIONS: RulesOf<FetchArtifactOptions> = {
  ...BLOB_OPTIONS,
  platform: aString,
  from: INSPECT_OPTIONS.from,
  titles: listOf(aString),
  verify: aFunction,
};
