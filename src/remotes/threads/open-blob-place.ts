import { openFileSink } from "../../content/local/open-file-sink.ts";
import type { OpenPlace } from "../../registry/transport/exchange-server.ts";
import { Intake } from "../intake.ts";
import type { PlaceOfBlob, Poured } from "./poured.ts";

/** Opens the file of an ingest in the thread whose connections bring its bytes. Throws as `openFileSink` does. */
export async function openBlobPlace(
  { file, incoming, reached }: PlaceOfBlob,
  options: { readonly signal: AbortSignal },
): Promise<OpenPlace> {
  const sink = await openFileSink(file, options);
  const counter = new BigInt64Array(reached);
  let intake: Intake | undefined;
  return {
    sink(skip) {
      const begun = new Intake(incoming, {
        offset: sink.offset,
        skip,
        write: (bytes) => sink.write(bytes),
        onReached: (bytes) => Atomics.store(counter, 0, BigInt(bytes)),
      });
      intake = begun;
      return (bytes) => begun.take(bytes);
    },
    close(): Poured {
      const poured = { offset: sink.offset, digest: sink.digest(), isTooLong: intake?.isTooLong === true };
      sink[Symbol.dispose]();
      return poured;
    },
  };
}
