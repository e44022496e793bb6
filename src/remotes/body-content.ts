import type { BlobContent } from "../registry/repository/open-content.ts";
import { blamed } from "./blame.ts";
import type { ByteSink, RemoteContent } from "./remote.ts";

/** What a client has opened, as content of a remote. `endpoint` is the origin to blame for a body that breaks. */
export function contentOf({ offset, body }: BlobContent, endpoint: string): RemoteContent {
  return {
    offset,
    pipeTo: (sink) => pipeTo(body, sink, endpoint),
    discard: () => body.discard(),
  };
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
