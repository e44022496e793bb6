import { findError } from "../errors/predicates.ts";
import type { BlobContent } from "../registry/repository/open-content.ts";
import { blamed } from "./blame.ts";
import type { ByteSink, RemoteContent } from "./remote.ts";
import type { PourInto } from "./threads/poured.ts";

/** What a client has opened, as content of a remote. `endpoint` is the origin to blame for a body that breaks. */
export function contentOf({ offset, body, doubt }: BlobContent, endpoint: string): RemoteContent {
  return {
    offset,
    doubt,
    pipeTo: (sink) => pipeTo(body, sink, endpoint),
    ...(body.pour && { pour: (into) => pour(body, into, endpoint) }),
    discard: () => body.discard(),
  };
}

/** Pours. An error that names no endpoint is of the place, everything else is the endpoint's. */
async function pour(body: BlobContent["body"], into: PourInto, endpoint: string): Promise<void> {
  try {
    await body.pour?.(into);
  } catch (error) {
    throw findError(error)?.endpoint === undefined ? error : blamed(error, endpoint);
  }
}

/** Streams into `sink`. What the sink throws is the caller's own, everything else is the endpoint's. */
async function pipeTo(body: BlobContent["body"], sink: ByteSink, endpoint: string): Promise<void> {
  let ofSink: { readonly error: unknown } | undefined;
  const fail = (error: unknown): never => {
    ofSink = { error };
    throw error;
  };
  try {
    await body.pipeTo((bytes) => {
      try {
        return sink(bytes)?.catch(fail);
      } catch (error) {
        return fail(error);
      }
    });
  } catch (error) {
    throw ofSink ? ofSink.error : blamed(error, endpoint);
  }
}
