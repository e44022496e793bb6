import { PartedSink } from "../../content/local/parted-sink.ts";
import type { OpenPlace } from "../../registry/transport/exchange-server.ts";
import { Intake } from "../intake.ts";
import { Claim } from "../ranges/claim.ts";
import type { PlaceOfBlob, Poured, PourInto } from "./poured.ts";

/** The file of an ingest in the thread whose connections bring its bytes. Several pours into it may be under way. */
export interface OpenBlobPlace extends OpenPlace {
  /** @param into a `PourInto` */
  sink(into: unknown): (bytes: Uint8Array) => void | Promise<void>;
  /** Waits for the hash where all bytes are there. */
  close(): Promise<Poured>;
}

/** Opens the file of an ingest in the thread whose connections bring its bytes. Throws as `PartedSink.open` does. */
export async function openBlobPlace(
  { file, incoming, reached }: PlaceOfBlob,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<OpenBlobPlace> {
  const sink = await PartedSink.open(file, options);
  const cells = new BigInt64Array(reached);
  const intakes: Intake[] = [];
  const tell = (): void => {
    Atomics.store(cells, 0, BigInt(sink.edge));
    Atomics.store(cells, 1, BigInt(sink.bytes));
  };
  tell();
  return {
    sink(into) {
      const { skip, isPart, claim: memory } = into as PourInto;
      const claim = Claim.in(memory);
      const intake = new Intake(incoming, {
        offset: claim.start,
        skip,
        isPart,
        end: () => claim.end,
        write: (bytes, at) => sink.write(at, bytes),
        onReached: (position) => {
          claim.reached = position;
          tell();
        },
      });
      intakes.push(intake);
      return (bytes) => intake.take(bytes);
    },
    async close() {
      if (sink.edge >= incoming.size) await sink.digest().catch(() => {}); // who commits it reads it again
      const { bytes } = sink;
      const isTooLong = intakes.some((intake) => intake.isTooLong);
      return { ...(await sink.close()), bytes, isTooLong };
    },
  };
}
